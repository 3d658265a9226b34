//! Append, commit, query, restart.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common_model::{Matcher, Metadata, MetricType, Pattern};
use server_storage::{AppendError, SelectHints, SeriesRef, StorageError, Watch};
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::wal::record::{self, RefSample};
use server_tsdb::wal::writer::Record;
use server_tsdb::wal::{SEGMENT_BYTES, Wal, WalCounters};

use crate::support::{commit, contents, labels, open, read};

#[test]
fn what_is_committed_is_found_and_survives_a_kill() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let series = [labels(&[("__name__", "up"), ("job", "a")]), labels(&[("__name__", "up")])];
    for n in 0..500 {
        assert!(commit(&db, &series, n * 15_000, n as f64));
    }
    let before = contents(&db);
    assert_eq!(before.len(), 2);
    assert!(before.values().all(|samples| samples.len() == 500));
    let after = open(&fs.after_kill());
    assert_eq!(contents(&after), before);
    assert_eq!(after.replay_report().samples, 1000);
    assert_eq!(after.replay_report().corruptions, 0);
}

#[test]
fn a_dropped_batch_leaves_nothing() {
    let db = open(&MemoryFs::default());
    let up = labels(&[("__name__", "up")]);
    let mut batch = db.appender();
    batch.append(SeriesRef(0), &up, 1, 1.0).unwrap();
    batch.rollback();
    assert!(contents(&db).is_empty());
}

#[test]
fn a_second_process_is_kept_out_until_the_first_closes() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let again = |fs: &MemoryFs| {
        server_tsdb::Db::open(server_tsdb::Options::new("/data"), std::sync::Arc::new(fs.clone()))
    };
    assert!(again(&fs).is_err());
    db.close().unwrap();
    assert!(!commit(&db, &[labels(&[("a", "b")])], 1, 1.0), "a closed store takes nothing");
    assert!(again(&fs).is_ok());
}

/// Matches everything and counts how often it was asked.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl Pattern for Counting {
    fn is_match(&self, _: &str) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        true
    }
}

#[test]
fn a_search_ends_when_nobody_waits_for_it_any_more() {
    const VALUES: usize = 5_000;
    let db = open(&MemoryFs::default());
    let ids = (0..VALUES).map(|id| id.to_string());
    let series: Vec<_> = ids.map(|id| labels(&[("__name__", "x"), ("id", &id)])).collect();
    assert!(commit(&db, &series, 1, 1.0));
    // So many looks are answered with yes.
    for (looks, ended) in [(0, true), (10, true), (usize::MAX, false)] {
        let pattern = Arc::new(Counting::default());
        let matchers = [Matcher::regex("id", ".+", pattern.clone(), false)];
        let mut querier = db.querier(0, 10);
        let left = AtomicUsize::new(looks);
        let look = move |n: usize| n.checked_sub(1);
        let relaxed = Ordering::Relaxed;
        let go_on = move || left.fetch_update(relaxed, relaxed, look).is_ok();
        querier.watch(Watch::new(Arc::new(go_on)));
        let found = querier.select(true, &SelectHints::default(), &matchers).map(drop);
        let asked = pattern.0.load(relaxed);
        if ended {
            assert_eq!(found.unwrap_err(), StorageError::Interrupted);
            assert!(asked < VALUES / 2, "{asked} values were looked at");
            let names = querier.label_names(&matchers, 0);
            assert_eq!(names.unwrap_err(), StorageError::Interrupted);
        } else {
            assert!(found.is_ok());
            assert!(asked >= VALUES, "{asked} values were looked at");
        }
    }
}

#[test]
fn samples_out_of_turn_are_refused_as_prometheus_refuses_them() {
    let db = open(&MemoryFs::default());
    let up = labels(&[("__name__", "up")]);
    assert!(commit(&db, std::slice::from_ref(&up), 10_000_000, 1.0));
    for (time, value, wanted) in [
        (10_000_000, 1.0, None),
        (10_000_000, 2.0, Some(AppendError::Duplicate)),
        (9_999_999, 1.0, Some(AppendError::OutOfOrder)),
        (10_000_000 - 3_600_000, 1.0, Some(AppendError::OutOfOrder)),
        (10_000_000 - 3_600_001, 1.0, Some(AppendError::OutOfBounds)),
        (10_000_001, 2.0, None),
    ] {
        let got = db.appender().append(SeriesRef(0), &up, time, value).err();
        assert_eq!(got, wanted, "{time} {value}");
    }
    let empty = db.appender().append(SeriesRef(0), &labels(&[]), 10_000_000, 1.0).err();
    assert_eq!(empty, Some(AppendError::InvalidLabels("empty labelset".to_owned())));
}

