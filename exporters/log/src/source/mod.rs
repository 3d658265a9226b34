//! Where lines come from: files and their rotations, sockets, pipes, the journal.
//!
//! [`Sources`] gives every line to the sink of its shard, in the order of each source. A shard is a
//! thread with a part of the files. One more thread waits for sockets and pipes.

mod address;
mod container;
mod fingerprint;
mod generations;
mod glob;
mod inbox;
mod journal;
mod ledger;
mod lines;
mod oneshot;
mod options;
mod packed;
mod positions;
mod reading;
mod selection;
mod shard;
mod stats;
mod streams;
mod syslog;
mod tail;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use common_service::Clock;
use parking_lot::{Mutex, RwLock};

pub use address::{Address, AddressError, Endpoint, Format, Framing};
pub use ledger::Ledger;
pub use oneshot::read_file;
pub use options::{Ignore, SourceLimits, SourceOptions, Start};
pub use selection::Selection;
pub use stats::{Count, LogCounters, Stats};
pub(crate) use watch::is_told;

use crate::line::LineSink;
use glob::Pattern;
use inbox::{Outbox, Wake};
use journal::{JournalOptions, JournalReader};
use shard::{Shard, Shared};
use streams::{Pipes, Streams};

/// Why sources cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A value of `--logs` that names nothing.
    #[error("logs: {0}")]
    Address(#[from] AddressError),
    /// A socket that cannot be had.
    #[error("{0}: {1}")]
    Socket(String, io::Error),
    /// What is opened at the start only.
    #[error("{0}: a socket is not opened later")]
    Late(String),
    /// No thread or descriptor.
    #[error("cannot start to read logs: {0}")]
    Start(#[from] io::Error),
}

/// Everything that is read, and the threads that read it.
pub struct Sources {
    shared: Shared,
    directory: PathBuf,
    stop_streams: Arc<AtomicBool>,
    stream_wake: Wake,
    outboxes: Vec<Outbox>,
    /// Wakes the readers of journals at the end.
    journal_wake: Wake,
    streams: Mutex<Vec<JoinHandle<()>>>,
    shards: Mutex<Vec<JoinHandle<()>>>,
}

impl Sources {
    /// Starts to read. When this returns, whatever is written to a file is seen. There is one shard
    /// for each sink; `directory` is where relative paths begin.
    pub fn start(
        options: SourceOptions,
        directory: &Path,
        clock: Box<dyn Clock>,
        sinks: Vec<Box<dyn LineSink + Send>>,
    ) -> Result<Sources, SourceError> {
        let stats = Arc::new(Stats::default());
        let stop_streams = Arc::<AtomicBool>::default();
        let stream_wake = Wake::new()?;
        let pipes = Arc::new(Pipes::new(stream_wake.clone()));
        let mut inboxes = Vec::new();
        let mut outboxes = Vec::new();
        for _ in &sinks {
            let (outbox, inbox) = inbox::inbox()?;
            outboxes.push(outbox);
            inboxes.push(inbox);
        }
        let mut streams = Streams::new(
            outboxes.clone(),
            Arc::clone(&stats),
            options.limits.clone(),
            Arc::clone(&pipes),
            Arc::clone(&stop_streams),
        );
        let (patterns, journals) = open_all(&options.logs, directory, &mut streams)?;
        let ledger = Arc::new(Ledger::open(options.positions.clone(), clock));
        let is_first = ledger.last_life_ms().is_none() && options.start == Start::End;
        let sources = Sources {
            shared: Shared {
                options: Arc::new(options),
                patterns: Arc::new(RwLock::new(patterns)),
                ledger,
                stats,
                stop: Arc::default(),
                pipes: Arc::new(move |path| pipes.add(path)),
            },
            directory: directory.to_owned(),
            stop_streams,
            stream_wake,
            outboxes,
            journal_wake: Wake::new()?,
            streams: Mutex::default(),
            shards: Mutex::default(),
        };
        // The ends of journals are noted before the first line is read.
        let start = sources.shared.options.start;
        let journals: Vec<JournalReader> = journals
            .into_iter()
            .map(|(name, directory)| sources.journal(&name, directory, start))
            .collect();
        sources.spawn(inboxes, sinks)?;
        sources.spawn_stream("streams", move || streams.run())?;
        for journal in journals {
            sources.spawn_journal(journal)?;
        }
        // The very first life: what was there at its start is known from now on, even if nobody
        // ever asks. Later ones begin where the last scrape was, and have read since.
        if is_first {
            sources.ledger().commit(|| ());
        }
        Ok(sources)
    }

    /// Reads a log more, which was not there before: from its beginning.
    ///
    /// # Errors
    /// Where the value names nothing, or a socket; those are opened at the start only.
    pub fn follow(&self, text: &str) -> Result<(), SourceError> {
        match Address::parse(text, &self.directory)? {
            Address::Files { pattern, format } => {
                self.shared.patterns.write().push((Pattern::new(&pattern), format));
                self.outboxes.iter().for_each(Outbox::wake);
            }
            Address::Journal(directory) => {
                self.spawn_journal(self.journal(text, directory, Start::Beginning))?;
            }
            Address::Stdin | Address::Stream(..) | Address::Datagram(..) => {
                return Err(SourceError::Late(text.to_owned()));
            }
        }
        Ok(())
    }

    fn spawn(
        &self,
        inboxes: Vec<inbox::Inbox>,
        sinks: Vec<Box<dyn LineSink + Send>>,
    ) -> io::Result<()> {
        let of = sinks.len();
        let (ready, started) = std::sync::mpsc::channel::<()>();
        for (index, (inbox, sink)) in inboxes.into_iter().zip(sinks).enumerate() {
            let mut shard = Shard::new(self.shared.clone(), index, of, inbox, sink);
            let ready = ready.clone();
            let work = move || {
                shard.start();
                drop(ready);
                shard.run();
            };
            let thread = std::thread::Builder::new().name(format!("logs{index}")).spawn(work)?;
            self.shards.lock().push(thread);
        }
        drop(ready);
        // It ends when every shard has dropped its end.
        let _ = started.recv();
        Ok(())
    }

    fn journal(&self, name: &str, directory: Option<PathBuf>, start: Start) -> JournalReader {
        let Shared { options, ledger, stats, .. } = &self.shared;
        let journal = JournalOptions {
            directory,
            start,
            line_bytes_max: options.limits.line_bytes,
            poll: options.poll_interval,
            zone: jiff::tz::TimeZone::system(),
        };
        let outbox = self.outboxes[shard::shard_of(name.as_bytes(), self.outboxes.len())].clone();
        JournalReader::new(name, journal, Arc::clone(ledger), Arc::clone(stats), outbox)
    }

    fn spawn_journal(&self, journal: JournalReader) -> io::Result<()> {
        let (stop, wake) = (Arc::clone(&self.stop_streams), self.journal_wake.clone());
        self.spawn_stream("journal", move || journal.run(&stop, &wake))
    }

    fn spawn_stream(&self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(work)?;
        self.streams.lock().push(thread);
        Ok(())
    }

    /// What is counted of logs.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.shared.stats
    }

    /// Positions: whoever shows counters takes them inside of [`Ledger::commit`].
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }

    /// Reads what is there and ends. The positions on disk stay those of the last scrape: what was
    /// counted since is counted again by the next life, for nobody has seen it.
    pub fn stop(self) {
        self.end();
    }

    /// As [`Sources::stop`], where others have it, too.
    pub(crate) fn end(&self) {
        self.stop_streams.store(true, Ordering::Release);
        self.stream_wake.wake();
        self.journal_wake.wake();
        let streams = std::mem::take(&mut *self.streams.lock());
        for thread in streams {
            let _ = thread.join();
        }
        self.shared.stop.store(true, Ordering::Release);
        for outbox in &self.outboxes {
            outbox.wake();
        }
        let shards = std::mem::take(&mut *self.shards.lock());
        for thread in shards {
            if thread.join().is_err() {
                tracing::error!("a thread that read logs has panicked");
            }
        }
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        self.end();
    }
}

/// Patterns of files; names and directories of journals.
type Opened = (Vec<(Pattern, Format)>, Vec<(String, Option<PathBuf>)>);

/// Opens the sockets, and returns what else is read.
fn open_all(
    logs: &[String],
    directory: &Path,
    streams: &mut Streams,
) -> Result<Opened, SourceError> {
    let (mut patterns, mut journals) = (Vec::new(), Vec::new());
    for text in logs {
        let socket = |error| SourceError::Socket(text.clone(), error);
        match Address::parse(text, directory)? {
            Address::Files { pattern, format } => patterns.push((Pattern::new(&pattern), format)),
            Address::Stdin => streams.stdin(),
            Address::Stream(at, framing) => streams.listen(text, &at, framing).map_err(socket)?,
            Address::Datagram(at, framing) => {
                streams.receive(text, &at, framing).map_err(socket)?
            }
            Address::Journal(directory) => journals.push((text.clone(), directory)),
        }
    }
    Ok((patterns, journals))
}
