//! Space that is set aside lets a full disk get room again, and is in nobody's way.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::Watch;
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs, RealFs};
use server_tsdb::wal::segments;
use server_tsdb::{Db, Options, RESERVE_FILE};

use crate::peers::{Prometheus, START, peer};
use crate::support::{Contents, DIR, commit, contents, labels, names, open_with};
use crate::upkeep::metric;

const RESERVE: u64 = 96 << 10;
const SERIES: usize = 50;
/// Less than makes a block due.
const STEPS: i64 = 560;
const STEP_MS: i64 = 15_000;

fn options(reserve_bytes: u64) -> Options {
    Options { reserve_bytes, retention_ms: i64::MAX, ..Options::new(DIR) }
}

fn open(fs: &MemoryFs, reserve_bytes: u64) -> Db {
    open_with(Arc::new(fs.clone()), options(reserve_bytes))
}

fn series() -> Vec<Labels> {
    (0..SERIES).map(|n| labels(&[("__name__", "m"), ("n", &n.to_string())])).collect()
}

fn fill(db: &Db) -> i64 {
    for step in 0..STEPS {
        assert!(commit(db, &series(), START + step * STEP_MS, (step / 7) as f64));
    }
    START + STEPS * STEP_MS
}

/// A disk with room, on which a database sets space aside and writes its log.
fn filled(reserve_bytes: u64) -> (MemoryFs, Db, i64) {
    let fs = MemoryFs::default();
    fs.set_capacity(Some(10 << 20));
    let db = open(&fs, reserve_bytes);
    db.keep_reserve_if_due(START).unwrap();
    assert_eq!(metric(&db, "hearth_tsdb_reserve_bytes"), reserve_bytes as f64);
    let now = fill(&db);
    (fs, db, now)
}

#[test]
fn a_full_disk_gets_room_from_what_was_set_aside_and_not_without() {
    for (reserve_bytes, is_relieved) in [(RESERVE, true), (0, false)] {
        let (fs, db, now) = filled(reserve_bytes);
        db.compact(&mut names(), &Watch::default()).unwrap();
        assert_eq!(db.blocks().len(), 0, "no block was due");
        let wanted = contents(&db);
        let full = fs.used();
        fs.set_capacity(Some(full));
        // Nobody was refused yet.
        db.relieve_if_full(now, &mut names(), &Watch::default()).unwrap();
        assert_eq!(metric(&db, "hearth_tsdb_reserve_bytes"), reserve_bytes as f64);
        assert!(!commit(&db, &series(), now, 1.0), "there is no room for this");
        let relieved = db.relieve_if_full(now, &mut names(), &Watch::default());
        assert_eq!(relieved.is_ok(), is_relieved, "{relieved:?}");
        assert_eq!(db.blocks().len(), usize::from(is_relieved));
        assert_eq!(metric(&db, "hearth_tsdb_reserve_bytes"), 0.0);
        let given_up = metric(&db, "hearth_tsdb_reserve_given_up_total");
        assert_eq!(given_up, f64::from(u8::from(is_relieved)));
        assert!(contents(&db) == wanted);
        assert!(contents(&open(&fs.after_kill(), 0)) == wanted);
        assert_eq!(commit(&db, &series(), now, 1.0), is_relieved);
        if !is_relieved {
            continue;
        }
        let free = full - fs.used();
        assert!(free > RESERVE + RESERVE / 2, "of {full} bytes {free} are free");
        // Space for the next time is set aside when there is plenty again, not before.
        db.keep_reserve_if_due(now + 60_000).unwrap();
        assert_eq!(metric(&db, "hearth_tsdb_reserve_bytes"), 0.0);
        fs.set_capacity(Some(fs.used() + 10 * RESERVE));
        db.keep_reserve_if_due(now + 120_000).unwrap();
        assert_eq!(metric(&db, "hearth_tsdb_reserve_bytes"), RESERVE as f64);
    }
}

#[test]
fn a_disk_that_is_full_again_does_not_get_a_block_at_every_tick() {
    let (fs, db, now) = filled(RESERVE);
    let mut name = names();
    let mut relieve = |at: i64| {
        fs.set_capacity(Some(fs.used()));
        assert!(!commit(&db, &series(), at, 0.5));
        db.relieve_if_full(at, &mut name, &Watch::default()).unwrap();
        db.blocks().len()
    };
    assert_eq!([relieve(now), relieve(now + 1000), relieve(now + 599_000)], [1, 1, 1]);
}

