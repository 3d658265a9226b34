//! Batches, queries, syncs and truncations at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use common_model::{Labels, Matcher};
use server_storage::SeriesRef;
use server_tsdb::Options;
use server_tsdb::fs::MemoryFs;

use crate::support::{DIR, contents, labels, open_with, read};

const WRITERS: i64 = 3;
const STEPS: i64 = 400;
/// Small, so that a slow writer is never an hour behind the others.
const STEP_MS: i64 = 1000;

/// Ten series that stay, and two that are there for twenty steps.
fn series(writer: i64, step: i64) -> Vec<Labels> {
    let name = |kind: &str, n: i64| {
        let (writer, n) = (writer.to_string(), n.to_string());
        labels(&[("__name__", kind), ("writer", &writer), ("n", &n)])
    };
    let stay = (0..10).map(|n| name("stays", n));
    stay.chain((0..2).map(|n| name("goes", step / 20 * 2 + n))).collect()
}

#[test]
fn nobody_waits_for_ever_and_nothing_is_lost() {
    let fs = MemoryFs::default();
    let options = Options { wal_segment_bytes: 64 * 1024, ..Options::new(DIR) };
    let db = open_with(Arc::new(fs.clone()), options.clone());
    let done = AtomicBool::new(false);
    let newest: Vec<AtomicI64> = (0..WRITERS).map(|_| AtomicI64::new(0)).collect();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (db, newest) = (&db, &newest);
                scope.spawn(move || {
                    for step in 0..STEPS {
                        let mut batch = db.appender();
                        for labels in series(writer, step) {
                            let time = step * STEP_MS;
                            batch.append(SeriesRef(0), &labels, time, step as f64).unwrap();
                        }
                        batch.commit().unwrap();
                        newest[writer as usize].store(step, Ordering::Release);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let before = newest[0].load(Ordering::Acquire);
                let matcher = [Matcher::equal("writer", "0"), Matcher::equal("__name__", "stays")];
                let found = read(&*db.querier(i64::MIN, i64::MAX), &matcher);
                for samples in found.values() {
                    assert!(samples.windows(2).all(|two| two[1].0 - two[0].0 == STEP_MS));
                    assert!(samples.last().unwrap().0 >= before * STEP_MS);
                }
                db.querier(0, i64::MAX).label_values("n", &[], 0).unwrap();
                assert!(db.cardinality(10).series_by_metric.len() <= 2);
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                db.sync().unwrap();
                let slowest = newest.iter().map(|n| n.load(Ordering::Acquire)).min().unwrap_or(0);
                db.truncate((slowest - 150) * STEP_MS).unwrap();
                thread::yield_now();
            }
        });
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Release);
        assert!(ended.iter().all(Result::is_ok));
    });
    let found = contents(&db);
    for writer in 0..WRITERS {
        for step in STEPS - 150..STEPS {
            for labels in series(writer, step) {
                let there = found.get(&labels).is_some_and(|samples| {
                    samples.binary_search_by_key(&(step * STEP_MS), |sample| sample.0).is_ok()
                });
                assert!(there, "{labels} at step {step}");
            }
        }
    }
    let again = open_with(Arc::new(fs.after_kill()), options);
    assert_eq!(again.replay_report().unknown_refs, 0);
    let kept = |all: &crate::support::Contents| {
        let from = (STEPS - 150) * STEP_MS;
        let mut all = all.clone();
        all.values_mut().for_each(|samples| samples.retain(|sample| sample.0 >= from));
        all.retain(|_, samples| !samples.is_empty());
        all
    };
    assert_eq!(kept(&contents(&again)), kept(&found));
}
