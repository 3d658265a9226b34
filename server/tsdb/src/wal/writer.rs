//! Writes records to the log, and never loses or repeats any of them when the disk fails.
//!
//! A batch is one write to the file; when it fails the file is cut back to the end of the batch
//! before. What was written since the last sync is kept in memory: when a sync fails the segment is
//! given up, since the kernel may have dropped any part of it, and a new one begins with all of it.
//!
//! A record of series is written twice: it stands in the log once for all samples of its series, and
//! a damaged bit must not take it. The copy follows at once, since Prometheus takes a series that is
//! named again as one whose samples so far are in files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::page::{SNAPPY, push_padding, push_record, room};
use super::record::{self, RecordKind};
use super::segments::segment_path;
use super::{SegmentReader, WalCounters, count};
use crate::Error;
use crate::fs::{File, Fs};

/// Unsynced records kept in memory; a batch that brings more waits for a sync.
pub const UNSYNCED_BYTES_MAX: usize = 16 << 20;
/// A framing buffer larger than that is given back after a large batch.
const BUFFER_BYTES_KEPT: usize = 1 << 20;
/// Smaller records are not worth compressing; the bound is no part of the format.
const COMPRESS_BYTES_MIN: usize = 64;

/// The end of the log.
#[derive(Debug)]
pub struct Wal {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    segment_bytes: u64,
    counters: Arc<WalCounters>,
    next_number: u64,
    active: Option<Active>,
    /// Records that no sync has covered yet, oldest first.
    unsynced: Vec<Record>,
    unsynced_bytes: usize,
    framed: Vec<u8>,
}

#[derive(Debug)]
struct Active {
    number: u64,
    file: Arc<dyn File>,
    /// End of the last whole batch.
    len: u64,
    synced_len: u64,
    /// Whether the directory entry is durable.
    named: bool,
}

/// A record as it goes into the file.
#[derive(Clone, Debug)]
pub struct Record {
    bytes: Box<[u8]>,
    compression: u8,
    /// Whether it names series, and is written twice.
    names_series: bool,
}

impl Record {
    /// Compresses a record where that makes it smaller; [`Packer`] is for many.
    #[must_use]
    pub fn new(plain: &[u8]) -> Record {
        let mut packed = Vec::new();
        pack(plain, &mut snap::raw::Encoder::new(), &mut packed)
    }

    /// Bytes the record takes, headers not counted, a copy counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() << u32::from(self.names_series)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The record that a reader found, as it stands.
    pub(crate) fn as_found(reader: &SegmentReader) -> Record {
        let (bytes, compression) = reader.raw_record();
        Record { bytes: bytes.into(), compression, names_series: reader.names_series() }
    }

    /// Appends the record as it is to stand at `position` of a segment, twice where it names series;
    /// returns the position behind it.
    pub(crate) fn push(&self, out: &mut Vec<u8>, position: u64) -> u64 {
        let end = push_record(out, position, &self.bytes, self.compression);
        if !self.names_series {
            return end;
        }
        push_record(out, end, &self.bytes, self.compression)
    }
}

/// Makes records, one after the other in the same buffers.
#[derive(Default)]
pub struct Packer {
    plain: Vec<u8>,
    packed: Vec<u8>,
    /// Two kilobytes and more, once there was something to compress.
    encoder: Option<Box<snap::raw::Encoder>>,
}

impl Packer {
    /// A record of what `write` appends to an empty buffer.
    pub fn record(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Record {
        self.plain.clear();
        write(&mut self.plain);
        let encoder = self.encoder.get_or_insert_with(|| Box::new(snap::raw::Encoder::new()));
        pack(&self.plain, encoder, &mut self.packed)
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").field("bytes", &self.packed.len()).finish_non_exhaustive()
    }
}

fn pack(plain: &[u8], encoder: &mut snap::raw::Encoder, packed: &mut Vec<u8>) -> Record {
    let names_series = record::kind(plain) == RecordKind::Series;
    if plain.len() >= COMPRESS_BYTES_MIN {
        let room = snap::raw::max_compress_len(plain.len());
        if packed.len() < room {
            packed.resize(room, 0);
        }
        if let Ok(len) = encoder.compress(plain, packed)
            && len < plain.len()
        {
            return Record { bytes: packed[..len].into(), compression: SNAPPY, names_series };
        }
    }
    Record { bytes: plain.into(), compression: 0, names_series }
}

/// A sync under way; made while the log is locked, run while it is not.
#[derive(Debug)]
pub struct SyncTicket {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    file: Arc<dyn File>,
    number: u64,
    len: u64,
    name: bool,
    records: usize,
}

impl SyncTicket {
    /// Makes the file durable; give the outcome to [`Wal::end_sync`].
    pub fn run(&self) -> Result<(), Error> {
        let path = segment_path(&self.dir, self.number);
        self.file.sync().map_err(Error::io("sync", &path))?;
        if self.name {
            self.fs.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))?;
        }
        Ok(())
    }
}

