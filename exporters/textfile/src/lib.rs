//! *.prom files to samples.
//!
//! [`TextfileCollector`] serves what scripts leave in a directory, with the metrics and meanings of
//! node_exporter's textfile collector. A file that cannot be read or parsed never hides another.

mod collector;
mod list;
mod merge;
mod parse;
mod read;
mod watch;

pub use collector::TextfileCollector;
pub use read::ReadError;

/// Where files are looked for, and how much of them is taken.
#[derive(Clone, Debug)]
pub struct TextfileOptions {
    /// Directories or patterns of directories; empty ones do nothing.
    pub directories: Vec<String>,
    /// Bytes a file may have.
    pub file_bytes_max: u64,
    /// Files per scrape.
    pub files_max: usize,
    /// Sample lines a file may have.
    pub file_samples_max: usize,
    /// Series of all files together.
    pub series_max: usize,
    /// Whether the directories are watched, so that a change is seen even where neither time nor
    /// size of a file tells it.
    pub watch: bool,
}

impl Default for TextfileOptions {
    fn default() -> TextfileOptions {
        TextfileOptions {
            directories: Vec::new(),
            file_bytes_max: 32 << 20,
            files_max: 10_000,
            file_samples_max: 200_000,
            series_max: 500_000,
            watch: true,
        }
    }
}
