//! Samples move from memory to blocks, and blocks into larger ones: every sample is there once at
//! any moment, whatever fails.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common_model::{Labels, Matcher};
use server_storage::{SeriesRef, Watch};
use server_tsdb::block::BlockMeta;
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs};
use server_tsdb::{Db, Error, Options, wal::segments};

use crate::support::{
    Contents, DIR, Random, commit, contents, labels, names, names_from, open_with, read,
};
use crate::upkeep::metric;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Some noon in 2023, a multiple of all ranges here.
const START: i64 = 1_699_963_200_000;

fn options() -> Options {
    Options { retention_ms: i64::MAX, wal_segment_bytes: 32 * 1024, ..Options::new(DIR) }
}

fn compact(db: &Db) -> Result<(), Error> {
    db.compact(&mut names(), &Watch::default())
}

/// Series that are there all the time, and one for each hour.
fn series(hour: i64) -> Vec<Labels> {
    let stay = ["a", "b", "c"].map(|n| labels(&[("__name__", "stays"), ("n", n)]));
    let mut series = stay.to_vec();
    series.push(labels(&[("__name__", "goes"), ("hour", &hour.to_string())]));
    series.push(labels(&[("Above", "the name"), ("__name__", "stays")]));
    series
}

/// Samples of some minutes from `START` on; says what was written.
fn fill(db: &Db, minutes: std::ops::Range<i64>, random: &mut Random) -> Contents {
    let mut written = Contents::new();
    for minute in minutes {
        let time = START + minute * MINUTE + random.below(1000) as i64;
        let value = random.below(1000) as f64;
        let series = series(minute / 60);
        assert!(commit(db, &series, time, value), "minute {minute}");
        for labels in series {
            written.entry(labels).or_default().push((time, value.to_bits()));
        }
    }
    written
}

fn spans(db: &Db) -> Vec<(i64, i64, u32)> {
    let hours = |time: i64| (time - START).div_euclid(HOUR);
    let span = |meta: &BlockMeta| {
        (hours(meta.min_time), hours(meta.max_time - 1) + 1, meta.compaction.level)
    };
    db.blocks().iter().map(span).collect()
}

#[test]
fn the_head_moves_to_blocks_and_blocks_grow() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    let mut random = Random::new(1);
    let (mut all, mut name) = (Contents::new(), names());
    let mut longest = 0;
    for hour in 0..31 {
        for (labels, mut samples) in fill(&db, hour * 60..hour * 60 + 60, &mut random) {
            all.entry(labels).or_default().append(&mut samples);
        }
        let now = START + (hour + 1) * HOUR;
        db.compact_if_due(now, &mut name, &Watch::default()).unwrap();
        let stats = db.stats();
        assert!(stats.max_time - stats.min_time <= 3 * HOUR, "after hour {hour}");
        assert_eq!(contents(&db), all, "after hour {hour}");
        longest = longest.max(segments::bytes(&fs, Path::new("/data/wal")).unwrap());
    }
    assert_eq!(
        spans(&db),
        [(0, 18, 3), (18, 24, 2), (24, 26, 1), (26, 28, 1)],
        "the newest block stays alone, the rest fill ranges of 6 and 18 hours"
    );
    assert!(db.blocks()[0].compaction.sources.len() == 9, "{:?}", db.blocks()[0]);
    assert!(db.stats().series <= 8, "series that fell silent are gone");
    assert!(longest < 400_000, "the log grew to {longest} bytes");
    assert_eq!(metric(&db, "prometheus_tsdb_compactions_total"), 14.0 + 4.0 + 1.0);
    assert_eq!(metric(&db, "prometheus_tsdb_compactions_failed_total"), 0.0);
    let again = open_with(Arc::new(fs.after_kill()), options());
    assert!(again.replay_report().samples_covered > 0);
    assert_eq!(again.replay_report().unknown_refs, 0);
    assert_eq!(again.stats().series, db.stats().series);
    assert_eq!(contents(&again), all);
    assert!(again.stats().min_time >= START + 28 * HOUR, "the head forgot what blocks have");
}

