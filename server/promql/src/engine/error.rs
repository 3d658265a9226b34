//! Why a query has no result.

use server_storage::StorageError;

use super::Limit;

/// Why a query has no result. The texts are Prometheus' where it has the case.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The deadline passed.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// The asker went away, or somebody stopped the query.
    #[error("query was canceled in expression evaluation")]
    Canceled,
    /// More samples than `samples_max` would have to be held.
    #[error(
        "query processing would load too many samples into memory in query execution: {wanted}, at \
         most {limit} are allowed"
    )]
    TooManySamples {
        /// The limit.
        limit: usize,
        /// How many it would have been just then.
        wanted: usize,
    },
    /// More bytes than `memory_bytes_max` would have to be held.
    #[error(
        "query processing would use more than {limit} bytes of memory in query execution: {wanted}"
    )]
    TooMuchMemory {
        /// The limit.
        limit: usize,
        /// How many it would have been just then.
        wanted: usize,
    },
    /// What queries may hold together is in use.
    #[error(
        "query processing would use {wanted} bytes more of the memory that queries share: {in_use} \
         of {limit} are in use, {others} by other queries"
    )]
    MemoryInUse {
        /// How many bytes more.
        wanted: usize,
        /// Bytes in use.
        in_use: usize,
        /// Bytes in use by others.
        others: usize,
        /// The limit.
        limit: usize,
    },
    /// The expression cannot be evaluated over these series.
    #[error("{0}")]
    Execution(String),
    /// The request makes no sense, whatever the data.
    #[error("{0}")]
    BadData(String),
    /// The store failed.
    #[error("{0}")]
    Storage(StorageError),
}

impl From<StorageError> for QueryError {
    fn from(error: StorageError) -> QueryError {
        match error {
            // Who went away does not see what it is called.
            StorageError::Interrupted => QueryError::Timeout,
            error => QueryError::Storage(error),
        }
    }
}

impl QueryError {
    /// The `errorType` of the HTTP API.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            QueryError::Timeout => "timeout",
            QueryError::Canceled => "canceled",
            QueryError::MemoryInUse { .. } => "unavailable",
            QueryError::TooManySamples { .. }
            | QueryError::TooMuchMemory { .. }
            | QueryError::Execution(_) => "execution",
            QueryError::BadData(_) => "bad_data",
            QueryError::Storage(_) => "internal",
        }
    }

    /// The limit that was exceeded, if that is why.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        match self {
            QueryError::TooManySamples { .. } => Some(Limit::Samples),
            QueryError::TooMuchMemory { .. } => Some(Limit::Bytes),
            QueryError::MemoryInUse { .. } => Some(Limit::SharedBytes),
            QueryError::Timeout => Some(Limit::Time),
            _ => None,
        }
    }

    pub(crate) fn execution(text: impl Into<String>) -> QueryError {
        QueryError::Execution(text.into())
    }
}
