//! Those who measure when asked.

use crate::Samples;

/// Why a collector gave nothing, or not all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// This machine has no such thing: not a fault.
    #[error("no data: {0}")]
    Absent(String),
    /// Reading failed; names the source and the cause.
    #[error("{0}")]
    Failed(String),
}

impl CollectError {
    /// A failure with its source, say a path, and its cause.
    pub fn failed(source: impl std::fmt::Display, cause: impl std::fmt::Display) -> CollectError {
        CollectError::Failed(format!("{source}: {cause}"))
    }
}

/// Measures when asked. Samples pushed before an error count.
pub trait Collector: Send + Sync {
    /// Pushes what is measured now.
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError>;
}
