//! Counters: values that only rise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use common_model::MetricType;

use crate::number::AtomicFloat;
use crate::vec::Child;
use crate::{SampleValue, Samples};

/// A value that only rises; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Whole steps, which nearly all are, cost one addition.
    whole: AtomicU64,
    fraction: AtomicFloat,
}

impl Counter {
    /// A counter at zero. [`crate::Registry::counter`] makes one that is exported.
    #[must_use]
    pub fn new() -> Counter {
        Counter::default()
    }

    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// `n` more.
    pub fn add(&self, n: u64) {
        self.0.whole.fetch_add(n, Relaxed);
    }

    /// `amount` more, say seconds; what is negative or no number is ignored, a counter cannot fall.
    pub fn add_f64(&self, amount: f64) {
        if amount > 0.0 {
            self.0.fraction.add(amount);
        }
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> f64 {
        self.0.whole.load(Relaxed) as f64 + self.0.fraction.get()
    }
}

impl Child for Counter {
    const KIND: MetricType = MetricType::Counter;
    type Options = ();

    fn make((): &()) -> Counter {
        Counter::new()
    }

    fn push(&self, samples: &mut Samples, name: &str, help: &str, labels: &[(&str, &str)]) {
        let value = SampleValue::Number(self.get());
        samples.push_value(name, help, Self::KIND, labels, value, None);
    }
}
