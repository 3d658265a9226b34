//! Sums and means of many histograms.

use common_model::FloatHistogram;

use super::sum::{Incompatible, added};
use super::{compact, divided, scaled};
use crate::functions::sum::Kahan;

/// A sum, or a mean: sum over count, until a sum would overflow; then the running mean.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    total: Option<FloatHistogram>,
    /// Sum of observations, with what rounding loses: they may cancel each other, counts do not.
    sum: Kahan,
    count: f64,
    mean: bool,
    /// `total` and `sum` are the mean so far.
    incremental: bool,
    reconciled: bool,
}

impl Running {
    pub(crate) fn new(mean: bool) -> Running {
        Running {
            total: None,
            sum: Kahan::default(),
            count: 0.0,
            mean,
            incremental: false,
            reconciled: false,
        }
    }

    /// Adds one; an error leaves the sum as it was.
    pub(crate) fn add(&mut self, histogram: &FloatHistogram) -> Result<(), Incompatible> {
        let Some(total) = &self.total else {
            self.total = Some(histogram.clone());
            self.sum.add(histogram.sum);
            self.count = 1.0;
            return Ok(());
        };
        let count = self.count + 1.0;
        if !self.incremental {
            let next = added(total, histogram)?;
            if !self.mean || !overflows(&next.histogram) {
                self.reconciled |= next.reconciled;
                self.total = Some(next.histogram);
                self.sum.add(histogram.sum);
                self.count = count;
                return Ok(());
            }
        }
        let so_far = if self.incremental { 1.0 } else { self.count };
        let total = scaled(&divided(total, so_far), self.count / count);
        let next = added(&total, &divided(histogram, count))?;
        self.sum.divide(so_far);
        self.sum.scale(self.count / count);
        self.sum.add(histogram.sum / count);
        self.incremental = true;
        self.reconciled |= next.reconciled;
        self.total = Some(next.histogram);
        self.count = count;
        Ok(())
    }

    /// Whether nothing was added yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.total.is_none()
    }

    /// Whether custom bounds had to be merged.
    pub(crate) fn reconciled(&self) -> bool {
        self.reconciled
    }

    /// The result; nothing where nothing was added.
    pub(crate) fn finish(self) -> Option<FloatHistogram> {
        let mut total = self.total?;
        total.sum = self.sum.total();
        if self.mean && !self.incremental {
            total = FloatHistogram::clone(&divided(&total, self.count));
        }
        compact(&mut total);
        Some(total)
    }
}

/// Whether some count or the sum is beyond what a float can hold.
fn overflows(histogram: &FloatHistogram) -> bool {
    let buckets = histogram.positive_buckets.iter().chain(&histogram.negative_buckets);
    [histogram.count, histogram.sum, histogram.zero_count]
        .iter()
        .chain(buckets)
        .any(|value| value.is_infinite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_of_huge_counts_does_not_overflow() {
        let mut running = Running::new(true);
        for count in [f64::MAX, f64::MAX, f64::MAX / 2.0, f64::MAX / 2.0] {
            let histogram = FloatHistogram { count, sum: 1.0, ..FloatHistogram::default() };
            running.add(&histogram).unwrap();
        }
        let mean = running.finish().unwrap();
        assert!((mean.count / (f64::MAX / 4.0 * 3.0) - 1.0).abs() < 1e-12, "{}", mean.count);
        assert!((mean.sum - 1.0).abs() < 1e-12, "{}", mean.sum);
    }
}
