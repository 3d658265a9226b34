//! What can go wrong at the seam.

/// Why one sample was not taken. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Older than the newest sample of its series.
    #[error("out of order sample")]
    OutOfOrder,
    /// Same time as the newest sample, another value.
    #[error("duplicate sample for timestamp")]
    Duplicate,
    /// Too old for the head.
    #[error("out of bounds")]
    OutOfBounds,
    /// Older than the out-of-order window.
    #[error("too old sample")]
    TooOld,
    /// The labels are not a series: no labels, or a duplicate name.
    #[error("invalid series: {0}")]
    InvalidLabels(String),
    /// A native histogram contradicts itself.
    #[error("invalid histogram: {0}")]
    InvalidHistogram(String),
    /// Older than the newest exemplar of its series.
    #[error("out of order exemplar")]
    OutOfOrderExemplar,
    /// Labels of an exemplar have more characters than OpenMetrics allows.
    #[error("label length for exemplar exceeds maximum of {0} characters")]
    ExemplarTooLong(usize),
    /// A number, or an exemplar, of a series that is not there.
    #[error("unknown HeadSeriesRef when trying to add exemplar: {0}")]
    UnknownSeries(u64),
    /// A limit of the store is reached, say the number of series or the memory budget.
    #[error("limit reached: {0}")]
    Limit(String),
    /// The store itself failed; nothing of the batch is kept.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why the store could not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Reading or writing files failed; says which and why.
    #[error("{0}")]
    Io(String),
    /// Stored bytes are not what was written; says where.
    #[error("{0}")]
    Corrupt(String),
    /// A budget was exceeded; says which.
    #[error("{0}")]
    Limit(String),
    /// A [`crate::Watch`] said that nobody waits any more.
    #[error("the search was interrupted")]
    Interrupted,
    /// The store is shut down or not yet ready.
    #[error("{0}")]
    Unavailable(String),
}
