//! The read side of exemplars.

use common_model::{Labels, Matcher, TimestampMs};

use crate::StorageError;

/// An exemplar as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredExemplar {
    /// Labels of the exemplar itself.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// When it was observed.
    pub timestamp: TimestampMs,
}

/// Exemplars of one series, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesExemplars {
    /// Labels of the series.
    pub series: Labels,
    /// At least one.
    pub exemplars: Vec<StoredExemplar>,
}

/// Finds exemplars.
pub trait ExemplarQuerier: Send + Sync {
    /// Exemplars in `[start, end]`, both ends included, of every series that satisfies all matchers
    /// of any set, sorted by labels.
    fn select(
        &self,
        start: TimestampMs,
        end: TimestampMs,
        sets: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, StorageError>;
}
