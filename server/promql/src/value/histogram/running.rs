//! Sums and means of many histograms.

use common_model::FloatHistogram;

use super::sum::{Incompatible, Sum, added};
use super::{compact, divided};
use crate::functions::sum::Kahan;

/// A sum, or a mean as sum over count.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    total: Option<FloatHistogram>,
    /// Sum of observations, with what rounding loses: they may cancel each other, counts do not.
    sum: Kahan,
    count: f64,
    mean: bool,
    reconciled: bool,
}

impl Running {
    pub(crate) fn new(mean: bool) -> Running {
        Running { total: None, sum: Kahan::default(), count: 0.0, mean, reconciled: false }
    }

    /// Adds one; an error leaves the sum as it was.
    pub(crate) fn add(&mut self, histogram: &FloatHistogram) -> Result<(), Incompatible> {
        self.total = Some(match &self.total {
            None => histogram.clone(),
            Some(total) => {
                let Sum { histogram, reconciled, .. } = added(total, histogram)?;
                self.reconciled |= reconciled;
                histogram
            }
        });
        self.sum.add(histogram.sum);
        self.count += 1.0;
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
        if self.mean {
            total = FloatHistogram::clone(&divided(&total, self.count));
        }
        compact(&mut total);
        Some(total)
    }
}