#[test]
fn a_query_that_began_before_finds_everything_where_it_was() {
    let db = open_with(Arc::new(MemoryFs::default()), options());
    let all = fill(&db, 0..4 * 60, &mut Random::new(2));
    let early = db.querier(i64::MIN, i64::MAX);
    compact(&db).unwrap();
    assert_eq!(spans(&db), [(0, 2, 1)]);
    let late = db.querier(i64::MIN, i64::MAX);
    assert!(db.stats().min_time < START + HOUR, "somebody reads it still");
    assert_eq!(read(&*early, &[]), all);
    assert_eq!(read(&*late, &[]), all, "twice there, once shown");
    assert_eq!(late.label_values("hour", &[], 0).unwrap(), ["0", "1", "2", "3"]);
    drop((early, late));
    compact(&db).unwrap();
    assert!(db.stats().min_time >= START + 2 * HOUR, "nobody reads it any more");
    assert_eq!(contents(&db), all);
}

#[test]
fn queries_and_batches_go_on_while_blocks_are_made() {
    let db = open_with(Arc::new(MemoryFs::default()), options());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| fill(&db, 0..12 * 60, &mut Random::new(3)));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = 0;
                    while !done.load(Ordering::Acquire) {
                        let matcher = [Matcher::equal("n", "a")];
                        let found = read(&*db.querier(i64::MIN, i64::MAX), &matcher);
                        let samples = found.values().next().map_or(&[][..], Vec::as_slice);
                        // One a minute: none is missing and none is there twice.
                        for (minute, (time, _)) in samples.iter().enumerate() {
                            assert_eq!((time - START) / MINUTE, minute as i64);
                        }
                        assert!(samples.len() >= seen);
                        seen = samples.len();
                    }
                })
            })
            .collect();
        let mut name = names();
        while !writer.is_finished() {
            db.compact(&mut name, &Watch::default()).unwrap();
            thread::yield_now();
        }
        let all = writer.join();
        done.store(true, Ordering::Release);
        assert!(readers.into_iter().map(|reader| reader.join()).all(|ended| ended.is_ok()));
        db.compact(&mut name, &Watch::default()).unwrap();
        assert_eq!(contents(&db), all.unwrap_or_default());
        assert!(!db.blocks().is_empty());
    });
}

#[test]
fn a_batch_that_took_too_long_loses_what_a_block_was_made_of() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    let set = |n: &str| labels(&[("__name__", "m"), ("n", n)]);
    assert!(commit(&db, &[set("1")], START, 1.0));
    let mut slow = db.appender();
    slow.append(SeriesRef(0), &set("2"), START + MINUTE, 2.0).unwrap();
    slow.append(SeriesRef(0), &set("3"), START + 3 * HOUR, 3.0).unwrap();
    assert!(commit(&db, &[set("1")], START + 4 * HOUR, 4.0));
    compact(&db).unwrap();
    slow.commit().unwrap();
    assert_eq!(metric(&db, "prometheus_tsdb_out_of_bound_samples_total"), 1.0);
    let wanted = contents(&db);
    assert_eq!(wanted.keys().map(|labels| labels.value("n")).collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(contents(&open_with(Arc::new(fs.after_kill()), options())), wanted);
    // Nothing is pending any more: the series that got nothing can go.
    db.truncate(START + 2 * HOUR).unwrap();
    assert_eq!(db.stats().series, 2);
}

#[test]
fn what_is_deleted_stays_deleted_on_its_way() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    fill(&db, 0..4 * 60, &mut Random::new(4));
    let matcher = [Matcher::equal("n", "b")];
    db.delete(START + 30 * MINUTE, START + 150 * MINUTE, &matcher).unwrap();
    let reader = db.querier(i64::MIN, i64::MAX);
    compact(&db).unwrap();
    // In the block and, because of the reader, in the head too.
    db.delete(START, START + 10 * MINUTE, &matcher).unwrap();
    let wanted = contents(&db);
    drop(reader);
    assert_eq!(contents(&open_with(Arc::new(fs.after_kill()), options())), wanted);
    compact(&db).unwrap();
    assert_eq!(contents(&db), wanted);
    assert_eq!(contents(&open_with(Arc::new(fs.after_kill()), options())), wanted);
    // Everything of a block: it goes without one to replace it.
    db.delete(i64::MIN, START + 2 * HOUR - 1, &[]).unwrap();
    fill(&db, 4 * 60..6 * 60, &mut Random::new(5));
    db.compact(&mut names_from(1_900_000_000_000), &Watch::default()).unwrap();
    assert_eq!(spans(&db), [(2, 4, 1)]);
    db.delete(i64::MIN, START + 4 * HOUR - 1, &[]).unwrap();
    fill(&db, 6 * 60..8 * 60, &mut Random::new(5));
    db.compact(&mut names_from(1_910_000_000_000), &Watch::default()).unwrap();
    assert_eq!(spans(&db), [(4, 6, 1)]);
}

