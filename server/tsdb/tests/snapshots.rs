//! Snapshots and blocks rid of what was deleted: whole or not there at all, whatever call fails,
//! and Prometheus starts on them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_model::Matcher;
use server_tsdb::block::ulid;
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs, RealFs};
use server_tsdb::{Db, Error, Options};

use crate::blocks::{START, sample_data};
use crate::blocks_written::write_blocks;
use crate::peers::{Prometheus, peer};
use crate::support::{Contents, DIR, Random, commit, contents, labels, names, open_with};

const HOUR: i64 = 3_600_000;
const NAME: &str = "20231114T221320Z-00000000000000ff";

fn options(dir: &Path) -> Options {
    Options { retention_ms: i64::MAX, ..Options::new(dir) }
}

/// Blocks of four hours, two hours of the head behind them, and a hole in each.
fn filled(fs: &Arc<dyn Fs>, dir: &Path) -> Db {
    write_blocks(fs, dir, &sample_data(8, 9, 4)).unwrap();
    let db = open_with(fs.clone(), options(dir));
    let last = db.blocks().iter().map(|meta| meta.max_time).max().unwrap();
    let series: Vec<_> =
        ["up", "x"].iter().map(|n| labels(&[("__name__", *n), ("of", "head")])).collect();
    for step in 0..480 {
        assert!(commit(&db, &series, last + step * 15_000, step as f64));
    }
    let up = [Matcher::equal("__name__", "up")];
    assert!(db.delete(START + HOUR, START + 3 * HOUR, &up).unwrap() > 0);
    assert!(db.delete(last + HOUR, last + HOUR + 60_000, &up).unwrap() > 0);
    db
}

fn opened(fs: &Arc<dyn Fs>, dir: &Path) -> Contents {
    contents(&open_with(fs.clone(), options(dir)))
}

fn snapshots(dir: &Path) -> PathBuf {
    dir.join("snapshots")
}

/// Counts the calls `act` makes, then lets each of them fail, once and for ever, and hands what a
/// kill and a power cut leave to `check`.
fn at_every_call(
    prepare: &dyn Fn() -> MemoryFs,
    act: &dyn Fn(&Db) -> Result<(), Error>,
    check: &dyn Fn(MemoryFs, &str),
) {
    let run = |fail_after: Option<u64>, mode| {
        let memory = prepare();
        // Opening makes calls of its own, always as many.
        let count = FailingFs::new(Arc::new(memory.clone()), 0, mode, ErrorKind::Other);
        drop(open_with(Arc::new(count.clone()), options(Path::new(DIR))));
        let memory = prepare();
        let fail_at = fail_after.map_or(0, |call| count.calls() + call);
        let fs = FailingFs::new(Arc::new(memory.clone()), fail_at, mode, ErrorKind::Other);
        let db = open_with(Arc::new(fs.clone()), options(Path::new(DIR)));
        let result = act(&db);
        (memory, fs.calls() - count.calls(), result)
    };
    let (_, calls, result) = run(None, FailureMode::Once);
    result.unwrap();
    assert!(calls > 10, "{calls}");
    for call in 1..=calls {
        for mode in [FailureMode::Once, FailureMode::Forever] {
            let (memory, _, result) = run(Some(call), mode);
            let what = format!("call {call} of {calls}, {mode:?}: {result:?}");
            let mut random = Random::new(call);
            check(memory.after_kill(), &what);
            check(memory.after_power_cut(&mut |n| random.below(n)), &what);
        }
    }
    println!("{calls} calls failed");
}

fn prepared() -> MemoryFs {
    let memory = MemoryFs::default();
    filled(&(Arc::new(memory.clone()) as Arc<dyn Fs>), Path::new(DIR)).close().unwrap();
    memory.after_kill()
}

#[test]
fn a_snapshot_holds_what_the_database_holds() {
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::default());
    let dir = Path::new(DIR);
    let db = filled(&fs, dir);
    let wanted = contents(&db);
    db.snapshot(NAME, Some(&names()())).unwrap();
    db.snapshot("blocks-only", None).unwrap();
    assert_eq!(opened(&fs, &snapshots(dir).join(NAME)), wanted);
    let of_blocks: Contents = wanted
        .iter()
        .filter(|(l, _)| l.value("of") != "head")
        .map(|(l, s)| (l.clone(), s.clone()))
        .collect();
    assert_eq!(opened(&fs, &snapshots(dir).join("blocks-only")), of_blocks);
    for wrong in ["", "../x", "a/b", ".."] {
        assert!(db.snapshot(wrong, None).is_err(), "{wrong}");
    }
    assert_eq!(contents(&db), wanted);
    // What is deleted later stays in it.
    db.delete(i64::MIN, i64::MAX, &[]).unwrap();
    db.clean_tombstones(&mut names()).unwrap();
    assert!(contents(&db).is_empty() && db.blocks().is_empty());
    assert_eq!(opened(&fs, &snapshots(dir).join(NAME)), wanted);
    assert!(commit(&db, &[labels(&[("a", "b")])], START + 20 * HOUR, 1.0));
}

