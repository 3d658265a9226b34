//! Native histograms in float form: exponential buckets, or custom bounds.

/// The schema number that says "bounds are listed, not exponential" (NHCB).
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// What is known about counter resets before a histogram sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CounterReset {
    /// Nothing is known: compare with the sample before.
    #[default]
    Unknown,
    /// There was a reset.
    Reset,
    /// There was none.
    NotReset,
    /// A gauge histogram: resets have no meaning.
    Gauge,
}

/// A run of consecutive buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Buckets skipped since the end of the span before; for the first span its start index.
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// One histogram sample with absolute float counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloatHistogram {
    /// Reset hint of the sample.
    pub counter_reset: CounterReset,
    /// Resolution −4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Where positive (or custom) buckets lie.
    pub positive_spans: Vec<Span>,
    /// Where negative buckets lie.
    pub negative_spans: Vec<Span>,
    /// Counts of the positive buckets, one for each bucket of the spans.
    pub positive_buckets: Vec<f64>,
    /// Counts of the negative buckets.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets, without +Inf.
    pub custom_values: Vec<f64>,
}
