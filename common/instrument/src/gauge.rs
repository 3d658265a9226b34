//! Gauges: values that rise and fall.

use std::sync::Arc;

use common_model::MetricType;

use crate::number::AtomicFloat;
use crate::vec::Child;
use crate::{SampleValue, Samples};

/// A value that rises and falls; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicFloat>);

impl Gauge {
    /// A gauge at zero. [`crate::Registry::gauge`] makes one that is exported.
    #[must_use]
    pub fn new() -> Gauge {
        Gauge::default()
    }

    /// Sets the value.
    pub fn set(&self, value: f64) {
        self.0.set(value);
    }

    /// One more.
    pub fn inc(&self) {
        self.0.add(1.0);
    }

    /// One less.
    pub fn dec(&self) {
        self.0.add(-1.0);
    }

    /// Adds, or takes away what is negative.
    pub fn add(&self, amount: f64) {
        self.0.add(amount);
    }

    /// One more until the guard is dropped: requests in flight, connections open.
    #[must_use]
    pub fn hold(&self) -> GaugeGuard {
        self.inc();
        GaugeGuard(self.clone())
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> f64 {
        self.0.get()
    }
}

/// Takes one away from its gauge when dropped.
#[derive(Debug)]
pub struct GaugeGuard(Gauge);

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Child for Gauge {
    const KIND: MetricType = MetricType::Gauge;
    type Options = ();

    fn make((): &()) -> Gauge {
        Gauge::new()
    }

    fn push(&self, samples: &mut Samples, name: &str, help: &str, labels: &[(&str, &str)]) {
        let value = SampleValue::Number(self.get());
        samples.push_value(name, help, Self::KIND, labels, value, None);
    }
}
