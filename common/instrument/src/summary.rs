//! Summaries: sum and count, and quantiles of the latest observations.

use std::sync::Arc;

use common_model::MetricType;
use parking_lot::Mutex;

use crate::vec::Child;
use crate::{SampleValue, Samples};

/// Observations that quantiles look back on.
pub const SUMMARY_WINDOW: usize = 1024;

/// Sum, count, and quantiles over the last [`SUMMARY_WINDOW`] observations; clones share it.
/// A histogram is nearly always the better choice: its buckets can be added up over hosts.
#[derive(Clone, Debug)]
pub struct Summary(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    quantiles: Box<[f64]>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sum: f64,
    count: u64,
    /// A ring of the latest observations, empty when there are no quantiles.
    window: Vec<f64>,
    /// Kept between scrapes so that sorting allocates once.
    sorted: Vec<f64>,
    points: Vec<(f64, f64)>,
}

impl Summary {
    /// A summary with these quantiles (0 to 1; others are left out), or none.
    #[must_use]
    pub fn new(quantiles: &[f64]) -> Summary {
        let mut quantiles: Vec<f64> =
            quantiles.iter().copied().filter(|q| (0.0..=1.0).contains(q)).collect();
        quantiles.sort_by(f64::total_cmp);
        quantiles.dedup();
        Summary(Arc::new(Inner { quantiles: quantiles.into(), state: Mutex::default() }))
    }

    /// Takes in one observation.
    pub fn observe(&self, value: f64) {
        let mut state = self.0.state.lock();
        let at = (state.count % SUMMARY_WINDOW as u64) as usize;
        state.sum += value;
        state.count += 1;
        if self.0.quantiles.is_empty() {
            return;
        }
        if at < state.window.len() {
            state.window[at] = value;
        } else {
            state.window.push(value);
        }
    }

    /// Number of observations so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.state.lock().count
    }

    /// Sum of the observations so far.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.0.state.lock().sum
    }
}

impl Child for Summary {
    const KIND: MetricType = MetricType::Summary;
    type Options = Vec<f64>;

    fn make(quantiles: &Vec<f64>) -> Summary {
        Summary::new(quantiles)
    }

    fn push(&self, samples: &mut Samples, name: &str, help: &str, labels: &[(&str, &str)]) {
        let mut guard = self.0.state.lock();
        let State { sum, count, window, sorted, points } = &mut *guard;
        sorted.clone_from(window);
        sorted.sort_by(f64::total_cmp);
        points.clear();
        points.extend(self.0.quantiles.iter().map(|&q| (q, nearest_rank(sorted, q))));
        let value = SampleValue::Summary { quantiles: points, sum: *sum, count: *count as f64 };
        samples.push_value(name, help, Self::KIND, labels, value, None);
    }
}

/// The smallest value that at least the share `quantile` of `sorted` does not exceed; NaN of none.
fn nearest_rank(sorted: &[f64], quantile: f64) -> f64 {
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