#[test]
fn a_snapshot_of_nothing_is_an_empty_folder() {
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::default());
    let db = open_with(fs.clone(), options(Path::new(DIR)));
    db.snapshot(NAME, Some(&names()())).unwrap();
    assert!(fs.list(&snapshots(Path::new(DIR)).join(NAME)).unwrap().is_empty());
}

#[test]
fn a_snapshot_is_there_as_a_whole_or_not_at_all() {
    let dir = Path::new(DIR);
    let wanted = contents(&open_with(Arc::new(prepared()), options(dir)));
    at_every_call(&prepared, &|db| db.snapshot(NAME, Some(&names()())), &|left, what| {
        let fs: Arc<dyn Fs> = Arc::new(left);
        assert_eq!(opened(&fs, dir), wanted, "{what}");
        let made = fs.list(&snapshots(dir)).unwrap_or_default();
        assert!(!made.iter().any(|entry| entry.name != NAME), "{what}: {made:?}");
        // Directories of the file system in memory survive, files without their names do not.
        let whole = !made.is_empty() && !what.contains("Err");
        if whole {
            assert_eq!(opened(&fs, &snapshots(dir).join(NAME)), wanted, "{what}");
        }
    });
}

#[test]
fn blocks_are_rid_of_what_was_deleted() {
    let memory = MemoryFs::default();
    let fs: Arc<dyn Fs> = Arc::new(memory.clone());
    let db = filled(&fs, Path::new(DIR));
    let wanted = contents(&db);
    let before = db.blocks();
    let stones = |db: &Db| db.blocks().iter().map(|meta| meta.stats.num_tombstones).sum::<u64>();
    let samples = |db: &Db| db.blocks().iter().map(|meta| meta.stats.num_samples).sum::<u64>();
    assert!(stones(&db) > 0);
    let old = samples(&db);
    db.clean_tombstones(&mut names()).unwrap();
    assert_eq!((contents(&db), stones(&db)), (wanted.clone(), 0));
    assert!(samples(&db) < old);
    for (was, is) in before.iter().zip(db.blocks()) {
        assert_eq!((was.min_time, was.max_time), (is.min_time, is.max_time));
        let replaced = was.stats.num_tombstones > 0;
        assert_eq!(is.ulid != was.ulid, replaced);
        assert_eq!(is.compaction.parents.iter().any(|parent| parent.ulid == was.ulid), replaced);
        assert_eq!(is.compaction.level, 1);
    }
    let folders = fs.list(Path::new(DIR)).unwrap();
    assert_eq!(folders.len(), before.len() + 1, "blocks and log: {folders:?}");
    db.clean_tombstones(&mut || unreachable!("nothing is left to clean")).unwrap();
    drop(db);
    assert_eq!(opened(&(Arc::new(memory.after_kill()) as Arc<dyn Fs>), Path::new(DIR)), wanted);
}

#[test]
fn cleaning_leaves_every_block_whole() {
    let dir = Path::new(DIR);
    let wanted = contents(&open_with(Arc::new(prepared()), options(dir)));
    at_every_call(&prepared, &|db| db.clean_tombstones(&mut names()), &|left, what| {
        let fs: Arc<dyn Fs> = Arc::new(left);
        let db = open_with(fs.clone(), options(dir));
        assert_eq!(contents(&db), wanted, "{what}");
        let made = fs.list(dir).unwrap();
        assert!(!made.iter().any(|entry| entry.name.contains(".tmp")), "{what}: {made:?}");
        db.clean_tombstones(&mut names_of_later()).unwrap();
        assert_eq!(contents(&db), wanted, "{what}, cleaned after all");
    });
}

fn names_of_later() -> impl FnMut() -> String {
    let mut time = 1_900_000_000_000;
    move || {
        time += 1;
        ulid(time, [9; 10])
    }
}

#[test]
fn prometheus_starts_on_a_snapshot_and_on_cleaned_blocks() {
    let Some(prometheus) = peer("prometheus") else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let db = filled(&fs, &data);
    let wanted = contents(&db);
    db.snapshot("dirty", Some(&names()())).unwrap();
    db.clean_tombstones(&mut names()).unwrap();
    db.snapshot("clean", Some(&names_of_later()())).unwrap();
    for name in ["dirty", "clean"] {
        let judge =
            Prometheus::start(&prometheus, &snapshots(&data).join(name), "global: {}\n", &[]);
        for metric in ["up", "x"] {
            let end = wanted.values().flatten().map(|(time, _)| *time).max().unwrap();
            let query = format!("count_over_time({{__name__=\"{metric}\"}}[30d])");
            let answer = judge.query(&query, Some(end));
            let mut counts: Vec<usize> = answer["data"]["result"]
                .as_array()
                .unwrap()
                .iter()
                .map(|series| series["value"][1].as_str().unwrap().parse().unwrap())
                .collect();
            let ours = wanted.iter().filter(|(labels, _)| labels.metric_name() == metric);
            let mut ours: Vec<usize> = ours.map(|(_, samples)| samples.len()).collect();
            counts.sort_unstable();
            ours.sort_unstable();
            assert!(!ours.is_empty(), "{metric}");
            assert_eq!(counts, ours, "{name}: {metric}: {answer}");
        }
    }
}
