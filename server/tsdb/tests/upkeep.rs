//! Retention, limits, figures: what the database does and says besides keeping samples.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use common_instrument::{Collector, SampleValue, Samples};
use common_model::{Labels, Metadata};
use server_storage::{AppendError, SeriesRef};
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::{Db, Options, Stat, wal::segments};

use crate::support::{DIR, Random, commit, contents, labels, names, open, open_with};

const HOUR_MS: i64 = 60 * 60 * 1000;

fn numbered(count: usize) -> Vec<Labels> {
    (0..count).map(|n| labels(&[("__name__", "m"), ("n", &n.to_string())])).collect()
}

pub(crate) fn metric(db: &Db, name: &str) -> f64 {
    let mut samples = Samples::default();
    db.collect(&mut samples).unwrap();
    let family = samples.families().find(|family| family.name() == name).unwrap();
    match family.samples().next().unwrap().value() {
        SampleValue::Number(number) => number,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn old_samples_go_and_the_log_stays_bounded() {
    let fs = MemoryFs::default();
    let options =
        Options { retention_ms: 24 * HOUR_MS, wal_segment_bytes: 32 * 1024, ..Options::new(DIR) };
    let db = open_with(Arc::new(fs.clone()), options.clone());
    let series = numbered(20);
    let mut random = Random::new(1);
    let mut most = 0;
    // Ten days, a sample every five minutes; every day another series joins and one falls silent.
    for step in 0..10 * 24 * 12 {
        let now = step * 5 * 60_000;
        let day = (now / (24 * HOUR_MS)) as usize;
        assert!(commit(&db, &series[day..day + 10], now, random.next() as f64));
        db.truncate_if_due(now).unwrap();
        most = most.max(segments::bytes(&fs, Path::new("/data/wal")).unwrap());
    }
    let stats = db.stats();
    let kept = stats.max_time - stats.min_time;
    // A tenth of the retention is waited for, and chunks go whole.
    assert!((24 * HOUR_MS..30 * HOUR_MS).contains(&kept), "{} hours", kept / HOUR_MS);
    assert!(stats.series <= 13, "{} series", stats.series);
    assert!(most < 600_000, "the log grew to {most} bytes");
    assert!(metric(&db, "prometheus_tsdb_head_series_removed_total") >= 6.0);
    assert!(metric(&db, "prometheus_tsdb_checkpoint_creations_total") >= 20.0);
    let found = contents(&open_with(Arc::new(fs.after_kill()), options));
    let limit = stats.max_time - 24 * HOUR_MS;
    for (labels, samples) in contents(&db) {
        let recent = |samples: &[(i64, u64)]| {
            samples.iter().copied().filter(|sample| sample.0 >= limit).collect::<Vec<_>>()
        };
        let replayed = found.get(&labels).map(|samples| recent(samples)).unwrap_or_default();
        assert_eq!(replayed, recent(&samples), "{labels}");
    }
}

#[test]
fn a_clock_that_jumps_ahead_does_not_empty_the_store() {
    let options = Options { retention_ms: 20 * HOUR_MS, ..Options::new(DIR) };
    let db = open_with(Arc::new(MemoryFs::default()), options);
    for hour in 0..20 {
        assert!(commit(&db, &numbered(1), hour * HOUR_MS, 1.0));
    }
    let year = 365 * 24 * HOUR_MS;
    assert!(!db.truncate_if_due(year).unwrap(), "nothing is older than the newest sample allows");
    assert!(commit(&db, &numbered(1), year, 1.0));
    assert!(db.truncate_if_due(2 * year).unwrap());
    assert!(db.stats().min_time <= 4 * HOUR_MS, "at most a fifth of the retention goes at once");
}

#[test]
fn chunks_above_the_limit_push_the_oldest_out() {
    let options = Options { chunk_bytes_max: 100_000, ..Options::new(DIR) };
    let db = open_with(Arc::new(MemoryFs::default()), options);
    let mut random = Random::new(1);
    for step in 0..4000 {
        assert!(commit(&db, &numbered(10), step * 15_000, f64::from_bits(random.next())));
        db.truncate_if_due(step * 15_000).unwrap();
        // Looked at every minute, four steps.
        let bytes = db.stats().chunk_bytes;
        assert!(bytes <= 106_000, "{bytes} bytes at step {step}");
    }
    assert!(db.stats().chunk_bytes > 70_000, "more went than had to");
    assert!(metric(&db, "hearth_tsdb_chunks_dropped_for_space_total") > 0.0);
}

#[test]
fn the_newest_two_hours_stay_however_little_room_they_are_given() {
    let options = Options { chunk_bytes_max: 1000, ..Options::new(DIR) };
    let db = open_with(Arc::new(MemoryFs::default()), options);
    let mut random = Random::new(1);
    for step in 0..2000 {
        assert!(commit(&db, &numbered(3), step * 15_000, f64::from_bits(random.next())));
        db.truncate_if_due(step * 15_000).unwrap();
    }
    let recent = contents(&db).values().map(Vec::len).min().unwrap();
    assert!((480..800).contains(&recent), "{recent} samples of two hours and a chunk");
}

#[test]
fn a_closed_store_does_not_touch_its_files_any_more() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    assert!(commit(&db, &numbered(1), 1, 1.0));
    db.close().unwrap();
    assert!(db.sync().is_err() && db.truncate(10).is_err());
    let running = db.spawn_maintenance(Arc::new(|| 0), Box::new(names())).unwrap();
    drop(running);
    assert_eq!(contents(&db).len(), 1, "what is in memory can still be asked for");
}

#[test]
fn limits_are_named_and_counted() {
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::default());
    let options = Options { series_max: 2, batch_samples_max: 3, ..Options::new(DIR) };
    let db = open_with(fs, options);
    let series = numbered(3);
    let mut batch = db.appender();
    let mut add = |labels: &Labels, time| batch.append(SeriesRef(0), labels, time, 1.0);
    assert!(add(&series[0], 1).is_ok() && add(&series[1], 1).is_ok());
    let refused = Err(AppendError::Limit("2 series in memory".to_owned()));
    assert_eq!(add(&series[2], 1), refused);
    assert!(add(&series[1], 2).is_ok());
    assert_eq!(add(&series[1], 3), Err(AppendError::Limit("3 samples in one batch".to_owned())));
    batch.commit().unwrap();
    assert_eq!(metric(&db, "hearth_tsdb_limit_refused_total"), 2.0);
    assert_eq!(metric(&db, "prometheus_tsdb_head_samples_appended_total"), 3.0);
}