impl Wal {
    /// A log that goes on with a new segment `next_number` as soon as there is something to write:
    /// opening needs no room on the disk.
    #[must_use]
    pub fn new(
        fs: Arc<dyn Fs>,
        dir: &Path,
        segment_bytes: u64,
        next_number: u64,
        counters: Arc<WalCounters>,
    ) -> Wal {
        Wal {
            fs,
            dir: dir.to_owned(),
            segment_bytes,
            counters,
            next_number,
            active: None,
            unsynced: Vec::new(),
            unsynced_bytes: 0,
            framed: Vec::new(),
        }
    }

    /// Number of the segment that is written to, or that will be.
    #[must_use]
    pub fn current_number(&self) -> u64 {
        self.active.as_ref().map_or(self.next_number, |active| active.number)
    }

    /// Whether [`Wal::log`] would sync, or make a segment anew, for records of so many bytes. No
    /// [`SyncTicket`] may be under way then: of two syncs of one file only one is told of a failure.
    #[must_use]
    pub fn would_sync(&self, bytes: usize) -> bool {
        let ends = self.active.as_ref().is_some_and(|active| self.ends_with(active.len, bytes));
        ends || self.is_stranded() || self.unsynced_bytes + bytes > UNSYNCED_BYTES_MAX
    }

    /// Whether so many bytes do not fit behind `position` any more.
    fn ends_with(&self, position: u64, bytes: usize) -> bool {
        position > 0 && room(position, self.segment_bytes) < bytes as u64
    }

    /// Writes a batch of records, all or none of them. Afterwards they are with the kernel, which
    /// survives the death of this process; [`Wal::begin_sync`] makes them survive that of the
    /// machine.
    pub fn log(&mut self, records: Vec<Record>) -> Result<(), Error> {
        let result = self.try_log(&records);
        match result {
            Ok(()) => self.remember(records),
            Err(_) => count(&self.counters.writes_failed, 1),
        }
        if self.framed.capacity() > BUFFER_BYTES_KEPT {
            self.framed = Vec::new();
        }
        result?;
        // The batch is with the kernel, so it counts whatever becomes of the sync.
        if self.unsynced_bytes > UNSYNCED_BYTES_MAX
            && let Err(error) = self.sync_now()
        {
            tracing::error!(%error, "unsynced records wait for a new segment");
        }
        Ok(())
    }

    /// Ends the segment: what follows goes to a new one. Everything before is durable then.
    pub fn cut(&mut self) -> Result<(), Error> {
        if self.active.is_none() {
            return Ok(());
        }
        self.pad();
        self.sync_now()?;
        if let Some(active) = self.active.take() {
            self.next_number = active.number + 1;
        }
        Ok(())
    }

    /// What there is to sync, if anything.
    #[must_use]
    pub fn begin_sync(&self) -> Option<SyncTicket> {
        let active = self.active.as_ref()?;
        if active.synced_len == active.len && active.named {
            return None;
        }
        Some(SyncTicket {
            fs: self.fs.clone(),
            dir: self.dir.clone(),
            file: active.file.clone(),
            number: active.number,
            len: active.len,
            name: !active.named,
            records: self.unsynced.len(),
        })
    }

