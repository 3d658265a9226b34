//! What a thread that reads series keeps count of, told to the query now and then.
//!
//! The query's own counts are shared by its threads; a thread that touched them for every series
//! would spend more time on that than on a series of an instant query.

use std::sync::atomic::Ordering;

use super::Eval;
use crate::engine::QueryError;

/// How many series pass between two looks at the interrupt, and how many samples.
const SERIES_BETWEEN_CHECKS: u64 = 64;
const SAMPLES_BETWEEN_CHECKS: usize = 1 << 16;

/// Bytes of a sample in columns.
const SAMPLE_BYTES: usize = 16;

/// One thread's counts.
pub(crate) struct Reading<'e, 'q> {
    eval: &'e Eval<'q>,
    series: u64,
    /// Samples that steps looked at.
    seen: u64,
    unchecked: usize,
    /// Samples of a series that are known to fit beside what the query holds.
    fitting: usize,
}

impl<'e, 'q> Reading<'e, 'q> {
    pub(crate) fn new(eval: &'e Eval<'q>) -> Reading<'e, 'q> {
        Reading { eval, series: 0, seen: 0, unchecked: 0, fitting: 0 }
    }

    /// Counts a series read with so many samples, and looks at limits and interrupt.
    pub(crate) fn series(&mut self, samples: usize) -> Result<(), QueryError> {
        if let Some(recorder) = self.eval.query.recorder {
            recorder.read(samples);
        }
        self.series += 1;
        self.unchecked += samples;
        let is_time = self.series.is_multiple_of(SERIES_BETWEEN_CHECKS)
            || self.unchecked > SAMPLES_BETWEEN_CHECKS;
        if is_time {
            self.unchecked = 0;
            self.eval.check_interrupt()?;
        }
        if is_time || samples > self.fitting {
            self.eval.budget.check(samples, samples * SAMPLE_BYTES)?;
            self.fitting = samples;
        }
        Ok(())
    }

    /// Counts a series of which nothing is handed on.
    pub(super) fn blank(&self) {
        self.eval.blank.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts samples that steps looked at.
    pub(crate) fn seen(&mut self, samples: usize) {
        self.seen += samples as u64;
    }
}

impl Drop for Reading<'_, '_> {
    fn drop(&mut self) {
        self.eval.count_samples(self.seen);
        self.eval.series_total.fetch_add(self.series, Ordering::Relaxed);
    }
}
