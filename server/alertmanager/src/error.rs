//! Why a configuration cannot be run.

/// What is wrong with a configuration beyond its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file of templates cannot be read or parsed.
    #[error("failed to parse templates: {0}")]
    Templates(String),
    /// A receiver cannot be set up.
    #[error("receiver {receiver:?}, {integration} {index}: {problem}")]
    Receiver {
        /// Its name.
        receiver: String,
        /// `webhook` or `email`.
        integration: &'static str,
        /// Which of that kind, from zero.
        index: usize,
        /// What is wrong.
        problem: String,
    },
}