    /// Takes note of how a sync went. After a failure the segment is given up and its unsynced
    /// records are written to a new one, and synced there, before this returns.
    pub fn end_sync(
        &mut self,
        ticket: &SyncTicket,
        outcome: Result<(), Error>,
        took: Duration,
    ) -> Result<(), Error> {
        let Some(active) = self.active.as_mut().filter(|a| a.number == ticket.number) else {
            // The segment was ended, and with that synced, in the meantime.
            return Ok(());
        };
        match outcome {
            Ok(()) => {
                active.synced_len = active.synced_len.max(ticket.len);
                active.named |= ticket.name;
                let done = ticket.records.min(self.unsynced.len());
                let bytes: usize = self.unsynced.drain(..done).map(|record| record.len()).sum();
                self.unsynced_bytes -= bytes.min(self.unsynced_bytes);
                self.counters.sync_seconds.0.observe(took.as_secs_f64());
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "sync failed, the segment is given up");
                count(&self.counters.syncs_failed, 1);
                self.abandon()
            }
        }
    }

    /// Syncs while the log is locked.
    fn sync_now(&mut self) -> Result<(), Error> {
        let Some(ticket) = self.begin_sync() else { return Ok(()) };
        let start = std::time::Instant::now();
        let outcome = ticket.run();
        self.end_sync(&ticket, outcome, start.elapsed())
    }

    fn remember(&mut self, records: Vec<Record>) {
        self.unsynced_bytes += records.iter().map(Record::len).sum::<usize>();
        self.unsynced.extend(records);
    }

    fn try_log(&mut self, records: &[Record]) -> Result<(), Error> {
        let payload: usize = records.iter().map(Record::len).sum();
        // A batch that would cross the end goes to a new segment whole, so that it stays one write;
        // one larger than a segment makes that segment longer, which readers do not mind.
        if self.ends_with(self.position(), payload) {
            self.cut()?;
        }
        if self.active.is_none() {
            // Records of a segment that had to be given up without a new one come first.
            if !self.unsynced.is_empty() {
                self.rewrite_unsynced()?;
            } else {
                self.active = Some(self.create()?);
            }
        }
        self.framed.clear();
        let mut end = self.position();
        for record in records {
            end = record.push(&mut self.framed, end);
        }
        self.write_framed(end)
    }

    /// Writes the framed bytes behind the active segment's end, or leaves it as it was.
    fn write_framed(&mut self, end: u64) -> Result<(), Error> {
        let Some(active) = self.active.as_mut() else { return Err(Error::Closed) };
        let path = segment_path(&self.dir, active.number);
        let written = active.file.write_at(&self.framed, active.len);
        if let Err(cause) = written {
            if active.file.truncate(active.len).is_err() {
                // The torn batch stays behind; nothing is ever written after it.
                self.give_up_active();
            }
            return Err(Error::io("write", &path)(cause));
        }
        let page = super::page::PAGE_BYTES as u64;
        count(&self.counters.page_flushes, 1);
        count(&self.counters.pages_completed, end / page - active.len / page);
        active.len = end;
        Ok(())
    }

    fn pad(&mut self) {
        let position = self.position();
        self.framed.clear();
        let end = push_padding(&mut self.framed, position);
        if end > position && self.write_framed(end).is_err() {
            // Readers take a page that is cut short as padded.
            tracing::debug!("the last page of a segment stays short");
        }
    }

    fn position(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.len)
    }

    fn create(&mut self) -> Result<Active, Error> {
        let number = self.next_number;
        let path = segment_path(&self.dir, number);
        let file = self.fs.create(&path).map_err(Error::io("create", &path))?;
        self.next_number = number + 1;
        Ok(Active { number, file, len: 0, synced_len: 0, named: false })
    }

    /// Leaves a segment whose end is not to be trusted; what was synced of it stays good.
    fn give_up_active(&mut self) {
        if let Some(active) = self.active.take() {
            self.next_number = active.number + 1;
        }
    }

    /// After a failed sync: writes the unsynced records to a new segment and cuts them off the old.
    fn abandon(&mut self) -> Result<(), Error> {
        let Some(old) = self.active.take() else { return Ok(()) };
        self.next_number = self.next_number.max(old.number + 1);
        self.rewrite_unsynced()?;
        // The new segment holds them now; in the old one they may be holes.
        if let Err(error) = old.file.truncate(old.synced_len) {
            tracing::warn!(%error, segment = old.number, "a segment that was given up keeps its end");
        }
        Ok(())
    }

    /// Begins a new segment with the unsynced records and syncs it. When that fails too the records
    /// stay in memory, nothing is active, and the next batch or sync tries again.
    fn rewrite_unsynced(&mut self) -> Result<(), Error> {
        self.framed.clear();
        let mut end = 0;
        for record in &self.unsynced {
            end = record.push(&mut self.framed, end);
        }
        self.active = Some(self.create()?);
        let written = self.write_framed(end).and_then(|()| {
            let Some(ticket) = self.begin_sync() else { return Ok(()) };
            ticket.run()?;
            self.end_sync(&ticket, Ok(()), Duration::ZERO)
        });
        if written.is_err()
            && let Some(failed) = self.active.take()
        {
            // Its number is free again only when the file is gone: numbers leave no gap, and a file
            // whose sync failed is not written again.
            match self.fs.remove(&segment_path(&self.dir, failed.number)) {
                Ok(()) => self.next_number = failed.number,
                Err(error) => {
                    tracing::warn!(%error, segment = failed.number, "a failed segment stays behind");
                }
            }
        }
        written
    }

    /// Whether unsynced records wait for a segment that could not be made yet.
    #[must_use]
    pub fn is_stranded(&self) -> bool {
        self.active.is_none() && !self.unsynced.is_empty()
    }

    /// Tries again to find a segment for stranded records.
    pub fn recover(&mut self) -> Result<(), Error> {
        if self.is_stranded() { self.rewrite_unsynced() } else { Ok(()) }
    }
}
