//! What is wrong with a template, or with what it did.

use thiserror::Error;

/// An error in Go's words, position included.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The text is no template: `template: name:LINE: ...`.
    #[error("{0}")]
    Parse(String),
    /// It could not be executed: `template: name:LINE:COL: executing "name" at <expr>: ...`.
    #[error("{0}")]
    Exec(String),
    /// The output would be larger than [`crate::OUTPUT_BYTES_MAX`], or there were more steps than
    /// [`crate::STEPS_MAX`].
    #[error("{0}")]
    Limit(String),
}
