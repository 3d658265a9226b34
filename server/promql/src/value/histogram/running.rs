//! Sums and means of many histograms.

use common_model::FloatHistogram;

use super::sum::{Incompatible, Sum, added};
use super::{compact, divided};

/// A sum, or a mean as sum over count.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    total: Option<FloatHistogram>,
    count: f64,
    mean: bool,
    reconciled: bool,
}

impl Running {
    pub(crate) fn new(mean: bool) -> Running {
        Running { total: None, count: 0.0, mean, reconciled: false }
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
        self.count += 1.0;
        Ok(())
    }

    /// Whether custom bounds had to be merged.
    pub(crate) fn reconciled(&self) -> bool {
        self.reconciled
    }

    /// The result; nothing where nothing was added.
    pub(crate) fn finish(self) -> Option<FloatHistogram> {
        let mut total = self.total?;
        if self.mean {
            total = FloatHistogram::clone(&divided(&total, self.count));
        }
        compact(&mut total);
        Some(total)
    }
}