#[test]
fn matchers_select_by_label_and_by_its_absence() {
    let db = open(&MemoryFs::default());
    let series = [
        labels(&[("__name__", "up"), ("job", "a")]),
        labels(&[("__name__", "up"), ("job", "b")]),
        labels(&[("__name__", "up")]),
        labels(&[("__name__", "down"), ("job", "a")]),
    ];
    assert!(commit(&db, &series, 1, 1.0));
    let querier = db.querier(0, 10);
    for (matchers, wanted) in [
        (vec![], vec![0, 1, 2, 3]),
        (vec![Matcher::equal("__name__", "up")], vec![0, 1, 2]),
        (vec![Matcher::equal("__name__", "up"), Matcher::equal("job", "a")], vec![0]),
        (vec![Matcher::equal("job", "")], vec![2]),
        (vec![Matcher::not_equal("job", "a")], vec![1, 2]),
        (vec![Matcher::not_equal("job", "")], vec![0, 1, 3]),
        (vec![Matcher::equal("nothing", "")], vec![0, 1, 2, 3]),
        (vec![Matcher::equal("nothing", "x")], vec![]),
        (vec![Matcher::equal("job", "a"), Matcher::not_equal("__name__", "up")], vec![3]),
    ] {
        let found = read(&*querier, &matchers);
        let mut wanted: Vec<_> = wanted.into_iter().map(|at: usize| series[at].clone()).collect();
        wanted.sort();
        assert_eq!(found.keys().cloned().collect::<Vec<_>>(), wanted, "{matchers:?}");
    }
    assert_eq!(querier.label_names(&[], 0).unwrap(), ["__name__", "job"]);
    assert_eq!(querier.label_values("job", &[], 0).unwrap(), ["a", "b"]);
    assert_eq!(querier.label_values("job", &[], 1).unwrap(), ["a"]);
    let down = [Matcher::equal("__name__", "down")];
    assert_eq!(querier.label_values("job", &down, 0).unwrap(), ["a"]);
    assert!(read(&*db.querier(2, 10), &[]).is_empty());
}

#[test]
fn metadata_is_kept_and_replayed() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let up = labels(&[("__name__", "up")]);
    let help = "Whether it answers.".to_owned();
    let metadata = Metadata { kind: MetricType::Gauge, help, unit: String::new() };
    let mut batch = db.appender();
    let id = batch.append(SeriesRef(0), &up, 1, 1.0).unwrap();
    batch.update_metadata(id, &up, &metadata).unwrap();
    batch.commit().unwrap();
    let wanted = [("up".to_owned(), metadata)];
    assert_eq!(db.metadata(), wanted);
    assert_eq!(open(&fs.after_kill()).metadata(), wanted);
}

#[test]
fn numbers_of_a_foreign_log_are_kept_or_replaced() {
    let fs = MemoryFs::default();
    let dir = Path::new("/data/wal");
    fs.create_dir(dir).unwrap();
    let counters = Arc::new(WalCounters::default());
    let mut wal = Wal::new(Arc::new(fs.clone()), dir, SEGMENT_BYTES, 3, counters);
    // A number as it comes, one that is too large for us, zero, and one number for two series.
    let numbers = [7, u64::MAX, 0, u64::from(u32::MAX), 9, 9, 20, 20];
    for (at, number) in numbers.into_iter().enumerate() {
        let mut series = Vec::new();
        record::begin_series(&mut series);
        let name = at.to_string();
        record::push_series(&mut series, number, 1, [("n", name.as_str())].into_iter());
        let mut samples = Vec::new();
        let sample = RefSample { series: number, time: at as i64, value: 1.0 };
        record::encode_samples(&mut samples, [sample, RefSample { series: 55, ..sample }]);
        wal.log(vec![Record::new(&series), Record::new(&samples)]).unwrap();
    }
    let db = open(&fs);
    let found = contents(&db);
    assert_eq!(db.replay_report().unknown_refs, 8);
    for at in 0..numbers.len() {
        let labels = labels(&[("n", &at.to_string())]);
        assert_eq!(found[&labels], [(at as i64, 1.0_f64.to_bits())]);
        // The next sample stands in the log under a number of ours.
        assert!(commit(&db, &[labels], 100, 2.0));
    }
    let again = open(&fs.after_kill());
    assert_eq!(contents(&again), contents(&db));
    assert!(contents(&again).values().all(|samples| samples.len() == 2));
}