#[test]
fn figures_count_what_is_there() {
    let db = open(&MemoryFs::default());
    assert_eq!((db.stats().series, db.stats().min_time), (0, i64::MAX));
    assert!(commit(&db, &numbered(3), 5, 1.0));
    assert!(commit(&db, &[labels(&[("__name__", "longer"), ("n", "1")])], 7, 1.0));
    let stats = db.stats();
    assert_eq!((stats.series, stats.chunks, stats.label_pairs), (4, 4, 5));
    assert_eq!((stats.min_time, stats.max_time), (5, 7));
    let stat = |name: &str, value| Stat { name: name.to_owned(), value };
    let top = db.cardinality(2);
    assert_eq!(top.series_by_metric, [stat("m", 3), stat("longer", 1)]);
    assert_eq!(top.values_by_label, [stat("n", 3), stat("__name__", 2)]);
    assert_eq!(top.bytes_by_label, [stat("__name__", 9), stat("n", 4)]);
    assert_eq!(top.series_by_pair, [stat("__name__=m", 3), stat("n=1", 2)]);
}

#[test]
fn metadata_of_an_unknown_series_is_refused() {
    let db = open(&MemoryFs::default());
    let refused =
        db.appender().update_metadata(SeriesRef(9), &numbered(1)[0], &Metadata::default());
    assert!(matches!(refused, Err(AppendError::InvalidLabels(_))));
}

#[test]
fn a_removed_series_comes_back_under_a_new_number() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let append = |time| {
        let mut batch = db.appender();
        let reference = batch.append(SeriesRef(1), &numbered(1)[0], time, 1.0).unwrap();
        batch.commit().unwrap();
        reference
    };
    assert_eq!(append(1), SeriesRef(1));
    db.truncate(1000).unwrap();
    assert_eq!(db.stats().series, 0);
    // The stale number is of no use, the labels are.
    assert_eq!(append(2000), SeriesRef(2));
    let found = contents(&db);
    assert_eq!(found[&numbered(1)[0]], [(2000, 1.0_f64.to_bits())]);
}

#[test]
fn the_maintenance_thread_syncs_by_the_clock_it_is_given() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let now = Arc::new(AtomicI64::new(0));
    let clock = now.clone();
    let clock = Arc::new(move || clock.fetch_add(1000, Ordering::SeqCst));
    let running = db.spawn_maintenance(clock, Box::new(names())).unwrap();
    assert!(commit(&db, &numbered(1), 1, 1.0));
    let lose_all = || fs.after_power_cut(&mut |limit| if limit == 4 { 0 } else { limit - 1 });
    let start = Instant::now();
    while contents(&open(&lose_all())).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(20), "never synced");
        std::thread::yield_now();
    }
    drop(running);
    assert!(now.load(Ordering::SeqCst) > 0);
}
