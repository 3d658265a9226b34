//! Chunks of histograms whose samples say since when they count, and blocks of all chunks with
//! starts.

use std::path::Path;
use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram, Matcher, Span, is_stale_marker, stale_marker};
use server_storage::{SampleColumns, SelectHints};
use server_tsdb::block::{BlockWriter, EncodedChunk, ulid};
use server_tsdb::check::check;
use server_tsdb::chunk::histogram::{
    AnyHistogram, Count, Fit, Histogram, HistogramReader, HistogramWriter, STARTS_SAMPLES_MAX,
};
use server_tsdb::chunk::{self, Encoding};
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::{Db, Options};

use crate::histograms::{Source, meaning};
use crate::support::{DIR, Random, labels, names, open_with};
use crate::xor2::{laid_out, write};

/// Two observations near zero.
fn two<T: Count>(two: T) -> Histogram<T> {
    Histogram { count: two, zero_count: two, sum: 1.0, ..Histogram::default() }
}

#[test]
fn histogram_chunks_with_starts_say_in_another_byte_what_they_know_of_resets() {
    let mut writer = HistogramWriter::begin_with_start(CounterReset::Gauge, 0, -5, &two(2_i64));
    writer.append_with_start(&Fit::Inside, 1, 0, &two(2));
    let layout = "x00 0 0 0";
    let wanted =
        format!("xc002 x81 {layout}  0 10 010 10 010 x3ff0000000000000 x0a  10 001 0 0 0 0");
    assert_eq!(writer.encoding(), Encoding::HistogramStarts);
    assert_eq!((writer.header(), writer.samples()), (CounterReset::Gauge, 2));
    assert_eq!(*writer.finish(), *laid_out(&wanted));

    let mut writer = HistogramWriter::begin_with_start(CounterReset::NotReset, 0, 0, &two(2.0));
    writer.append(&Fit::Inside, 1, &two(2.0));
    writer.append_with_start(&Fit::Inside, 2, 1, &two(2.0));
    let two_bits = "x4000000000000000 x4000000000000000";
    let wanted =
        format!("x4003 x02 {layout}  0 {two_bits} x3ff0000000000000  10 001 0 0 0  0 0 0 0 0");
    assert_eq!(writer.encoding(), Encoding::FloatHistogramStarts);
    assert_eq!(*writer.finish(), *laid_out(&wanted));

    let mut writer = HistogramWriter::begin(CounterReset::Gauge, 0, &two(2_i64));
    writer.append_with_start(&Fit::Inside, 1, 7, &two(2));
    let wanted = format!("x0002 xc0 {layout}  0 10 010 10 010 x3ff0000000000000  10 001 0 0 0");
    assert_eq!(writer.encoding(), Encoding::Histogram);
    assert_eq!(*writer.finish(), *laid_out(&wanted), "a chunk without starts has no room for one");
}

#[test]
fn a_chunk_of_histograms_with_starts_is_full_sooner() {
    for with_starts in [false, true] {
        let mut writer = match with_starts {
            true => HistogramWriter::begin_with_start(CounterReset::Reset, 0, 0, &two(2_i64)),
            false => HistogramWriter::begin(CounterReset::Reset, 0, &two(2_i64)),
        };
        for time in 1..i64::from(STARTS_SAMPLES_MAX) {
            assert_eq!(writer.fit(&two(2)), Fit::Inside, "{time}");
            writer.append_with_start(&Fit::Inside, time, time - 1, &two(2));
        }
        let fit = writer.fit(&two(2));
        let wanted = if with_starts { Fit::Apart { reset: false } } else { Fit::Inside };
        assert_eq!((writer.samples(), fit), (STARTS_SAMPLES_MAX, wanted));
        // Whoever does not ask damages nothing but the count.
        writer.append(&Fit::Inside, 1 << 20, &two(2));
        assert_eq!(writer.samples(), STARTS_SAMPLES_MAX + u16::from(!with_starts));
        assert_eq!(writer.header(), CounterReset::Reset);
        let mut columns = SampleColumns::default();
        chunk::read(writer.encoding(), writer.bytes(), 0, i64::MAX, &mut columns).unwrap();
        assert_eq!(columns.len(), usize::from(writer.samples()));
        assert_eq!(columns.start(300), with_starts.then_some(299));
    }
}

