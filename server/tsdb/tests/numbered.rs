//! Samples by number are taken as those by labels are.

use std::sync::Arc;

use common_model::{Exemplar, Labels, stale_marker};
use server_storage::{AppendError, ExemplarQuerier as _, NumberedSample, SeriesRef};
use server_tsdb::fs::MemoryFs;
use server_tsdb::{Db, Options};

use crate::support::{DIR, Random, contents, labels, open_with};

const SERIES: usize = 400;

/// A store with series whose numbers are given back.
fn store(fs: &MemoryFs, window_ms: i64) -> (Db, Vec<Labels>, Vec<SeriesRef>) {
    let mut options = Options::new(DIR);
    options.out_of_order_window_ms = window_ms;
    options.exemplars_max = 10;
    let db = open_with(Arc::new(fs.clone()), options);
    let set = |n: usize| labels(&[("__name__", "up"), ("n", &n.to_string())]);
    let series: Vec<Labels> = (0..SERIES).map(set).collect();
    let mut batch = db.appender();
    let append = |labels| batch.append(SeriesRef(0), labels, 1_000_000, 1.0).unwrap();
    let numbers = series.iter().map(append).collect();
    batch.commit().unwrap();
    (db, series, numbers)
}

#[test]
fn any_samples_by_number_have_the_fate_of_those_by_labels() {
    for (seed, window_ms) in [(1, 0), (2, 0), (3, 600_000), (4, 600_000)] {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let (fs, twin_fs) = (MemoryFs::default(), MemoryFs::default());
        let (db, _, numbers) = store(&fs, window_ms);
        let (twin, series, twin_numbers) = store(&twin_fs, window_ms);
        assert_eq!(numbers, twin_numbers);
        let mut refused_in_all = 0;
        for round in 0..40 {
            let now = 1_000_000 + round * 15_000;
            let (mut samples, mut at) = (Vec::new(), random.below(20) as usize);
            while at < SERIES {
                // Mostly the next series and now; now and then something odd.
                let timestamp = match random.below(12) {
                    0 => now - random.below(40_000) as i64,
                    1 => now - 5_000_000,
                    _ => now,
                };
                let value = match random.below(20) {
                    0 => stale_marker(),
                    n => n as f64 / 2.0,
                };
                samples.push((at, timestamp, value));
                at += random.below(3) as usize;
            }
            let mut batch = db.appender();
            let by_number: Vec<NumberedSample> = samples
                .iter()
                .map(|&(at, timestamp, value)| NumberedSample {
                    series: numbers[at],
                    timestamp,
                    value,
                })
                .collect();
            let mut refused = Vec::new();
            for (part, samples) in by_number.chunks(128).enumerate() {
                batch.append_known(samples, &mut |at, e| refused.push((part * 128 + at, e)));
            }
            refused.sort_by_key(|(at, _)| *at);
            let mut twin_batch = twin.appender();
            let mut wanted = Vec::new();
            for (place, &(at, timestamp, value)) in samples.iter().enumerate() {
                let taken = twin_batch.append(numbers[at], &series[at], timestamp, value);
                wanted.extend(taken.err().map(|error| (place, error)));
            }
            assert_eq!(refused, wanted, "seed {seed}, round {round}");
            refused_in_all += refused.len();
            if random.below(5) == 0 {
                batch.rollback();
                twin_batch.rollback();
            } else {
                batch.commit().unwrap();
                twin_batch.commit().unwrap();
            }
            assert!(contents(&db) == contents(&twin), "seed {seed}, round {round}");
        }
        println!("{refused_in_all} refused");
        assert!(refused_in_all > 100);
        let (db, twin) = (fs.after_kill(), twin_fs.after_kill());
        let reopen = |fs: &MemoryFs| contents(&open_with(Arc::new(fs.clone()), Options::new(DIR)));
        assert!(reopen(&db) == reopen(&twin), "seed {seed}, after a kill");
    }
}

#[test]
fn numbers_that_nobody_has_are_unknown() {
    let (db, _, numbers) = store(&MemoryFs::default(), 0);
    let sample = |series| NumberedSample { series, timestamp: 2_000_000, value: 3.0 };
    let strange = [SeriesRef(0), SeriesRef(7_000), SeriesRef(u64::MAX), SeriesRef(1 << 32)];
    let mut samples: Vec<NumberedSample> = strange.into_iter().map(sample).collect();
    samples.insert(2, sample(numbers[0]));
    let (mut batch, mut refused) = (db.appender(), Vec::new());
    batch.append_known(&samples, &mut |at, error| refused.push((at, error)));
    let unknown = |at: usize| (at, AppendError::UnknownSeries(samples[at].series.0));
    assert_eq!(refused, [0, 1, 3, 4].map(unknown));
    batch.append_known(&[], &mut |_, _| panic!("nothing to refuse"));
    batch.commit().unwrap();
    assert_eq!(contents(&db).values().filter(|samples| samples.len() == 2).count(), 1);
}

#[test]
fn an_exemplar_by_number_belongs_to_the_series() {
    let (db, series, numbers) = store(&MemoryFs::default(), 0);
    let exemplar = Exemplar { labels: labels(&[("trace", "x")]), value: 0.5, timestamp: None };
    let mut batch = db.appender();
    let sample = NumberedSample { series: numbers[7], timestamp: 2_000_000, value: 3.0 };
    batch.append_known(&[sample], &mut |_, error| panic!("{error}"));
    batch.append_known_exemplar(numbers[7], &exemplar).unwrap();
    let nobody = batch.append_known_exemplar(SeriesRef(7_000), &exemplar);
    assert_eq!(nobody, Err(AppendError::UnknownSeries(7_000)));
    batch.commit().unwrap();
    let name = common_model::Matcher::equal("__name__", "up");
    let found = db.select(0, i64::MAX, &[vec![name]]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].series, found[0].exemplars[0].timestamp), (&series[7], 2_000_000));
}
