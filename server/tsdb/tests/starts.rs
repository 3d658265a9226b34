//! Since when samples count: in the log, in the head, in files, in blocks, wherever samples go.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{AppendError, NumberedSample, Querier, SeriesRef, Watch};
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::wal::histograms::{HistogramRecord, KINDS, RefHistogram, kind_of};
use server_tsdb::wal::record::{self, RecordKind, RefSample};
use server_tsdb::wal::writer::Record;
use server_tsdb::wal::{Event, SEGMENT_BYTES, SegmentReader, Wal, WalCounters};
use server_tsdb::{Db, Options};

use crate::histograms::Source;
use crate::support::{DIR, Random, contents, each_series, labels, names, open, open_with};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const START: i64 = 1_699_963_200_000;

/// Times and starts of all samples, zero where none is known.
type Starts = BTreeMap<Labels, BTreeMap<i64, i64>>;

fn starts(querier: &dyn Querier) -> Starts {
    let mut all = Starts::new();
    let outcome = each_series(querier, &[], |labels, columns| {
        let times = columns.timestamps.iter().enumerate();
        all.insert(labels, times.map(|(at, t)| (*t, columns.start(at).unwrap_or(0))).collect());
    });
    outcome.unwrap();
    all
}

fn of(db: &Db) -> Starts {
    starts(&*db.querier(i64::MIN, i64::MAX))
}

fn set(n: usize) -> Labels {
    labels(&[("__name__", "m"), ("n", &n.to_string())])
}

/// A series of one kind of samples, or of all in turns.
struct Writing {
    labels: Labels,
    source: Source,
    kind: u64,
    start: i64,
    number: SeriesRef,
}

impl Writing {
    fn new(n: usize) -> Writing {
        let kind = n as u64 % 4;
        let (labels, number) = (set(n), SeriesRef(0));
        Writing { labels, source: Source::new(n as u64, kind == 1), kind, start: 0, number }
    }

    /// Since when the next sample counts: as before, anew, or nobody knows.
    fn next_start(&mut self, time: i64, random: &mut Random) -> i64 {
        match random.below(40) {
            0 => self.start = 0,
            1 | 2 => self.start = time - random.below(3_000_000) as i64,
            3 => self.start = -(random.below(1 << 50) as i64),
            _ => {}
        }
        // Series whose samples never say it, and some that say it of a few.
        match self.labels.value("n") {
            "0" | "1" | "2" => 0,
            "3" if random.below(20) > 0 => 0,
            _ => self.start,
        }
    }
}

fn options() -> Options {
    Options {
        retention_ms: i64::MAX,
        wal_segment_bytes: 32 * 1024,
        out_of_order_window_ms: 6 * HOUR,
        ..Options::new(DIR)
    }
}

/// Appends a sample of every series, and now and then one that is late; what was taken goes to the
/// model.
fn step(db: &Db, all: &mut [Writing], model: &mut Starts, now: i64, random: &mut Random) {
    let mut batch = db.appender();
    for series in all {
        let late = random.below(12) == 0;
        let time = if late { now - random.below(5 * HOUR as u64) as i64 } else { now };
        let known = model.entry(series.labels.clone()).or_default();
        if known.contains_key(&time) {
            continue;
        }
        let start = series.next_start(time, random);
        let kind = if series.kind == 3 { random.below(3) } else { series.kind };
        let value = random.below(100) as f64;
        let taken = match kind {
            0 if !late && series.number != SeriesRef(0) => {
                let sample = NumberedSample { series: series.number, timestamp: time, value };
                let mut outcome = Ok(series.number);
                batch.append_known(&[sample], &mut |_, error| outcome = Err(error));
                outcome
            }
            0 => batch.append(series.number, &series.labels, time, value),
            1 => {
                let histogram = series.source.next();
                batch.append_integer_histogram(series.number, &series.labels, time, &histogram)
            }
            _ => {
                let histogram = series.source.next();
                batch.append_histogram(series.number, &series.labels, time, &histogram)
            }
        };
        series.number = taken.unwrap();
        batch.set_start(start);
        known.insert(time, start);
    }
    batch.commit().unwrap();
}

