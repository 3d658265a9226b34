//! Histograms with fixed buckets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use common_model::MetricType;

use crate::Samples;
use crate::number::AtomicFloat;
use crate::vec::Child;

/// Upper bounds that suit the duration of requests, in seconds.
pub const DEFAULT_BUCKETS: [f64; 11] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counts observations in buckets; clones share it.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Ascending and finite; the last bucket, without bound, is implied.
    bounds: Box<[f64]>,
    /// One more than bounds; not cumulative.
    counts: Box<[AtomicU64]>,
    sum: AtomicFloat,
}

impl Histogram {
    /// A histogram with these upper bounds (inclusive). They are sorted; doubles, NaN and infinity
    /// are left out, the bucket without bound is always there.
    #[must_use]
    pub fn new(bounds: &[f64]) -> Histogram {
        let mut bounds: Vec<f64> = bounds.iter().copied().filter(|b| b.is_finite()).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram(Arc::new(Inner { bounds: bounds.into(), counts, sum: AtomicFloat::default() }))
    }

    /// Counts one observation. NaN falls into the bucket without bound.
    pub fn observe(&self, value: f64) {
        let at = self.0.bounds.partition_point(|bound| *bound < value);
        let at = if value.is_nan() { self.0.bounds.len() } else { at };
        self.0.counts[at].fetch_add(1, Relaxed);
        self.0.sum.add(value);
    }

    /// Counts a duration in seconds.
    pub fn observe_duration(&self, duration: std::time::Duration) {
        self.observe(duration.as_secs_f64());
    }

    /// Number of observations so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.counts.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// Sum of the observations so far.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.0.sum.get()
    }
}

/// `count` upper bounds from `start` on, each `factor` times the last.
#[must_use]
pub fn exponential_buckets(start: f64, factor: f64, count: usize) -> Vec<f64> {
    std::iter::successors(Some(start), |bound| Some(bound * factor)).take(count).collect()
}

/// `count` upper bounds from `start` on, each `width` above the last.
#[must_use]
pub fn linear_buckets(start: f64, width: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| start + width * i as f64).collect()
}

impl Child for Histogram {
    const KIND: MetricType = MetricType::Histogram;
    type Options = Vec<f64>;

    fn make(bounds: &Vec<f64>) -> Histogram {
        Histogram::new(bounds)
    }

    fn push(&self, samples: &mut Samples, name: &str, help: &str, labels: &[(&str, &str)]) {
        // The counts are read once, and the total is theirs: buckets and count always agree.
        let mut seen = 0_u64;
        let counts = self.0.counts.iter().map(|count| count.load(Relaxed));
        let bounds = self.0.bounds.iter().copied().chain([f64::INFINITY]);
        let cumulative = bounds.zip(counts).map(|(bound, count)| {
            seen += count;
            (bound, seen as f64)
        });
        samples.push_buckets((name, help), labels, cumulative, self.sum());
    }
}
