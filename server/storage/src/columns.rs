//! Samples of one series as columns.

use std::sync::Arc;

use common_model::{FloatHistogram, TimestampMs};

/// Samples in order of time. `histograms` is empty for a series of floats alone; otherwise it is
/// as long as the other columns, `None` where the sample is a float.
#[derive(Clone, Debug, Default)]
pub struct SampleColumns {
    /// Times, strictly ascending.
    pub timestamps: Vec<TimestampMs>,
    /// Float values; for a histogram sample its sum, so that stale markers are seen in one place.
    pub values: Vec<f64>,
    /// Histograms beside the floats.
    pub histograms: Vec<Option<Arc<FloatHistogram>>>,
    /// Since when the counters behind the samples count. Empty where that is known of none;
    /// otherwise as long as the other columns, zero where it is not known.
    pub starts: Vec<TimestampMs>,
}

impl SampleColumns {
    /// Forgets the samples but keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.values.clear();
        self.histograms.clear();
        self.starts.clear();
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Adds a float sample.
    pub fn push(&mut self, timestamp: TimestampMs, value: f64) {
        self.timestamps.push(timestamp);
        self.values.push(value);
        if !self.histograms.is_empty() {
            self.histograms.push(None);
        }
        if !self.starts.is_empty() {
            self.starts.push(0);
        }
    }

    /// Adds a histogram sample.
    pub fn push_histogram(&mut self, timestamp: TimestampMs, histogram: Arc<FloatHistogram>) {
        self.histograms.resize(self.timestamps.len(), None);
        self.timestamps.push(timestamp);
        self.values.push(histogram.sum);
        self.histograms.push(Some(histogram));
        if !self.starts.is_empty() {
            self.starts.push(0);
        }
    }

    /// Says since when the sample added last counts; zero where that is not known.
    pub fn set_start(&mut self, start: TimestampMs) {
        if start != 0 {
            self.starts.resize(self.timestamps.len(), 0);
        }
        if let Some(last) = self.starts.last_mut() {
            *last = start;
        }
    }

    /// Since when the sample at a position counts, where that is known.
    #[must_use]
    pub fn start(&self, at: usize) -> Option<TimestampMs> {
        self.starts.get(at).copied().filter(|&start| start != 0)
    }

    /// The histogram at a position, where that sample is one.
    #[must_use]
    pub fn histogram(&self, at: usize) -> Option<&Arc<FloatHistogram>> {
        self.histograms.get(at).and_then(Option::as_ref)
    }
}
