//! What is known of a metric before it is measured.

use common_model::MetricType;

/// Name, help and type of one metric family; usually a `const` at the top of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Full name, unit and `_total` included.
    pub name: &'static str,
    /// One sentence, ending with a dot.
    pub help: &'static str,
    /// Declared type.
    pub kind: MetricType,
}

impl Family {
    /// A counter; its name ends in `_total` unless a replaced program says otherwise.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind: MetricType::Counter }
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind: MetricType::Gauge }
    }

    /// A value of unknown type, `untyped` on the wire.
    #[must_use]
    pub const fn untyped(name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind: MetricType::Unknown }
    }

    /// A histogram.
    #[must_use]
    pub const fn histogram(name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind: MetricType::Histogram }
    }

    /// A summary.
    #[must_use]
    pub const fn summary(name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind: MetricType::Summary }
    }
}
