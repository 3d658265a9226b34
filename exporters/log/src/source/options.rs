//! What is read, from where on, and how much of it at most.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Says of the base name of a file whether it is left out.
pub type Ignore = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Where reading begins in a file that is there at the start and of which no position is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Behind its last byte.
    End,
    /// At its first byte.
    Beginning,
}

/// Bounds of what sources take and hold.
#[derive(Clone, Debug)]
pub struct SourceLimits {
    /// Bytes of a line; the rest of a longer one is left out.
    pub line_bytes: usize,
    /// Files followed at a time, renamed ones that may still grow included.
    pub files: usize,
    /// Connections to stream sockets at a time.
    pub connections: usize,
}

impl Default for SourceLimits {
    fn default() -> SourceLimits {
        SourceLimits { line_bytes: 16 << 20, files: 10_000, connections: 512 }
    }
}

/// What is read and how.
#[derive(Clone)]
pub struct SourceOptions {
    /// Values of `--logs`: paths, patterns and addresses.
    pub logs: Vec<String>,
    /// `--ignore_filename_regex_pattern`.
    pub ignore: Option<Ignore>,
    /// `--poll_interval`: how often a file is looked at of whose changes the kernel does not tell.
    pub poll_interval: Duration,
    /// `--poll_log_interval`: how often patterns are expanded where the kernel does not tell.
    pub poll_log_interval: Duration,
    /// Where a file without a known position begins.
    pub start: Start,
    /// File of the positions; none are kept without.
    pub positions: Option<PathBuf>,
    /// Whether the kernel is asked for changes (inotify); everything is polled otherwise.
    pub watch: bool,
    /// Bounds.
    pub limits: SourceLimits,
}

impl Default for SourceOptions {
    fn default() -> SourceOptions {
        SourceOptions {
            logs: Vec::new(),
            ignore: None,
            poll_interval: Duration::from_millis(250),
            poll_log_interval: Duration::from_millis(250),
            start: Start::End,
            positions: None,
            watch: true,
            limits: SourceLimits::default(),
        }
    }
}

impl fmt::Debug for SourceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceOptions")
            .field("logs", &self.logs)
            .field("ignores", &self.ignore.is_some())
            .field("poll_interval", &self.poll_interval)
            .field("poll_log_interval", &self.poll_log_interval)
            .field("start", &self.start)
            .field("positions", &self.positions)
            .field("watch", &self.watch)
            .field("limits", &self.limits)
            .finish()
    }
}
