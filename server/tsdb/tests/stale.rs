//! Series that ended leave the memory early, and nothing is lost of them.

use std::path::Path;
use std::sync::Arc;

use common_model::{Labels, Matcher, stale_marker};
use server_storage::Watch;
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs, RealFs};
use server_tsdb::wal::record::{self, RefSample};
use server_tsdb::wal::writer::Record;
use server_tsdb::wal::{SEGMENT_BYTES, Wal, WalCounters};
use server_tsdb::{Db, Options};

use crate::peers::{Prometheus, from_json, peer, visible};
use crate::support::{Contents, DIR, commit, contents, labels, names, names_from, open, open_with};
use crate::upkeep::metric;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// A multiple of two hours.
const START: i64 = 1_699_999_200_000;

fn options(dir: &Path) -> Options {
    Options {
        retention_ms: i64::MAX,
        wal_segment_bytes: 32 * 1024,
        stale_series_share: 0.5,
        ..Options::new(dir)
    }
}

fn one(n: u32, life: &str) -> Labels {
    labels(&[("__name__", "m"), ("n", &n.to_string()), ("life", life)])
}

/// Of forty series thirty end after three hours and a half; the others go on for a while. The head
/// gave one range to a block.
fn fill(db: &Db) {
    let long: Vec<Labels> = (0..10).map(|n| one(n, "long")).collect();
    let short: Vec<Labels> = (0..30).map(|n| one(n, "short")).collect();
    for minute in 0..210 {
        let value = (minute % 7) as f64;
        assert!(commit(db, &long, START + minute * MINUTE, value));
        assert!(commit(db, &short, START + minute * MINUTE, value + 0.5));
    }
    assert!(commit(db, &short, START + 210 * MINUTE, stale_marker()));
    for minute in 210..215 {
        assert!(commit(db, &long, START + minute * MINUTE, 1.0));
    }
}

fn series(db: &Db) -> f64 {
    metric(db, "prometheus_tsdb_head_series")
}

#[test]
fn series_that_ended_leave_memory_and_log_for_blocks_of_their_own() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options(Path::new(DIR)));
    fill(&db);
    let wanted = contents(&db);
    let mut name = names();
    // Somebody reads from before.
    let reader = db.querier(i64::MIN, i64::MAX);
    db.compact(&mut name, &Watch::default()).unwrap();
    assert_eq!(series(&db), 40.0);
    assert_eq!(metric(&db, "prometheus_tsdb_head_stale_series"), 30.0);
    assert_eq!(crate::support::read(&*reader, &[]), wanted);
    drop(reader);
    let bytes = metric(&db, "prometheus_tsdb_wal_storage_size_bytes");
    db.compact(&mut name, &Watch::default()).unwrap();
    assert_eq!(series(&db), 10.0);
    assert_eq!(contents(&db), wanted);
    let now = metric(&db, "prometheus_tsdb_wal_storage_size_bytes");
    assert!(now < bytes, "{now} of {bytes}");
    let mut partial = db.blocks();
    partial.retain(|meta| meta.is_partial());
    assert_eq!(partial.len(), 1, "{partial:?}");
    assert_eq!(partial[0].compaction.hints, ["from-out-of-order", "from-stale-series"]);
    assert_eq!(partial[0].stats.num_series, 30);
    // A start does not bring them back.
    let again = open_with(Arc::new(fs.after_kill()), options(Path::new(DIR)));
    assert_eq!(series(&again), 10.0);
    assert_eq!(contents(&again), wanted);
    drop(again);
    // They come back by themselves.
    assert!(commit(&db, &[one(3, "short")], START + 216 * MINUTE, 5.0));
    let there = contents(&db);
    assert_eq!(series(&db), 11.0);
    assert_eq!(there[&one(3, "short")].len(), wanted[&one(3, "short")].len() + 1);
    // Later there is one block of everything.
    for minute in 217..420 {
        assert!(commit(&db, &[one(0, "long")], START + minute * MINUTE, 1.0));
    }
    let there = contents(&db);
    db.compact(&mut name, &Watch::default()).unwrap();
    db.compact(&mut name, &Watch::default()).unwrap();
    assert!(db.blocks().iter().all(|meta| !meta.is_partial()), "{:?}", db.blocks());
    assert_eq!(contents(&db), there);
    let again = open_with(Arc::new(fs.after_kill()), options(Path::new(DIR)));
    assert_eq!(contents(&again), there);
}

#[test]
fn few_stay_where_they_are() {
    for (share, min, leave) in
        [(0.0, 1, false), (0.76, 1, false), (0.75, 1, true), (0.5, 31, false), (0.5, 30, true)]
    {
        let db = open_with(Arc::new(MemoryFs::default()), Options::new(DIR));
        fill(&db);
        db.set_stale_series_limit(share, min);
        db.compact(&mut names(), &Watch::default()).unwrap();
        assert_eq!(series(&db), if leave { 10.0 } else { 40.0 }, "{share} {min}");
    }
}

#[test]
fn what_was_deleted_of_them_does_not_come_back() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options(Path::new(DIR)));
    fill(&db);
    let mut name = names();
    let delete = |n: &str, from: i64| {
        db.delete(from, i64::MAX, &[Matcher::equal("n", n), Matcher::equal("life", "short")])
    };
    delete("1", START + HOUR).unwrap();
    db.compact(&mut name, &Watch::default()).unwrap();
    delete("2", START + HOUR).unwrap();
    let left = contents(&db);
    assert_eq!(left[&one(1, "short")].len(), 60);
    assert_eq!(left[&one(2, "short")].len(), 60);
    let again = open_with(Arc::new(fs.after_kill()), options(Path::new(DIR)));
    same(&again, &left);
    drop(again);
    db.clean_tombstones(&mut name).unwrap();
    let again = open_with(Arc::new(fs.after_kill()), options(Path::new(DIR)));
    same(&again, &left);
}

