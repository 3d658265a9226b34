//! What a metric says of itself: type, help, unit.

/// The type a `# TYPE` line declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricType {
    /// No or an unknown type (`untyped` in text 0.0.4, `unknown` in OpenMetrics).
    #[default]
    Unknown,
    /// Goes up, or back to zero.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Cumulative buckets, sum and count.
    Histogram,
    /// A histogram whose buckets may fall.
    GaugeHistogram,
    /// Quantiles, sum and count.
    Summary,
    /// Constant 1 whose labels carry the information.
    Info,
    /// One boolean per state.
    StateSet,
}

impl MetricType {
    /// The name in OpenMetrics and in Prometheus' API: `unknown`, `counter`, `gaugehistogram`, ...
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Unknown => "unknown",
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
        }
    }
}

/// Type, help and unit of one metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// Declared type.
    pub kind: MetricType,
    /// Help text, unescaped.
    pub help: String,
    /// Unit as OpenMetrics declares it; usually empty.
    pub unit: String,
}
