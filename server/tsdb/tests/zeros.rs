//! Zeros where counters begin: taken where Prometheus 3.5.3 takes them, silently left out elsewhere.

use std::sync::Arc;

use common_model::Labels;
use server_storage::{NumberedSample, SeriesRef};
use server_tsdb::fs::MemoryFs;
use server_tsdb::{Db, Options};

use crate::support::{DIR, contents, labels, open_with};
use crate::upkeep::metric;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const NOW: i64 = 400_000 * HOUR;

/// Options with a window for samples out of order, which no zero makes use of.
fn options(out_of_order_window_ms: i64) -> Options {
    Options { out_of_order_window_ms, ..Options::new(DIR) }
}

/// Times behind [`NOW`] and values of the one series.
fn stored(db: &Db) -> Vec<(i64, f64)> {
    let samples = contents(db).into_values().next().unwrap_or_default();
    samples.into_iter().map(|(time, bits)| (time - NOW, f64::from_bits(bits))).collect()
}

/// Appends a sample with a zero before it, by number where the series has one; gives the number.
fn scrape(db: &Db, known: Option<SeriesRef>, set: &Labels, start: i64, time: i64) -> SeriesRef {
    let mut batch = db.appender();
    let number = match known {
        Some(series) => {
            batch.append_zero(series, None, start, time);
            let sample = NumberedSample { series, timestamp: time, value: 7.0 };
            batch.append_known(&[sample], &mut |_, error| panic!("{error}"));
            series
        }
        None => {
            batch.append_zero(SeriesRef(0), Some(set), start, time);
            batch.append(SeriesRef(0), set, time, 7.0).unwrap()
        }
    };
    batch.commit().unwrap();
    number
}

#[test]
fn a_zero_is_taken_where_it_is_in_order() {
    let set = labels(&[("__name__", "a_total")]);
    for window in [0, 6 * HOUR] {
        for (first, second, wanted) in [
            // The same start again and again.
            (-MINUTE, -MINUTE, &[-MINUTE][..]),
            // The counter began anew, after the last sample, at it, or before it.
            (-MINUTE, 10 * SECOND, &[-MINUTE, 10 * SECOND]),
            (-MINUTE, 0, &[-MINUTE]),
            (-MINUTE, -SECOND, &[-MINUTE]),
            // Not at the sample, nor after it.
            (0, 15 * SECOND, &[]),
            (SECOND, 16 * SECOND, &[]),
            // In an empty store the sample says what is too old.
            (-HOUR, -HOUR, &[-HOUR]),
            (-HOUR - 1, -HOUR - 1, &[]),
            (-24 * HOUR, -24 * HOUR, &[]),
            (i64::MIN, i64::MIN, &[]),
            (i64::MIN, i64::MAX, &[]),
        ] {
            for by_number in [false, true] {
                let fs = MemoryFs::default();
                let db = open_with(Arc::new(fs.clone()), options(window));
                let at = |start: i64| NOW.saturating_add(start);
                let number = scrape(&db, None, &set, at(first), NOW);
                let known = by_number.then_some(number);
                scrape(&db, known, &set, at(second), NOW + 15 * SECOND);
                let mut all: Vec<(i64, f64)> = wanted.iter().map(|at| (*at, 0.0)).collect();
                all.extend([(0, 7.0), (15 * SECOND, 7.0)]);
                all.sort_by_key(|(time, _)| *time);
                let case = format!("{first} {second}, window {window}, number {by_number}");
                assert_eq!(stored(&db), all, "{case}");
                for refused in ["out_of_order_samples", "out_of_bound_samples", "too_old_samples"] {
                    let name = format!("prometheus_tsdb_{refused}_total");
                    assert_eq!(metric(&db, &name), 0.0, "{case}: {refused}");
                }
                let again = open_with(Arc::new(fs.after_kill()), options(window));
                assert_eq!(stored(&again), all, "{case}, opened again");
            }
        }
    }
}

#[test]
fn a_zero_whose_batch_is_dropped_or_whose_series_is_unknown_was_never_there() {
    let set = labels(&[("__name__", "a_total")]);
    let db = open_with(Arc::new(MemoryFs::default()), options(0));
    let mut batch = db.appender();
    batch.append_zero(SeriesRef(0), Some(&set), NOW - MINUTE, NOW);
    batch.rollback();
    assert_eq!(stored(&db), []);
    let mut batch = db.appender();
    for unknown in [SeriesRef(0), SeriesRef(7_000), SeriesRef(u64::MAX)] {
        batch.append_zero(unknown, None, NOW - MINUTE, NOW);
    }
    batch.append_zero(SeriesRef(0), Some(&Labels::empty()), NOW - MINUTE, NOW);
    batch.commit().unwrap();
    assert_eq!(stored(&db), []);
    // A number that is nobody's any more, with the labels: what a scrape does then.
    let mut batch = db.appender();
    batch.append_zero(SeriesRef(7_000), Some(&set), NOW - MINUTE, NOW);
    batch.append(SeriesRef(7_000), &set, NOW, 7.0).unwrap();
    batch.commit().unwrap();
    assert_eq!(stored(&db), [(-MINUTE, 0.0), (0, 7.0)]);
}
