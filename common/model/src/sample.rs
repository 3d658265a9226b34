//! Timestamps, values, the stale marker, exemplars.

use crate::Labels;

/// Milliseconds since the Unix epoch. An alias, not a type: PromQL computes with it everywhere.
pub type TimestampMs = i64;

/// Bits of the value that says "this series ended here". A NaN no computation yields.
pub const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

/// Bits of the one NaN that is stored for every other NaN.
pub const NORMAL_NAN: u64 = 0x7ff8_0000_0000_0001;

/// The stale marker as a value.
#[must_use]
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_NAN)
}

/// Whether `value` is the stale marker; other NaNs are ordinary values.
#[must_use]
pub fn is_stale_marker(value: f64) -> bool {
    value.to_bits() == STALE_NAN
}

/// One value at one time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When it was measured.
    pub timestamp: TimestampMs,
    /// What was measured.
    pub value: f64,
}

/// A sample that stands as an example for a counter or bucket, usually with a trace id.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Labels of the exemplar itself, not of its series.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// When it was observed, where the target says so.
    pub timestamp: Option<TimestampMs>,
}