#[track_caller]
fn check(found: &Starts, model: &Starts, what: &str) {
    for (labels, samples) in model {
        let there = &found[labels];
        assert_eq!(there.len(), samples.len(), "{what}: {labels}");
        for (time, start) in samples {
            assert_eq!(there.get(time), Some(start), "{what}: {labels} at {time}");
        }
    }
}

#[test]
fn the_start_of_a_sample_goes_wherever_the_sample_goes() {
    let seed = 20;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let (mut fs, mut model, mut name) = (MemoryFs::default(), Starts::new(), names());
    let mut db = open_with(Arc::new(fs.clone()), options());
    let mut all: Vec<Writing> = (0..24).map(Writing::new).collect();
    let mut minute = 0;
    for round in 0..12 {
        for _ in 0..90 {
            step(&db, &mut all, &mut model, START + minute * MINUTE, &mut random);
            minute += 1;
        }
        check(&of(&db), &model, &format!("round {round}"));
        if round % 3 == 0 {
            // With chunks in files, which the next start finds there.
            db.map_head_chunks().unwrap();
            check(&of(&db), &model, &format!("round {round}, mapped"));
        }
        if round % 2 == 0 {
            drop(db);
            fs = fs.after_kill();
            db = open_with(Arc::new(fs.clone()), options());
            check(&of(&db), &model, &format!("round {round}, opened again"));
            // What is numbered anew does not matter here.
            all.iter_mut().for_each(|series| series.number = SeriesRef(0));
        } else {
            db.compact(&mut name, &Watch::default()).unwrap();
            check(&of(&db), &model, &format!("round {round}, compacted"));
        }
    }
    let gone = (START + 3 * HOUR, START + 5 * HOUR);
    db.delete(gone.0, gone.1, &[Matcher::equal("n", "9")]).unwrap();
    model.get_mut(&set(9)).unwrap().retain(|time, _| *time < gone.0 || *time > gone.1);
    db.clean_tombstones(&mut name).unwrap();
    check(&of(&db), &model, "deleted and cleaned");
    let given = model.values().flat_map(BTreeMap::values).filter(|start| **start != 0).count();
    println!("{} blocks, {given} samples with a start", db.blocks().len());
    assert!(db.blocks().len() > 1 && given > 10_000);
}

#[test]
fn floats_are_encoded_as_xor2_where_that_is_wished() {
    let fs = MemoryFs::default();
    let options = Options { xor2: true, ..options() };
    let db = open_with(Arc::new(fs.clone()), options.clone());
    let mut all: Vec<Writing> = (0..8).map(Writing::new).collect();
    let (mut random, mut model, mut name) = (Random::new(3), Starts::new(), names());
    for minute in 0..240 {
        db.set_xor2(minute < 180);
        step(&db, &mut all, &mut model, START + minute * MINUTE, &mut random);
    }
    db.map_head_chunks().unwrap();
    check(&of(&db), &model, "in the head");
    let wanted = contents(&db);
    db.compact(&mut name, &Watch::default()).unwrap();
    assert!(!db.blocks().is_empty());
    assert_eq!(contents(&db), wanted);
    check(&of(&db), &model, "in blocks");
    let again = open_with(Arc::new(fs.after_kill()), options);
    assert_eq!(contents(&again), wanted);
    check(&of(&again), &model, "opened again");
    // What had no start is laid out so, too, in the files that there are.
    let mut encodings = [0; 8];
    for entry in fs.list(Path::new("/data/chunks_head")).unwrap() {
        let bytes = fs.read(&Path::new("/data/chunks_head").join(entry.name)).unwrap();
        // Series, two times, encoding, and a length.
        let mut at = 8;
        while let Some(encoding) = bytes.get(at + 24) {
            let (mut len, mut shift, mut byte) = (0_usize, 0, at + 25);
            loop {
                len |= usize::from(bytes[byte] & 0x7f) << shift;
                (shift, byte) = (shift + 7, byte + 1);
                if bytes[byte - 1] < 0x80 {
                    break;
                }
            }
            encodings[usize::from(encoding & 7)] += usize::from(*encoding < 8);
            at = byte + len + 4;
        }
    }
    // Those that began later are as before.
    assert!(encodings[4] > encodings[1] && encodings[1] > 0, "{encodings:?}");
}

