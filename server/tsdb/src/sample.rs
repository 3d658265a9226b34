//! One sample of a series outside of chunks and records.

use common_model::CounterReset;

use crate::chunk::histogram::AnyHistogram;

/// A sample of any kind.
#[derive(Clone, Debug)]
pub(crate) enum Sample {
    /// A float.
    Float(f64),
    /// A histogram.
    Histogram(Box<AnyHistogram>),
}

/// A sample with its times.
#[derive(Clone, Debug)]
pub(crate) struct Stamped {
    /// Milliseconds since the epoch.
    pub(crate) time: i64,
    /// Since when what it counts is counted; zero where that is not known.
    pub(crate) start: i64,
    pub(crate) sample: Sample,
}

impl Stamped {
    /// The sample among others than it was made with.
    pub(crate) fn alone(self) -> Stamped {
        let sample = match self.sample {
            Sample::Histogram(histogram) => alone(*histogram),
            float @ Sample::Float(_) => float,
        };
        Stamped { sample, ..self }
    }
}

/// A histogram whose neighbours are others than it was made with: of resets it knows nothing.
pub(crate) fn alone(mut histogram: AnyHistogram) -> Sample {
    let reset = match &mut histogram {
        AnyHistogram::Integer(histogram) => &mut histogram.counter_reset,
        AnyHistogram::Float(histogram) => &mut histogram.counter_reset,
    };
    if *reset != CounterReset::Gauge {
        *reset = CounterReset::Unknown;
    }
    Sample::Histogram(Box::new(histogram))
}
