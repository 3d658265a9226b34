//! One open file and how far it was read.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::SeekFrom;

use super::container::Decoder;
use super::fingerprint::{Digest, FileId, HEAD_BYTES, Mark, WINDOW_BYTES, Window, read_at};
use super::ledger::Ledger;
use super::lines::{Fed, Lines};
use super::options::SourceOptions;
use super::stats::{LogCounters, Stats};
use super::watch::Watch;
use crate::line::LineSink;

/// Bytes of a file that are read at a time.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

/// A time of modification that is younger than this does not prove that nothing was written since.
const FRESH_MS: i64 = 2000;

/// What a shard lends to those who read.
pub(crate) struct Context<'a> {
    pub(crate) sink: &'a mut dyn LineSink,
    pub(crate) ledger: &'a Ledger,
    pub(crate) stats: &'a Stats,
    pub(crate) options: &'a SourceOptions,
    pub(crate) watch: &'a mut Watch,
    /// [`CHUNK_BYTES`] and [`WINDOW_BYTES`] long.
    pub(crate) buffer: &'a mut [u8],
    pub(crate) decoded: &'a mut Vec<u8>,
}

/// The name of what is read, and what is counted of it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) counters: Arc<LogCounters>,
}

/// What a read came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This many bytes; there may be more.
    Data(usize),
    /// The end, for now.
    End,
    /// What was read before is not there any more.
    Rewritten,
}

/// One open file.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) file: File,
    pub(crate) id: FileId,
    /// Next byte to read.
    offset: u64,
    head: Digest,
    window: Window,
    lines: Lines,
    decoder: Option<Decoder>,
    /// Zeros at the start are the hole that a writer left who did not notice the truncation.
    in_hole: bool,
    /// Size and time of the last look, if nothing can have been written since without a change.
    settled: Option<(u64, i64, i64)>,
    /// When something was last read; by the monotonic clock.
    pub(crate) touched: Duration,
    /// Number of the kernel's watch; polled without.
    pub(crate) watch: Option<i32>,
}

impl Reading {
    /// Reads from a mark on; `decoder` as the format of the file asks.
    pub(crate) fn new(
        file: File,
        id: FileId,
        mark: Mark,
        decoder: Option<Decoder>,
        cx: &mut Context<'_>,
        key: u64,
    ) -> io::Result<Reading> {
        // Watched before the first read: what is written after it is then told.
        let watch = cx.watch.add_file(&file, key);
        let mut reading = Reading {
            file,
            id,
            offset: mark.offset,
            head: mark.head,
            window: Window::default(),
            lines: Lines::new(cx.options.limits.line_bytes),
            decoder,
            in_hole: false,
            settled: None,
            touched: cx.ledger.monotonic(),
            watch,
        };
        if mark.skipping {
            reading.lines.skip_rest();
        }
        reading.look_back()?;
        cx.ledger.note(id, reading.mark());
        Ok(reading)
    }

    /// Takes head and window from the file, for one that is not read from its beginning.
    fn look_back(&mut self) -> io::Result<()> {
        let before = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let mut head = vec![0; before.min(HEAD_BYTES)];
        let got = read_at(&self.file, &mut head, 0)?;
        self.head = Digest::of(&head[..got]);
        let mut window = vec![0; before.min(WINDOW_BYTES)];
        let from = self.offset - window.len() as u64;
        let got = read_at(&self.file, &mut window, from)?;
        self.window.push(&window[..got]);
        Ok(())
    }

    /// How far all lines were given on.
    pub(crate) fn mark(&self) -> Mark {
        let backlog = self.decoder.as_ref().map_or(0, Decoder::backlog);
        let held = self.lines.held() + backlog;
        Mark {
            offset: self.offset.saturating_sub(held as u64),
            head: self.head,
            window: self.window.before(held),
            skipping: self.lines.is_skipping(),
        }
    }

    /// Whether there may be something new; costs one system call.
    pub(crate) fn may_have_changed(&mut self, now_ms: i64) -> bool {
        let Ok(found) = self.file.metadata() else { return true };
        let now = (found.size(), found.mtime(), found.mtime_nsec());
        if self.settled == Some(now) {
            return false;
        }
        let modified_ms = found.mtime() * 1000 + found.mtime_nsec() / 1_000_000;
        self.settled = (now_ms - modified_ms > FRESH_MS).then_some(now);
        true
    }

