//! What is wrong with a command line, in the words of the programs that are replaced.

/// When an error was found: the exit code of Prometheus depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The arguments do not fit the table.
    Shape,
    /// They fit, but a value is wrong, missing or there twice.
    Value,
}

/// One complaint; the first one found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FlagError {
    /// When it was found.
    pub stage: Stage,
    message: String,
}

impl FlagError {
    pub(super) fn shape(message: impl Into<String>) -> FlagError {
        FlagError { stage: Stage::Shape, message: message.into() }
    }

    /// A complaint about a value, also for programs that check more than a table can say.
    pub fn value(message: impl Into<String>) -> FlagError {
        FlagError { stage: Stage::Value, message: message.into() }
    }
}