/// Four hours of which a part is deleted, all of it on the disk.
fn prepared(hours: i64) -> (MemoryFs, Contents) {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    fill(&db, 0..hours * 60, &mut Random::new(6));
    db.delete(START + HOUR, START + HOUR + MINUTE, &[Matcher::equal("n", "b")]).unwrap();
    db.close().unwrap();
    (fs.after_kill(), contents(&db))
}

/// Runs a compaction of which a call fails; says how many calls there were.
fn fails(prepared: &MemoryFs, wanted: &Contents, call: u64, mode: FailureMode) -> u64 {
    let memory = prepared.after_kill();
    let idle = FailingFs::new(Arc::new(memory.after_kill()), 0, mode, ErrorKind::StorageFull);
    drop(open_with(Arc::new(idle.clone()), options()));
    let fail_at = if call == 0 { 0 } else { idle.calls() + call };
    let fs = FailingFs::new(Arc::new(memory.clone()), fail_at, mode, ErrorKind::StorageFull);
    let db = open_with(Arc::new(fs.clone()), options());
    let result = compact(&db);
    let calls = fs.calls() - idle.calls();
    let what = format!("call {call} of a compaction failed, {mode:?}, {result:?}");
    assert_eq!(&contents(&db), wanted, "{what}");
    let mut random = Random::new(call);
    let left = [memory.after_kill(), memory.after_power_cut(&mut |n| random.below(n))];
    for left in left {
        let db = open_with(Arc::new(left.clone()), options());
        assert_eq!(&contents(&db), wanted, "{what}, then a crash");
        db.compact(&mut names_from(1_900_000_000_000), &Watch::default()).unwrap();
        assert_eq!(&contents(&db), wanted, "{what}, then a crash and another one");
        let (blocks, stats) = (db.blocks(), db.stats());
        let apart = blocks.windows(2).all(|two| two[0].max_time <= two[1].min_time);
        assert!(apart && !blocks.is_empty(), "{what}: {blocks:?}");
        assert!(stats.max_time - stats.min_time <= 3 * HOUR, "{what}");
        let files = left.list(Path::new(DIR)).unwrap();
        assert!(!files.iter().any(|file| file.name.contains(".tmp")), "{what}: {files:?}");
    }
    fs.heal();
    db.compact(&mut names_from(1_910_000_000_000), &Watch::default()).unwrap();
    assert_eq!(&contents(&db), wanted, "{what}, then it healed");
    calls
}

#[test]
fn any_call_of_a_compaction_may_fail() {
    let mut sum = 0;
    // From the head alone, and with blocks that fill six hours.
    for hours in [4, 9] {
        let (disk, wanted) = prepared(hours);
        let calls = fails(&disk, &wanted, 0, FailureMode::Once);
        assert!(calls > 15, "{calls}");
        for call in 1..=calls {
            for mode in [FailureMode::Once, FailureMode::Forever] {
                fails(&disk, &wanted, call, mode);
            }
        }
        sum += calls;
    }
    println!("{sum} calls failed");
}

#[test]
fn a_compaction_can_be_interrupted_anywhere() {
    let (disk, wanted) = prepared(9);
    for looks in 0..40 {
        let fs = disk.after_kill();
        let db = open_with(Arc::new(fs.clone()), options());
        let left = std::sync::atomic::AtomicI64::new(looks);
        let watch = Watch::new(Arc::new(move || left.fetch_sub(1, Ordering::SeqCst) > 0));
        let ended = db.compact(&mut names(), &watch);
        assert_eq!(contents(&db), wanted);
        assert_eq!(metric(&db, "prometheus_tsdb_compactions_failed_total"), 0.0);
        let names = fs.list(Path::new(DIR)).unwrap();
        assert!(!names.iter().any(|entry| entry.name.contains(".tmp")), "{ended:?} {names:?}");
    }
}

