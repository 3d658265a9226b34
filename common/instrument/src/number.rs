//! Floats that several threads change at once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A float in an atomic word. No order between two of them is promised, only that none is torn.
#[derive(Debug, Default)]
pub(crate) struct AtomicFloat(AtomicU64);

impl AtomicFloat {
    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }

    pub(crate) fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    pub(crate) fn add(&self, delta: f64) {
        let mut old = self.0.load(Relaxed);
        loop {
            let new = (f64::from_bits(old) + delta).to_bits();
            match self.0.compare_exchange_weak(old, new, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(seen) => old = seen,
            }
        }
    }
}
