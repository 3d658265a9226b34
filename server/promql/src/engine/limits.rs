//! What a query may use: samples, bytes, time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use server_storage::Watch;

use super::{QueryError, Reservation};

/// Asked now and then whether the query is to end. The caller owns the clock.
pub trait Interrupt: Send + Sync {
    /// Why the query is to end, if it is.
    fn stop(&self) -> Option<Stop>;

    /// What a store asks while it searches, which must not wait for anything.
    fn watch(&self) -> Watch {
        Watch::default()
    }

    /// Whether to go on with reading that is going to take about so many nanoseconds. Who says no
    /// wants the query to end, and counts it as [`Stop::Canceled`].
    fn affords(&self, _nanos: usize) -> bool {
        true
    }

    /// Another core to compute on, where one is idle.
    fn lend(&self) -> Option<Box<dyn Lent>> {
        None
    }
}

/// A core lent to a query; given back when dropped.
pub trait Lent: Send {
    /// Whether somebody else waits for it, so that it should be given back soon.
    fn is_wanted(&self) -> bool;
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
    samples: AtomicUsize,
    samples_peak: AtomicUsize,
    memory: Arc<Reservation>,
}

impl Budget {
    pub(crate) fn new(samples_max: usize, memory: Arc<Reservation>) -> Budget {
        Budget {
            samples_max,
            samples: AtomicUsize::new(0),
            samples_peak: AtomicUsize::new(0),
            memory,
        }
    }

    /// Counts samples and bytes that stay in memory.
    pub(crate) fn charge(&self, samples: usize, bytes: usize) -> Result<(), QueryError> {
        let too_many = |wanted| Err(QueryError::TooManySamples { limit: self.samples_max, wanted });
        if samples > self.samples_max {
            return too_many(samples.saturating_add(self.samples.load(Ordering::Relaxed)));
        }
        let sum = self.samples.fetch_add(samples, Ordering::Relaxed).saturating_add(samples);
        let charged =
            if sum > self.samples_max { too_many(sum) } else { self.memory.charge(bytes) };
        match charged {
            Ok(()) => self.samples_peak.fetch_max(sum, Ordering::Relaxed),
            Err(_) => self.samples.fetch_sub(samples, Ordering::Relaxed),
        };
        charged
    }

    /// Takes back a charge.
    pub(crate) fn release(&self, samples: usize, bytes: usize) {
        let less = |held: usize| Some(held.saturating_sub(samples));
        // The closure always gives a value, so the update cannot fail.
        let _ = self.samples.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.memory.release(bytes);
    }

    /// Whether that much fits beside what is held now.
    pub(crate) fn check(&self, samples: usize, bytes: usize) -> Result<(), QueryError> {
        self.charge(samples, bytes)?;
        self.release(samples, bytes);
        Ok(())
    }

    pub(crate) fn samples_peak(&self) -> usize {
        self.samples_peak.load(Ordering::Relaxed)
    }

    /// What is held, for the one who keeps the result.
    pub(crate) fn memory(&self) -> &Arc<Reservation> {
        &self.memory
    }
}