#[test]
fn memory_that_runs_short_moves_to_a_block_early() {
    let options = Options { chunk_bytes_max: 20_000, ..options() };
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options.clone());
    let mut random = Random::new(8);
    let mut all = Contents::new();
    let mut name = names();
    for step in 0..660 {
        let time = START + step * 15_000;
        let value = f64::from_bits(random.next() >> 2);
        assert!(commit(&db, &series(0), time, value));
        for labels in series(0) {
            all.entry(labels).or_default().push((time, value.to_bits()));
        }
        db.compact_if_due(time, &mut name, &Watch::default()).unwrap();
        db.truncate_if_due(time).unwrap();
    }
    assert_eq!(metric(&db, "hearth_tsdb_chunks_dropped_for_space_total"), 0.0);
    assert!(!db.blocks().is_empty(), "{} bytes", db.stats().chunk_bytes);
    assert_eq!(contents(&db), all);
    assert_eq!(contents(&open_with(Arc::new(fs.after_kill()), options)), all);
}

fn used(db: &Db, fs: &MemoryFs) -> u64 {
    let log = segments::bytes(fs, Path::new("/data/wal")).unwrap();
    log + metric(db, "prometheus_tsdb_storage_blocks_bytes") as u64
}

#[test]
fn bytes_are_limited_while_blocks_are_merged_too() {
    let disk = 1_000_000_u64;
    let limit = disk * 15 / 100;
    for options in [
        Options { retention_bytes: limit, ..options() },
        Options { retention_bytes: 1, retention_percentage: 15.0, ..options() },
    ] {
        let fs = MemoryFs::default();
        fs.set_capacity(Some(disk));
        let db = open_with(Arc::new(fs.clone()), options);
        let (mut random, mut name) = (Random::new(9), names());
        for hour in 0..60 {
            fill(&db, hour * 60..hour * 60 + 60, &mut random);
            db.compact(&mut name, &Watch::default()).unwrap();
            assert!(used(&db, &fs) <= limit, "{} bytes after hour {hour}", used(&db, &fs));
        }
        let blocks = db.blocks();
        assert!(metric(&db, "prometheus_tsdb_size_retentions_total") > 2.0);
        assert!(blocks.len() > 3, "{blocks:?}");
        assert!(used(&db, &fs) > limit / 2, "{} bytes are used", used(&db, &fs));
    }
}

#[test]
fn a_damaged_block_is_marked_and_stays() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    fill(&db, 0..7 * 60, &mut Random::new(10));
    compact(&db).unwrap();
    assert_eq!(spans(&db), [(0, 2, 1), (2, 4, 1)]);
    let path = Path::new(DIR).join(&db.blocks()[0].ulid).join("chunks/000001");
    db.close().unwrap();
    let fs = fs.after_kill();
    let mut bytes = fs.read(&path).unwrap();
    let at = bytes.len() - 10;
    bytes[at] ^= 1;
    fs.put(&path, &bytes);
    let db = open_with(Arc::new(fs.clone()), options());
    let mut name = names_from(1_900_000_000_000);
    fill(&db, 7 * 60..11 * 60 + 30, &mut Random::new(11));
    let error = db.compact(&mut name, &Watch::default()).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(metric(&db, "prometheus_tsdb_compactions_failed_total"), 1.0);
    let failed = |db: &Db| db.blocks().iter().map(|m| m.compaction.failed).collect::<Vec<_>>();
    assert_eq!(failed(&db), [true, true, true, false, false]);
    // Nobody tries it again, and what comes later is not held up.
    db.compact(&mut name, &Watch::default()).unwrap();
    fill(&db, 11 * 60 + 30..18 * 60, &mut Random::new(12));
    db.compact(&mut name, &Watch::default()).unwrap();
    assert_eq!(
        spans(&db),
        [(0, 2, 1), (2, 4, 1), (4, 6, 1), (6, 12, 2), (12, 14, 1), (14, 16, 1)],
        "{:?}",
        db.blocks()
    );
    assert!(failed(&open_with(Arc::new(fs.after_kill()), options()))[0]);
}