/// Both have the same, and otherwise not everything is shown.
#[track_caller]
fn same(db: &Db, wanted: &Contents) {
    let found = contents(db);
    for (labels, samples) in wanted {
        let there = found.get(labels).map_or(&[][..], Vec::as_slice);
        let differs =
            (0..samples.len().max(there.len())).find(|at| there.get(*at) != samples.get(*at));
        assert_eq!(differs, None, "{labels}: {} samples, not {}", there.len(), samples.len());
    }
    assert_eq!(found.len(), wanted.len());
}

/// Lets every call fail once while series leave.
#[test]
fn any_call_may_fail_and_the_process_be_killed_while_they_leave() {
    let filled = MemoryFs::default();
    fill(&open_with(Arc::new(filled.clone()), options(Path::new(DIR))));
    let wanted = contents(&open(&filled.after_kill()));
    let mut reached = 0;
    for call in 1.. {
        let fs = filled.after_kill();
        let inner: Arc<dyn Fs> = Arc::new(fs.clone());
        let kind = std::io::ErrorKind::StorageFull;
        let failing = Arc::new(FailingFs::new(inner, 0, FailureMode::Once, kind));
        let db = open_with(failing.clone(), options(Path::new(DIR)));
        let fail_at = failing.calls() + call;
        failing.fail_at(fail_at);
        let mut name = names();
        let outcome = db.compact(&mut name, &Watch::default());
        let failed = failing.calls() >= fail_at;
        failing.heal();
        assert_eq!(contents(&db), wanted, "call {call}");
        let killed = open_with(Arc::new(fs.after_kill()), options(Path::new(DIR)));
        assert_eq!(contents(&killed), wanted, "call {call}, killed");
        drop(killed);
        let cut = fs.after_power_cut(&mut |limit| call % limit.max(1));
        let cut = open_with(Arc::new(cut), options(Path::new(DIR)));
        let (found, all) = (contents(&cut), &wanted);
        assert!(found.iter().all(|(labels, s)| s.iter().all(|s| all[labels].contains(s))));
        // And then it works.
        let mut name = names_from(1_900_000_000_000);
        db.compact(&mut name, &Watch::default()).unwrap();
        db.compact(&mut name, &Watch::default()).unwrap();
        assert_eq!((contents(&db) == wanted, series(&db)), (true, 10.0), "call {call}, again");
        if !failed {
            assert!(outcome.is_ok());
            break;
        }
        reached = call;
    }
    println!("{reached} calls failed");
    assert!(reached > 20);
}

#[test]
fn series_that_left_a_newer_version_come_back_as_new_ones() {
    let fs = MemoryFs::default();
    let dir = Path::new("/data/wal");
    fs.create_dir(dir).unwrap();
    let counters = Arc::new(WalCounters::default());
    let mut wal = Wal::new(Arc::new(fs.clone()), dir, SEGMENT_BYTES, 0, counters);
    let mut log = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut plain = Vec::new();
        write(&mut plain);
        wal.log(vec![Record::new(&plain)]).unwrap();
    };
    let name = |number: u64, n: u32| {
        move |out: &mut Vec<u8>| {
            record::begin_series(out);
            record::push_series(out, number, 3, one(n, "x").iter());
        }
    };
    let samples = |number: u64, times: std::ops::Range<i64>| {
        move |out: &mut Vec<u8>| {
            let sample =
                |time| RefSample { series: number, time: START + time, value: time as f64 };
            record::encode_samples(out, times.clone().map(sample));
        }
    };
    log(&name(1, 1));
    log(&name(2, 2));
    log(&samples(1, 0..500));
    log(&samples(2, 0..500));
    for number in [1, 2] {
        log(&|out| {
            record::begin_tombstones(out);
            record::push_tombstone(out, number, i64::MIN, i64::MAX);
        });
    }
    log(&name(7, 1));
    log(&samples(7, 500..900));
    let wanted: Contents =
        [(one(1, "x"), (500..900).map(|t| (START + t, (t as f64).to_bits())).collect())].into();
    let db = open(&fs);
    assert_eq!(db.replay_report().series_left, 2);
    assert_eq!(contents(&db), wanted);
    assert_eq!(series(&db), 1.0);
    assert_eq!(contents(&open(&fs.after_kill())), wanted);
}

#[test]
fn prometheus_starts_where_series_left_early() {
    let Some(program) = peer("prometheus") else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let db = Db::open(options(&dir), Arc::new(RealFs)).unwrap();
    fill(&db);
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert_eq!(series(&db), 10.0);
    assert!(commit(&db, &[one(3, "short")], START + 216 * MINUTE, 5.0));
    let wanted = contents(&db);
    db.close().unwrap();
    let prometheus = Prometheus::start(&program, &dir, "scrape_configs: []\n", &[]);
    let answer = prometheus.query("{__name__=~\".+\"}[5h]", Some(START + 217 * MINUTE));
    assert_eq!(from_json(&answer), visible(&wanted));
    drop(prometheus);
    let db = Db::open(options(&dir), Arc::new(RealFs)).unwrap();
    assert_eq!(contents(&db), wanted);
}
