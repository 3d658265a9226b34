//! Sources: what of everything that is written reaches the sink.

mod files;
mod journal;
mod limits;
mod lives;
mod sockets;
mod torture;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_service::SystemClock;
use exporters_log::line::{Line, LineSink};
use exporters_log::source::{SourceOptions, Sources};
use parking_lot::Mutex;

/// A result that has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often every line of every source came.
pub(crate) type Seen = BTreeMap<(String, String), u64>;

/// A sink that keeps what it is given.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Seen>>);

impl LineSink for Kept {
    fn line(&mut self, line: Line<'_>) {
        let text = String::from_utf8_lossy(line.text).into_owned();
        *self.0.lock().entry((line.source.to_owned(), text)).or_default() += 1;
    }
}

/// Sources that are running, and what they gave.
pub(crate) struct Running {
    pub(crate) sources: Sources,
    pub(crate) kept: Kept,
}

impl Running {
    pub(crate) fn start(options: SourceOptions, directory: &Path) -> Running {
        let kept = Kept::default();
        let sinks: Vec<Box<dyn LineSink + Send>> =
            vec![Box::new(kept.clone()), Box::new(kept.clone())];
        let sources = Sources::start(options, directory, Box::new(SystemClock), sinks).unwrap();
        Running { sources, kept }
    }

    /// Lines that start with one of these characters.
    pub(crate) fn lines(&self, first: &str) -> Vec<String> {
        let seen = self.kept.0.lock();
        let wanted = seen.iter().filter(|((_, line), _)| line.starts_with(|c| first.contains(c)));
        let times = |((_, line), times): (&(String, String), &u64)| match times {
            1 => line.clone(),
            _ => format!("{line} x{times}"),
        };
        wanted.map(times).collect()
    }

    /// Waits until the lines with these first characters are the wanted ones.
    pub(crate) fn expect(&self, first: &str, wanted: &[&str]) {
        let until = Instant::now() + PATIENCE;
        while self.lines(first) != wanted && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(self.lines(first), wanted);
    }

    /// Names of the sources of which lines came.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.kept.0.lock().keys().map(|key| key.0.clone()).collect();
        names.dedup();
        names
    }
}

/// Options for files that match a pattern; with the kernel's help or without.
pub(crate) fn following(log: impl Into<String>, watch: bool) -> SourceOptions {
    SourceOptions {
        logs: vec![log.into()],
        watch,
        poll_interval: Duration::from_millis(20),
        poll_log_interval: Duration::from_millis(20),
        ..SourceOptions::default()
    }
}

/// Appends to a file, which is made if it is not there.
pub(crate) fn append(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    use std::io::Write;
    let mut file = std::fs::File::options().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}
