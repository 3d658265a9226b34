//! What a query may use: samples, bytes, time.

use std::cell::Cell;

use super::QueryError;

/// Asked now and then whether the query is to end. The caller owns the clock.
pub trait Interrupt: Send + Sync {
    /// Why the query is to end, if it is.
    fn stop(&self) -> Option<Stop>;
}

/// Why a query is to end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its deadline passed.
    Timeout,
    /// Nobody waits for it any more.
    Canceled,
}

/// Never interrupts.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInterrupt;

impl Interrupt for NoInterrupt {
    fn stop(&self) -> Option<Stop> {
        None
    }
}

/// Counts what one query holds. What is charged must be released by the same amount.
#[derive(Debug)]
pub(crate) struct Budget {
    samples_max: usize,
    bytes_max: usize,
    samples: Cell<usize>,
    bytes: Cell<usize>,
    samples_peak: Cell<usize>,
    bytes_peak: Cell<usize>,
}

impl Budget {
    pub(crate) fn new(samples_max: usize, bytes_max: usize) -> Budget {
        Budget {
            samples_max,
            bytes_max,
            samples: Cell::new(0),
            bytes: Cell::new(0),
            samples_peak: Cell::new(0),
            bytes_peak: Cell::new(0),
        }
    }

    /// Counts samples and bytes that stay in memory.
    pub(crate) fn charge(&self, samples: usize, bytes: usize) -> Result<(), QueryError> {
        let samples = self.samples.get().saturating_add(samples);
        let bytes = self.bytes.get().saturating_add(bytes);
        if samples > self.samples_max {
            return Err(QueryError::TooManySamples);
        }
        if bytes > self.bytes_max {
            return Err(QueryError::TooMuchMemory { limit: self.bytes_max });
        }
        self.samples.set(samples);
        self.bytes.set(bytes);
        self.samples_peak.set(self.samples_peak.get().max(samples));
        self.bytes_peak.set(self.bytes_peak.get().max(bytes));
        Ok(())
    }

    /// Takes back a charge.
    pub(crate) fn release(&self, samples: usize, bytes: usize) {
        self.samples.set(self.samples.get().saturating_sub(samples));
        self.bytes.set(self.bytes.get().saturating_sub(bytes));
    }

    /// Whether that much fits beside what is held now.
    pub(crate) fn check(&self, samples: usize, bytes: usize) -> Result<(), QueryError> {
        self.charge(samples, bytes)?;
        self.release(samples, bytes);
        Ok(())
    }

    pub(crate) fn samples_peak(&self) -> usize {
        self.samples_peak.get()
    }

    pub(crate) fn bytes_peak(&self) -> usize {
        self.bytes_peak.get()
    }
}