/// Puts histograms into chunks with starts, takes them out, and says how often a chunk was widened.
fn through_chunks<T: Count>(taken: &[(i64, i64, Histogram<T>)]) -> usize {
    let (mut chunks, mut widened): (Vec<HistogramWriter<T>>, usize) = (Vec::new(), 0);
    for (time, start, histogram) in taken {
        let fit = chunks.last().map(|writer| writer.fit(histogram));
        match (chunks.last_mut(), fit) {
            (Some(writer), Some(fit)) if !matches!(fit, Fit::Apart { .. }) => {
                widened += usize::from(matches!(fit, Fit::Wider(_)));
                writer.append_with_start(&fit, *time, *start, histogram);
                assert!(writer.last().same_counts(histogram));
            }
            _ => {
                let hint = histogram.counter_reset;
                let next = HistogramWriter::begin_with_start(hint, *time, *start, histogram);
                assert_eq!(next.header(), hint);
                chunks.push(next);
            }
        }
    }
    let mut columns = SampleColumns::default();
    for writer in &chunks {
        let (encoding, bytes) = (writer.encoding(), writer.bytes());
        assert_eq!(encoding, T::ENCODING_WITH_STARTS);
        let before = columns.len();
        chunk::read(encoding, bytes, i64::MIN, i64::MAX, &mut columns).unwrap();
        assert_eq!(columns.len() - before, usize::from(chunk::samples(encoding, bytes)));
        for len in (0..bytes.len()).step_by(37) {
            let Ok(mut reader) = HistogramReader::<T>::with_starts(&bytes[..len]) else { continue };
            let mut at = before;
            while let Ok(Some(time)) = reader.next_time() {
                assert_eq!((time, reader.start()), (taken[at].0, taken[at].1));
                at += 1;
            }
        }
    }
    assert_eq!(columns.len(), taken.len());
    for (at, (time, start, histogram)) in taken.iter().enumerate() {
        let found = columns.histogram(at).unwrap();
        assert_eq!(meaning(found), meaning(&histogram.clone().into_float()));
        let found = (columns.timestamps[at], columns.start(at).unwrap_or_default());
        assert_eq!(found, (*time, *start), "sample {at}");
    }
    widened
}

#[test]
fn chunks_give_back_their_histograms_and_their_starts() {
    let mut widened = 0;
    for seed in 0..60 {
        let (mut source, mut random) = (Source::new(seed, seed % 2 == 0), Random::new(seed));
        // Some have starts early, some late, some hardly any.
        let (seldom, from) = (1 + random.below(40), random.below(150));
        let (mut time, mut start) = (random.next() as i64 >> random.below(60), 0);
        let mut next = |at: u64| {
            if at >= from && random.below(seldom) == 0 {
                start = match random.below(4) {
                    0 => 0,
                    1 => random.next() as i64,
                    _ => time,
                };
            }
            time = time.saturating_add(1 + random.below(30_000) as i64);
            (time, start, source.next())
        };
        let taken: Vec<(i64, i64, FloatHistogram)> = (0..200).map(&mut next).collect();
        widened += match seed % 2 {
            0 => {
                let integer = |(time, start, h): &(i64, i64, FloatHistogram)| {
                    (*time, *start, Histogram::<i64>::from_float(h).unwrap())
                };
                through_chunks(&taken.iter().map(integer).collect::<Vec<_>>())
            }
            _ => {
                let float = |(time, start, h): &(i64, i64, FloatHistogram)| {
                    (*time, *start, Histogram::<f64>::from(h))
                };
                through_chunks(&taken.iter().map(float).collect::<Vec<_>>())
            }
        };
    }
    assert!(widened > 100, "hardly a chunk was widened: {widened}");
}

#[test]
fn any_bytes_are_read_as_histograms_with_starts_or_refused() {
    let (mut random, mut found) = (Random::new(7), 0);
    for _ in 0..20_000 {
        let len = random.below(60) as usize;
        let mut bytes: Vec<u8> =
            (0..len).map(|_| (random.next() >> random.below(64)) as u8).collect();
        if let Some(count) = bytes.first_mut() {
            *count &= 0xc0;
        }
        for encoding in [Encoding::HistogramStarts, Encoding::FloatHistogramStarts] {
            let mut columns = SampleColumns::default();
            let whole = chunk::read(encoding, &bytes, i64::MIN, i64::MAX, &mut columns);
            found += usize::from(whole.is_ok() && !columns.is_empty());
            assert!(columns.len() <= usize::from(chunk::samples(encoding, &bytes)));
        }
    }
    assert!(found > 10, "no bytes made sense: {found}");
}