/// First bytes of the records in a log.
fn kinds(fs: &MemoryFs, dir: &str) -> Vec<u8> {
    let mut kinds = Vec::new();
    for entry in fs.list(Path::new(dir)).unwrap() {
        let mut reader = SegmentReader::open(fs, &Path::new(dir).join(entry.name)).unwrap();
        while let Event::Record = reader.next_event().unwrap() {
            kinds.push(reader.record()[0]);
        }
    }
    kinds
}

#[test]
fn what_has_no_start_is_written_as_every_version_reads_it() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    let mut all: Vec<Writing> = (0..3).map(Writing::new).collect();
    let (mut random, mut model) = (Random::new(2), Starts::new());
    for minute in 0..60 {
        step(&db, &mut all, &mut model, START + minute * MINUTE, &mut random);
    }
    let older = |kinds: &[u8]| kinds.iter().all(|kind| *kind <= 10);
    let (wal, wbl) = (kinds(&fs, "/data/wal"), kinds(&fs, "/data/wbl"));
    assert!(older(&wal) && older(&wbl) && !wbl.is_empty(), "{wal:?} {wbl:?}");
    // With the first start the kinds change, of the series that has it alone.
    let mut batch = db.appender();
    batch.append(SeriesRef(0), &set(0), START + HOUR, 1.0).unwrap();
    batch.set_start(START);
    batch
        .append_histogram(SeriesRef(0), &set(2), START + HOUR, &Source::new(1, false).next())
        .unwrap();
    batch.commit().unwrap();
    let newer: Vec<u8> = kinds(&fs, "/data/wal").split_off(wal.len());
    assert_eq!(newer, [11, 8]);
}

#[test]
fn a_start_said_of_a_sample_that_was_not_taken_goes_to_no_other() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let one = set(1);
    let mut batch = db.appender();
    let number = batch.append(SeriesRef(0), &one, START, 1.0).unwrap();
    batch.commit().unwrap();
    let mut batch = db.appender();
    batch.set_start(5);
    batch.append(number, &one, START + 1, 1.0).unwrap();
    let mut refused = Vec::new();
    let again = NumberedSample { series: number, timestamp: START, value: 2.0 };
    batch.append_known(&[again], &mut |_, error| refused.push(error));
    assert_eq!(refused, [AppendError::Duplicate]);
    batch.set_start(6);
    assert_eq!(batch.append(number, &one, START, 1.0), Ok(number), "it is there already");
    batch.set_start(7);
    assert_eq!(batch.append(number, &one, START - 1, 1.0), Err(AppendError::OutOfOrder));
    batch.set_start(8);
    batch.append(number, &one, START + 2, 1.0).unwrap();
    batch.set_start(9);
    batch.commit().unwrap();
    let wanted = [(START, 0), (START + 1, 0), (START + 2, 9)];
    assert_eq!(of(&db)[&one], BTreeMap::from(wanted));
}

#[test]
fn records_with_starts_are_laid_out_as_newer_versions_lay_them_out() {
    let sample = |series, time, value| RefSample { series, time, value };
    let samples = [
        (sample(5, 1000, 1.0), 900),
        (sample(4, 1015, 1.0), 900),
        (sample(300, 1000, 1.0), 0),
        (sample(301, 999, 1.0), 950),
        (sample(302, 1000, 1.0), 900),
    ];
    let mut out = Vec::new();
    record::encode_started_samples(&mut out, samples);
    let one = "3ff0000000000000";
    let wanted = format!(
        "0b 0a d00f 880e {one} 01 1e 01 {one} d004 00 00 {one} 02 01 02 64 {one} 02 00 02 00 {one}"
    );
    let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, wanted.replace(' ', ""));
    assert_eq!(record::kind(&out), RecordKind::Samples);
    let mut found = Vec::new();
    record::decode_samples(&out, |sample, start| found.push((sample, start))).unwrap();
    assert_eq!(found, samples);
    for len in 1..out.len() {
        let mut seen = 0;
        let whole = record::decode_samples(&out[..len], |_, _| seen += 1);
        assert!(whole.is_ok() == (len == 1 || [14, 25, 37, 49].contains(&len)), "{len}");
        assert!(seen < samples.len());
    }
}