    /// Reads and gives on the next chunk.
    pub(crate) fn step(&mut self, source: &Source, cx: &mut Context<'_>) -> io::Result<Step> {
        let back = self.window.bytes().len();
        let got = match self.file.read_at(cx.buffer, self.offset - back as u64) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Step::Data(0)),
            got => got?,
        };
        if got < back || cx.buffer[..back] != *self.window.bytes() {
            return Ok(Step::Rewritten);
        }
        if got == back {
            return Ok(Step::End);
        }
        self.touched = cx.ledger.monotonic();
        cx.stats.bytes.add((got - back) as u64);
        if self.in_hole {
            let zeros = cx.buffer[back..got].iter().take_while(|byte| **byte == 0).count();
            self.in_hole = back + zeros == got;
            if zeros > 0 {
                self.pass(&cx.buffer[back..back + zeros]);
                return Ok(Step::Data(zeros));
            }
        }
        let _counting = cx.ledger.counting();
        let (buffer, sink) = (&*cx.buffer, &mut *cx.sink);
        let data = &buffer[back..got];
        let (decoder, decoded, stats) = (&mut self.decoder, &mut *cx.decoded, cx.stats);
        let fed = self
            .lines
            .feed_counted(data, &mut |chunk| give(chunk, decoder, decoded, sink, source, stats));
        count(fed, self.decoder.is_some(), source, stats);
        self.pass(&buffer[back..got]);
        cx.ledger.note(self.id, self.mark());
        Ok(Step::Data(got - back))
    }

    fn pass(&mut self, data: &[u8]) {
        self.head.extend_head(self.offset, data);
        self.offset += data.len() as u64;
        self.window.push(data);
    }

    /// Nothing was read since it was opened or written anew: had it been truncated meanwhile, that
    /// could not be seen.
    pub(crate) fn is_fresh(&self) -> bool {
        self.head.len == 0
    }

    /// Bytes of the unfinished last line.
    pub(crate) fn held(&self) -> usize {
        self.lines.held() + self.decoder.as_ref().map_or(0, Decoder::backlog)
    }

    /// The unfinished last line is one.
    pub(crate) fn flush(&mut self, source: &Source, cx: &mut Context<'_>) {
        let _counting = cx.ledger.counting();
        let (sink, stats, decoded) = (&mut *cx.sink, cx.stats, &mut *cx.decoded);
        let decoder = &mut self.decoder;
        let fed = self.lines.flush(&mut |chunk| {
            give(chunk, decoder, decoded, sink, source, stats);
        });
        count(fed, self.decoder.is_some(), source, stats);
        if let Some(decoder) = &mut self.decoder {
            decoded.clear();
            let flushed = decoder.flush(decoded);
            source.counters.lines.add(flushed.lines);
            stats.lines_cut.add(flushed.cut);
            if !decoded.is_empty() {
                sink.chunk(&source.name, decoded);
            }
        }
        cx.ledger.note(self.id, self.mark());
    }

    /// Leaves the unfinished last line out: it is read elsewhere.
    pub(crate) fn drop_held(&mut self, cx: &Context<'_>) {
        let max = cx.options.limits.line_bytes;
        self.lines = Lines::new(max);
        self.decoder = self.decoder.take().and_then(|decoder| decoder.renewed());
    }

    /// Begins anew after the file was written anew.
    pub(crate) fn restart(&mut self, cx: &Context<'_>) {
        self.offset = 0;
        self.head = Digest::default();
        self.window.clear();
        self.settled = None;
        // A hole need not be read. The file's own position is not used by anybody.
        let data = rustix::fs::seek(&self.file, SeekFrom::Data(0));
        self.offset = data.unwrap_or(0);
        self.in_hole = true;
        cx.ledger.note(self.id, self.mark());
    }

    /// Links that still name the file.
    pub(crate) fn links(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.nlink())
    }
}

fn give(
    chunk: &[u8],
    decoder: &mut Option<Decoder>,
    decoded: &mut Vec<u8>,
    sink: &mut dyn LineSink,
    source: &Source,
    stats: &Stats,
) -> Option<u64> {
    let Some(decoder) = decoder else { return Some(sink.chunk(&source.name, chunk)) };
    decoded.clear();
    let result = decoder.decode(chunk, decoded);
    source.counters.lines.add(result.lines);
    stats.lines_cut.add(result.cut);
    stats.records_malformed.add(result.malformed);
    if !decoded.is_empty() {
        sink.chunk(&source.name, decoded);
    }
    None
}

fn count(fed: Fed, is_decoded: bool, source: &Source, stats: &Stats) {
    if !is_decoded {
        source.counters.lines.add(fed.lines);
    }
    stats.lines_cut.add(fed.cut);
}