#[test]
fn encodings_have_their_numbers() {
    for (number, encoding, has_floats) in [
        (1, Encoding::Xor, true),
        (2, Encoding::Histogram, false),
        (3, Encoding::FloatHistogram, false),
        (4, Encoding::Xor2, true),
        (5, Encoding::HistogramStarts, false),
        (6, Encoding::FloatHistogramStarts, false),
    ] {
        assert_eq!(Encoding::from_number(number), Some(encoding));
        assert_eq!((encoding as u8, encoding.has_floats()), (number, has_floats));
        let stale = AnyHistogram::stale(encoding, stale_marker());
        assert_eq!(stale.is_none(), has_floats);
        if let Some(AnyHistogram::Integer(h)) = stale {
            assert!(number % 3 == 2 && is_stale_marker(h.sum));
        }
    }
    assert_eq!([0, 7, 255].map(Encoding::from_number), [None; 3]);
}

/// A block with a chunk of each encoding that has starts.
fn write_block(fs: &Arc<dyn Fs>) {
    let floats = write(&[(0, 0, 1.0), (10, 5, 2.0), (20, 5, stale_marker())]).finish();
    // Gauges, whose mark stands above the count.
    let mut integers = HistogramWriter::begin_with_start(CounterReset::Gauge, 0, 3, &two(2_i64));
    integers.append_with_start(&Fit::Inside, 20, 3, &two(2));
    let mut wide = Histogram { positive: vec![1.0], ..two(2.0) };
    wide.layout.positive = vec![Span { offset: 0, length: 1 }];
    let mut fractions = HistogramWriter::begin_with_start(CounterReset::Reset, 0, 7, &two(2.0));
    fractions.append_with_start(&fractions.fit(&wide), 20, 8, &wide);
    let mut writer = BlockWriter::create(fs.clone(), Path::new(DIR), &ulid(1, [0; 10])).unwrap();
    for (name, encoding, bytes) in [
        ("a", Encoding::Xor2, &floats),
        ("b", Encoding::HistogramStarts, &integers.finish()),
        ("c", Encoding::FloatHistogramStarts, &fractions.finish()),
    ] {
        let chunk = EncodedChunk { encoding: encoding as u8, min_time: 0, max_time: 20, bytes };
        writer.add_series(&labels(&[("__name__", name)]), &[chunk]).unwrap();
    }
    let stats = writer.finish(None, None).unwrap().unwrap().stats;
    assert_eq!((stats.num_float_samples, stats.num_histogram_samples), (3, 4));
    assert_eq!(stats.num_samples, 7);
}

/// Names, times and starts, as `a 0 10@5`.
fn starts(db: &Db) -> Vec<String> {
    let querier = db.querier(i64::MIN, i64::MAX);
    let hints = SelectHints { start: i64::MIN, end: i64::MAX, ..SelectHints::default() };
    let mut set = querier.select(true, &hints, &[]).unwrap();
    let (mut columns, mut all) = (SampleColumns::default(), Vec::new());
    while let Some(labels) = set.next(&mut columns).unwrap() {
        let mut text = labels.value("__name__").to_owned();
        for (at, time) in columns.timestamps.iter().enumerate() {
            text += &format!(" {time}");
            if let Some(start) = columns.start(at) {
                text += &format!("@{start}");
            }
        }
        all.push(text);
    }
    all
}

#[test]
fn blocks_have_chunks_with_starts() {
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::default());
    write_block(&fs);
    let open = || open_with(fs.clone(), Options { retention_ms: i64::MAX, ..Options::new(DIR) });
    let db = open();
    assert_eq!(starts(&db), ["a 0 10@5 20@5", "b 0@3 20@3", "c 0@7 20@8"]);
    db.close().unwrap();
    let mut findings = Vec::new();
    check(&*fs, Path::new(DIR), &mut |finding| findings.push(finding.clone())).unwrap();
    assert!(findings.is_empty(), "{findings:?}");

    // Written anew; whether with starts is not the business of chunks.
    let db = open();
    assert_eq!(db.delete(0, 10, &[Matcher::not_equal("__name__", "")]).unwrap(), 3);
    db.clean_tombstones(&mut names()).unwrap();
    let left = starts(&db);
    let left: Vec<_> = left.iter().filter_map(|text| text.split('@').next()).collect();
    assert_eq!(left, ["a 20", "b 20", "c 20"]);
}
