//! Why an exporter cannot be built or asked.

/// Why an exporter cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A pattern that does not compile.
    #[error("--{flag}: {pattern:?}: {problem}")]
    Pattern {
        /// The flag it was given to.
        flag: &'static str,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A value that is none.
    #[error("--{flag}: expected {expected}, found {found:?}")]
    Value {
        /// The flag it was given to.
        flag: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it was given.
        found: String,
    },
    /// A file that a flag names and that cannot be used.
    #[error("--{flag}: {problem}")]
    File {
        /// The flag.
        flag: &'static str,
        /// The file, the place in it and what is wrong there.
        problem: String,
    },
    /// Two flags that cannot both be given.
    #[error("--{one} and --{other} are mutually exclusive")]
    Exclusive {
        /// One flag.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A collector that does not exist.
    #[error("missing collector: {0}")]
    UnknownCollector(String),
}

/// Why a request for some of the collectors is refused, in the words of the replaced program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// `collect[]` and `exclude[]` in one request.
    #[error("Combined collect and exclude queries are not allowed.")]
    Combined,
    /// A collector that does not exist.
    #[error(
        "Couldn't create filtered metrics handler: couldn't create collector: missing collector: {0}"
    )]
    Missing(String),
    /// A collector that is switched off.
    #[error(
        "Couldn't create filtered metrics handler: couldn't create collector: disabled collector: {0}"
    )]
    Disabled(String),
}
