//! Why the exporter cannot run, or not with this configuration.

use std::path::PathBuf;

/// The errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration file cannot be read.
    #[error("error reading config file: open {}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: std::io::Error,
    },
    /// The configuration file is larger than anybody writes.
    #[error("error reading config file: {} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is allowed.
        limit: u64,
    },
    /// The configuration is wrong.
    #[error("error parsing config file: {0}")]
    Config(#[from] common_config::Error),
}
