//! *.prom files to samples.
//!
//! [`TextfileCollector`] serves what scripts leave in a directory, with the metrics and meanings of
//! node_exporter's textfile collector. A file that cannot be read or parsed never hides another.

mod collector;
mod directory;
pub mod flags;
mod merge;
mod parse;
mod problem;
mod read;
mod watch;
mod worker;

use std::time::Duration;

pub use collector::TextfileCollector;
pub use problem::Reason;
pub use read::ReadError;

/// Where files are looked for, and how much of them is taken. [`flags`] has the same defaults.
#[derive(Clone, Debug)]
pub struct TextfileOptions {
    /// Directories or patterns of directories; empty ones do nothing.
    pub directories: Vec<String>,
    /// Bytes a file may have.
    pub file_bytes_max: u64,
    /// Files of a directory, or of all directories that a pattern matches.
    pub files_max: usize,
    /// Sample lines a file may have.
    pub file_samples_max: usize,
    /// Series of all files together.
    pub series_max: usize,
    /// How long a scrape waits for a directory.
    pub timeout: Duration,
    /// Whether the kernel is asked what changes in the directories: then files are not even looked
    /// at as long as it says nothing.
    pub watch: bool,
    /// Whether every bad file is exported with the reason.
    pub file_errors: bool,
}

impl Default for TextfileOptions {
    fn default() -> TextfileOptions {
        TextfileOptions {
            directories: Vec::new(),
            file_bytes_max: 32 << 20,
            files_max: 10_000,
            file_samples_max: 200_000,
            series_max: 500_000,
            timeout: Duration::from_secs(2),
            watch: true,
            file_errors: false,
        }
    }
}
