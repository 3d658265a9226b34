//! Deleting series: what goes, what stays, and that it stays so.

use std::path::Path;
use std::sync::Arc;

use common_model::Matcher;
use server_storage::Queryable;
use server_tsdb::fs::{MemoryFs, RealFs};
use server_tsdb::wal::segments;
use server_tsdb::{DELETED_RANGES_MAX, Db, Options};

use crate::blocks::{START, create_blocks, sample_data};
use crate::peers::peer;
use crate::support::{DIR, commit, contents, labels, open, open_with};

fn named(name: &str) -> Vec<Matcher> {
    vec![Matcher::equal("__name__", name)]
}

/// The times that are left of each series, as `a:1,2 b:3`.
fn times(db: &Db) -> String {
    let series = contents(db).into_iter().map(|(labels, samples)| {
        let times: Vec<String> = samples.iter().map(|(time, _)| time.to_string()).collect();
        format!("{}:{}", labels.value("__name__"), times.join(","))
    });
    series.collect::<Vec<_>>().join(" ")
}

/// Series `a` and `b` with samples at 0, 10 .. 40.
fn filled(fs: &MemoryFs) -> Db {
    let db = open(fs);
    let series = [labels(&[("__name__", "a")]), labels(&[("__name__", "b")])];
    for time in 0..5 {
        assert!(commit(&db, &series, time * 10, time as f64));
    }
    db
}

#[test]
fn deleted_samples_stay_deleted_through_a_kill() {
    for (name, start, end, wanted) in [
        ("a", 10, 20, "a:0,30,40 b:0,10,20,30,40"),
        ("a", i64::MIN, i64::MAX, "b:0,10,20,30,40"),
        ("b", 40, i64::MAX, "a:0,10,20,30,40 b:0,10,20,30"),
        ("a", 41, 99, "a:0,10,20,30,40 b:0,10,20,30,40"),
        ("a", 20, 10, "a:0,10,20,30,40 b:0,10,20,30,40"),
        ("c", 0, 40, "a:0,10,20,30,40 b:0,10,20,30,40"),
    ] {
        let fs = MemoryFs::default();
        let db = filled(&fs);
        let touched = db.delete(start, end, &named(name)).unwrap();
        assert_eq!(touched > 0, wanted.len() < 31, "{name} {start} {end}");
        assert_eq!(times(&db), wanted, "{name} {start} {end}");
        assert_eq!(times(&open(&fs.after_kill())), wanted, "{name} {start} {end}, after a kill");
    }
}

#[test]
fn what_comes_after_a_deletion_is_kept() {
    let fs = MemoryFs::default();
    let db = filled(&fs);
    db.delete(i64::MIN, i64::MAX, &[]).unwrap();
    assert_eq!(times(&db), "");
    let querier = Queryable::querier(&db, i64::MIN, i64::MAX).unwrap();
    assert_eq!(querier.label_values("__name__", &named("a"), 0).unwrap(), Vec::<String>::new());
    assert!(commit(&db, &[labels(&[("__name__", "a")])], 50, 1.0));
    assert_eq!(times(&db), "a:50");
    assert_eq!(querier.label_values("__name__", &named("a"), 0).unwrap(), ["a"]);
    assert_eq!(times(&open(&fs.after_kill())), "a:50");
}

#[test]
fn so_many_ranges_of_a_series_can_be_deleted_and_joining_them_makes_room() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let series = [labels(&[("__name__", "a")])];
    let last = 3 * DELETED_RANGES_MAX as i64;
    for time in 0..=last {
        assert!(commit(&db, &series, time, 1.0));
    }
    for range in 0..DELETED_RANGES_MAX as i64 {
        assert_eq!(db.delete(range * 3, range * 3, &[]).unwrap(), 1);
    }
    let refused = db.delete(last, last, &[]).unwrap_err();
    assert!(refused.to_string().contains("more than 100 deleted ranges"), "{refused}");
    db.delete(0, 0, &[]).unwrap();
    db.delete(0, last - 1, &[]).unwrap();
    db.delete(last, last, &[]).unwrap();
    assert_eq!(times(&db), "");
}

#[test]
fn deletions_go_with_their_samples() {
    let fs = MemoryFs::default();
    let options = Options { wal_segment_bytes: 32 * 1024, ..Options::new(DIR) };
    let db = open_with(Arc::new(fs.clone()), options.clone());
    let hour = 60 * 60 * 1000;
    let series: Vec<_> =
        (0..20).map(|n| labels(&[("__name__", "a"), ("n", &format!("{n}").repeat(100))])).collect();
    let mut most = 0;
    for step in 0..600 {
        assert!(commit(&db, &series, step * hour / 6, step as f64));
        // Half of what there is, again and again.
        db.delete((step - 3) * hour / 6, (step - 2) * hour / 6, &[]).unwrap();
        if step % 30 == 0 {
            db.truncate((step - 60) * hour / 6).unwrap();
            most = most.max(segments::bytes(&fs, Path::new("/data/wal")).unwrap());
        }
    }
    assert!(most < 300_000, "the log grew to {most} bytes");
    let left = contents(&db);
    assert!(left.values().all(|samples| samples.iter().all(|(time, _)| *time > 597 * hour / 6)));
    let found = contents(&open_with(Arc::new(fs.after_kill()), options));
    assert_eq!(found, left);
}

#[test]
fn deletions_say_that_samples_in_blocks_stay() {
    let Some(promtool) = peer("promtool") else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    create_blocks(&promtool, &sample_data(1, 3, 3), &dir);
    let db = Db::open(Options::new(&dir), Arc::new(RealFs)).unwrap();
    assert_eq!(db.delete(i64::MIN, i64::MAX, &named("nothing")).unwrap(), 0);
    assert_eq!(db.delete(i64::MIN, START - 1, &named("up")).unwrap(), 0);
    let refused = db.delete(i64::MIN, i64::MAX, &named("up")).unwrap_err();
    assert!(refused.to_string().contains("in blocks"), "{refused}");
}