#[test]
fn a_log_of_a_newer_version_is_read_with_and_without_starts() {
    let fs = MemoryFs::default();
    let dir = Path::new("/data/wal");
    fs.create_dir(dir).unwrap();
    let mut wal =
        Wal::new(Arc::new(fs.clone()), dir, SEGMENT_BYTES, 0, Arc::new(WalCounters::default()));
    let mut plain = Vec::new();
    record::begin_series(&mut plain);
    (1..=6).for_each(|n| record::push_series(&mut plain, n, 2, set(n as usize).iter()));
    wal.log(vec![Record::new(&plain)]).unwrap();
    let mut model = Starts::new();
    let mut sources: Vec<Source> = (0..4).map(|n| Source::new(n, n < 2)).collect();
    for minute in 0..300 {
        let time = START + minute * MINUTE;
        // It writes the newer kinds also where no sample has a start.
        let start = |series: i64| if series % 2 == 0 { 0 } else { START + minute / 60 - series };
        let mut floats = vec![11];
        let float = (1.0_f64).to_bits().to_be_bytes();
        push(&mut floats, &[1, time, start(1)], &float);
        push(&mut floats, &[1, 0, 0], &float);
        // The second one has no start, which is one byte and no varint.
        let marker = floats.len() - 9;
        assert_eq!(floats[marker], 0);
        wal.log(vec![Record::new(&floats)]).unwrap();
        for (at, source) in sources.iter_mut().enumerate() {
            let series = at as u64 + 3;
            let histogram = source.next();
            let histogram = match at < 2 {
                true => server_tsdb::chunk::histogram::Histogram::<i64>::from_float(&histogram)
                    .map_or_else(
                        || panic!("not integers"),
                        server_tsdb::chunk::histogram::AnyHistogram::Integer,
                    ),
                false => server_tsdb::chunk::histogram::AnyHistogram::Float((&histogram).into()),
            };
            let sample = RefHistogram { series, time, start: start(series as i64), histogram };
            let newer = if at < 2 { 12 } else { 13 };
            assert!(KINDS.contains(&newer));
            assert!(sample.start == 0 || kind_of(&sample.histogram, sample.start) == newer);
            let mut record = HistogramRecord::new(newer);
            record.push(&sample);
            wal.log(vec![Record::new(record.bytes())]).unwrap();
        }
        for series in 1..=6 {
            model.entry(set(series as usize)).or_default().insert(time, start(series));
        }
    }
    drop(wal);
    let db = open(&fs);
    let report = db.replay_report();
    assert_eq!((report.samples, report.records_invalid, report.unknown_refs), (1800, 0, 0));
    assert!(report.records_skipped.is_empty(), "{report:?}");
    check(&of(&db), &model, "replayed");
    // A checkpoint keeps them.
    let cutoff = START + 100 * MINUTE;
    db.truncate(cutoff).unwrap();
    model.values_mut().for_each(|samples| samples.retain(|time, _| *time >= cutoff));
    let again = open(&fs.after_kill());
    for (labels, samples) in of(&again) {
        let from: BTreeMap<_, _> =
            samples.into_iter().filter(|(time, _)| *time >= cutoff).collect();
        assert_eq!(from, model[&labels], "{labels}");
    }
}

fn push(out: &mut Vec<u8>, numbers: &[i64], rest: &[u8]) {
    for number in numbers {
        let mut value = ((number << 1) ^ (number >> 63)) as u64;
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
    out.extend_from_slice(rest);
}