#[test]
fn any_call_may_fail_while_room_is_made() {
    let (fs, db, now) = filled(RESERVE);
    let wanted = contents(&db);
    fs.set_capacity(Some(fs.used()));
    drop(db);
    for mode in [FailureMode::Once, FailureMode::Forever] {
        for fail_at in 1.. {
            let disk = fs.after_kill();
            let failing = FailingFs::new(Arc::new(disk.clone()), 0, mode, ErrorKind::StorageFull);
            let db = open_with(Arc::new(failing.clone()), options(RESERVE));
            assert!(!commit(&db, &series(), now, 1.0));
            let failing_call = failing.calls() + fail_at;
            failing.fail_at(failing_call);
            // What failed is told, and nothing is lost by it.
            let relieved = db.relieve_if_full(now, &mut names(), &Watch::default());
            let calls = failing.calls();
            assert!(contents(&db) == wanted, "{mode:?} {fail_at}");
            assert!(contents(&open(&disk.after_kill(), 0)) == wanted, "{mode:?} {fail_at}");
            failing.heal();
            let left = segments::list(&disk, Path::new("/data/wal")).unwrap().unfinished;
            assert!(mode == FailureMode::Forever || left.is_empty(), "{fail_at}: {left:?} stays");
            // What is deleted now does not come back from a log that could not be cut.
            disk.set_capacity(None);
            assert!(db.delete(START, now, &[Matcher::equal("n", "1")]).unwrap() > 0);
            let wanted: Contents = rest(&wanted);
            assert!(
                contents(&open(&disk.after_kill(), 0)) == wanted,
                "{mode:?} {fail_at}, deleted"
            );
            db.relieve_if_full(now + 600_000, &mut names(), &Watch::default()).unwrap();
            assert!(contents(&db) == wanted, "{mode:?} {fail_at}, healed");
            if relieved.is_ok() && calls < failing_call {
                assert!(fail_at > 10, "only {fail_at} calls to fail");
                break;
            }
        }
    }
}

#[test]
fn what_is_set_aside_counts_as_used() {
    let (fs, db, _) = filled(RESERVE);
    fs.set_capacity(Some(fs.used()));
    let now = START + STEPS * STEP_MS;
    assert!(!commit(&db, &series(), now, 1.0));
    db.relieve_if_full(now, &mut names(), &Watch::default()).unwrap();
    fs.set_capacity(Some(fs.used() + 10 * RESERVE));
    db.keep_reserve_if_due(now + 60_000).unwrap();
    let log = segments::bytes(&fs, Path::new("/data/wal")).unwrap();
    let used = log + metric(&db, "prometheus_tsdb_storage_blocks_bytes") as u64 + RESERVE;
    for (limit, blocks) in [(used, 1), (used - 1, 0)] {
        db.set_retention(i64::MAX, limit, 0.0);
        db.reload_blocks().unwrap();
        assert_eq!(db.blocks().len(), blocks, "{limit}");
    }
    // A hundredth of so little is not worth a file.
    db.keep_reserve_if_due(now + 120_000).unwrap();
    assert_eq!(metric(&db, "hearth_tsdb_reserve_bytes"), 0.0);
}

#[test]
fn a_real_disk_keeps_the_bytes_and_prometheus_passes_over_them() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let options = Options { reserve_bytes: RESERVE, ..Options::new(&dir) };
    let options = Options { retention_ms: i64::MAX, ..options };
    let db = Db::open(options, Arc::new(RealFs) as Arc<dyn Fs>).unwrap();
    db.keep_reserve_if_due(START).unwrap();
    let file = std::fs::metadata(dir.join(RESERVE_FILE)).unwrap();
    assert_eq!(file.len(), RESERVE);
    assert!(file.blocks() * 512 >= RESERVE, "the file is a hole");
    fill(&db);
    let blocks = make_blocks(&db);
    let wanted: Contents = contents(&db);
    db.close().unwrap();
    let (Some(program), Some(promtool)) = (peer("prometheus"), peer("promtool")) else { return };
    let listed = Command::new(promtool).args(["tsdb", "list"]).arg(&dir).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 1 + blocks, "a title and the blocks: {listed}");
    let prometheus = Prometheus::start(&program, &dir, "scrape_configs: []\n", &[]);
    let samples: usize = wanted.values().map(Vec::len).sum();
    let counted = prometheus.query("sum(count_over_time(m[1d]))", Some(START + 12 * 3_600_000));
    let counted = counted["data"]["result"][0]["value"][1].as_str().map(str::to_owned);
    assert_eq!(counted, Some(samples.to_string()));
    assert!(dir.join(RESERVE_FILE).exists());
}

/// Without the series that is deleted.
fn rest(all: &Contents) -> Contents {
    all.iter()
        .filter(|(labels, _)| labels.value("n") != "1")
        .map(|(l, s)| (l.clone(), s.clone()))
        .collect()
}

/// Makes blocks of what is there; says how many.
fn make_blocks(db: &Db) -> usize {
    let late = START + 6 * 3_600_000;
    assert!(commit(db, &series(), late, 1.0));
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert!(!db.blocks().is_empty());
    db.blocks().len()
}
