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
    /// No thread or descriptor.
    #[error("cannot start to read logs: {0}")]
    Start(#[from] io::Error),
}

/// Everything that is read, and the threads that read it.
pub struct Sources {
    ledger: Arc<Ledger>,
    stats: Arc<Stats>,
    stop: Arc<AtomicBool>,
    stop_streams: Arc<AtomicBool>,
    stream_wake: Wake,
    outboxes: Vec<Outbox>,
    /// Wakes the readers of journals at the end.
    journal_wake: Wake,
    streams: Vec<JoinHandle<()>>,
    shards: Vec<JoinHandle<()>>,
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
        let (stop, stop_streams) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
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
        let journals: Vec<JournalReader> = journals
            .into_iter()
            .map(|(name, directory)| {
                let journal = JournalOptions {
                    directory,
                    start: options.start,
                    line_bytes_max: options.limits.line_bytes,
                    poll: options.poll_interval,
                    zone: jiff::tz::TimeZone::system(),
                };
                let shard = shard::shard_of(name.as_bytes(), outboxes.len());
                let outbox = outboxes[shard].clone();
                JournalReader::new(&name, journal, Arc::clone(&ledger), Arc::clone(&stats), outbox)
            })
            .collect();
        let is_first = ledger.last_life_ms().is_none() && options.start == Start::End;
        let shared = Shared {
            options: Arc::new(options),
            patterns: Arc::new(patterns),
            ledger: Arc::clone(&ledger),
            stats: Arc::clone(&stats),
            stop: Arc::clone(&stop),
            pipes: Arc::new(move |path| pipes.add(path)),
        };
        let mut sources = Sources {
            ledger,
            stats,
            stop,
            stop_streams,
            stream_wake,
            outboxes,
            journal_wake: Wake::new()?,
            streams: Vec::new(),
            shards: Vec::new(),
        };
        sources.spawn(&shared, inboxes, sinks)?;
        sources.spawn_streams(streams, journals)?;
        // The very first life: what was there at its start is known from now on, even if nobody
        // ever asks. Later ones begin where the last scrape was, and have read since.
        if is_first {
            sources.ledger.commit(|| ());
        }
        Ok(sources)
    }

    fn spawn(
        &mut self,
        shared: &Shared,
        inboxes: Vec<inbox::Inbox>,
        sinks: Vec<Box<dyn LineSink + Send>>,
    ) -> io::Result<()> {
        let of = sinks.len();
        let (ready, started) = std::sync::mpsc::channel::<()>();
        for (index, (inbox, sink)) in inboxes.into_iter().zip(sinks).enumerate() {
            let mut shard = Shard::new(shared.clone(), index, of, inbox, sink);
            let ready = ready.clone();
            let work = move || {
                shard.start();
                drop(ready);
                shard.run();
            };
            self.shards.push(std::thread::Builder::new().name(format!("logs{index}")).spawn(work)?);
        }
        drop(ready);
        // It ends when every shard has dropped its end.
        let _ = started.recv();
        Ok(())
    }

    fn spawn_streams(&mut self, streams: Streams, journals: Vec<JournalReader>) -> io::Result<()> {
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        self.streams.push(named("streams").spawn(move || streams.run())?);
        for journal in journals {
            let (stop, wake) = (Arc::clone(&self.stop_streams), self.journal_wake.clone());
            self.streams.push(named("journal").spawn(move || journal.run(&stop, &wake))?);
        }
        Ok(())
    }

    /// What is counted of logs.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// Positions: whoever shows counters takes them inside of [`Ledger::commit`].
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Reads what is there and ends. The positions on disk stay those of the last scrape: what was
    /// counted since is counted again by the next life, for nobody has seen it.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop_streams.store(true, Ordering::Release);
        self.stream_wake.wake();
        self.journal_wake.wake();
        for thread in self.streams.drain(..) {
            let _ = thread.join();
        }
        self.stop.store(true, Ordering::Release);
        for outbox in &self.outboxes {
            outbox.wake();
        }
        for thread in self.shards.drain(..) {
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
