//! One sample of a series outside of chunks and records.

use crate::block::Sample;

/// A sample with its times.
#[derive(Clone, Debug)]
pub(crate) struct Stamped {
    /// Milliseconds since the epoch.
    pub(crate) time: i64,
    /// Since when what it counts is counted; zero where that is not known.
    pub(crate) start: i64,
    pub(crate) sample: Sample,
}
