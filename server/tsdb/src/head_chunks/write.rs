//! Chunks go from the heap to files, many with one write.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::format::{Stored, header, push, stored_bytes_max};
use super::{ChunkFile, HeadChunks, MappedChunk};
use crate::Error;
use crate::block::OwnedChunk;
use crate::fs::File;
use crate::head::{Head, Page, page_of};
use crate::wal::count;

/// Bytes a file has at most.
const FILE_BYTES_MAX: u64 = 128 << 20;
/// So many bytes are written at a time.
const WRITE_BYTES: usize = 256 << 10;

/// The end of the newest file.
#[derive(Debug, Default)]
pub(super) struct Writer {
    active: Option<Active>,
    /// Number of the next file.
    pub(super) next: u32,
}

#[derive(Debug)]
struct Active {
    file: Arc<dyn File>,
    entry: Arc<ChunkFile>,
}

/// Chunks on their way.
#[derive(Default)]
struct Load {
    bytes: Vec<u8>,
    /// Whether their samples came out of order.
    late: bool,
    /// Series, and where each chunk is going to be.
    chunks: Vec<(u32, MappedChunk)>,
}

impl Load {
    /// Adds a chunk that will stand in file `number`, whose end is at `start` now.
    fn push(
        &mut self,
        id: u32,
        (number, start): (u32, u64),
        encoding: u8,
        (min_time, max_time): (i64, i64),
        bytes: &[u8],
    ) {
        let place = u64::from(number) << 32 | (start + self.bytes.len() as u64);
        let series = u64::from(id);
        let stored = Stored { series, min_time, max_time, encoding, late: self.late, bytes };
        push(&mut self.bytes, &stored);
        self.chunks.push((id, MappedChunk { min_time, max_time, place }));
    }
}

impl Writer {
    /// What is written next goes to a new file.
    pub(super) fn end_file(&mut self) {
        if self.active.as_ref().is_some_and(|active| active.entry.len.load(Ordering::Relaxed) > 0) {
            self.active = None;
        }
    }

    /// Where the next bytes of a file go that has room for so many; a new one begins if need be.
    fn position(&mut self, store: &HeadChunks, bytes: usize) -> Result<(u32, u64), Error> {
        if let Some(active) = &self.active {
            let len = active.entry.len.load(Ordering::Relaxed);
            if len + bytes as u64 <= FILE_BYTES_MAX {
                return Ok((active.entry.number, len));
            }
        }
        store.fs.create_dir(&store.dir).map_err(Error::io("create", &store.dir))?;
        let entry = Arc::new(ChunkFile::new(&store.dir, self.next));
        let path = entry.path();
        let file = store.fs.create(&path).map_err(Error::io("create", &path))?;
        self.next += 1;
        store.files.write().push(entry.clone());
        let number = entry.number;
        self.active = Some(Active { file, entry });
        Ok((number, 0))
    }

    /// Writes behind the end. After an error the file may have more bytes, which the next write
    /// replaces and nobody reads.
    fn write(&mut self, load: &Load) -> Result<(), Error> {
        let Some(Active { file, entry }) = &self.active else { return Err(Error::Closed) };
        let len = entry.len.load(Ordering::Relaxed);
        if let Err(cause) = file.write_at(&load.bytes, len) {
            // The error that was first is the one to tell; a start cuts the rest off.
            let _ = file.truncate(len);
            return Err(Error::io("write", &entry.path())(cause));
        }
        for (_, chunk) in &load.chunks {
            entry.cover(chunk.min_time, chunk.max_time);
        }
        entry.len.store(len + load.bytes.len() as u64, Ordering::Release);
        Ok(())
    }
}

impl HeadChunks {
    /// Writes chunks of series to one file at once; says where each is.
    pub(super) fn write_together<'a>(
        &self,
        writer: &mut Writer,
        chunks: impl Iterator<Item = (u32, &'a OwnedChunk)> + Clone,
        late: bool,
    ) -> Result<Vec<(u32, MappedChunk)>, Error> {
        let need = chunks.clone().map(|(_, chunk)| stored_bytes_max(chunk.bytes.len())).sum();
        let (number, start) = writer.position(self, need)?;
        let mut load = Load { late, ..Load::default() };
        if start == 0 {
            load.bytes.extend_from_slice(&header());
        }
        for (id, chunk) in chunks {
            let times = (chunk.min_time, chunk.max_time);
            load.push(id, (number, start), chunk.encoding, times, &chunk.bytes);
        }
        writer.write(&load)?;
        Ok(load.chunks)
    }
}

impl Head {
    /// Writes chunks to a file that take the place of one that is damaged there.
    pub(super) fn replace_mapped(
        &self,
        id: u32,
        old: &MappedChunk,
        chunks: &[OwnedChunk],
    ) -> Result<(), Error> {
        let new = match chunks {
            [] => Vec::new(),
            chunks => self.write_chunks(id, chunks)?,
        };
        if let Some(page) = self.page(id)
            && let Some(series) = page.series.write().get_mut(id)
        {
            let there = series.replace_mapped(old, &new);
            self.counters.chunks.fetch_add(new.len() as u64, Ordering::Relaxed);
            self.counters.chunks.fetch_sub(u64::from(there), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Writes chunks of a series to a file at once.
    fn write_chunks(&self, id: u32, chunks: &[OwnedChunk]) -> Result<Vec<MappedChunk>, Error> {
        let mut writer = self.files.writer.lock();
        let chunks = chunks.iter().map(|chunk| (id, chunk));
        let written = self.files.write_together(&mut writer, chunks, false)?;
        Ok(written.into_iter().map(|(_, chunk)| chunk).collect())
    }

    /// Writes chunks that ended to files, so that their memory is free; says how many. After an
    /// error those that are left stay where they are, to be written another time.
    pub(crate) fn map_chunks(&self) -> Result<u64, Error> {
        let store = &self.files;
        let mut writer = store.writer.lock();
        let mut ids = std::mem::take(&mut *store.waiting.lock());
        {
            let contested = store.contested.lock();
            ids.retain(|id| !contested.contains(id));
        }
        // A series that ended two chunks waits twice.
        ids.sort_unstable();
        ids.dedup();
        let (mut load, mut done, mut written) = (Load::default(), 0, 0);
        for (at, id) in ids.iter().enumerate() {
            let result = self.collect(&mut writer, &mut load, *id).and_then(|()| {
                let is_due = load.bytes.len() >= WRITE_BYTES || at + 1 == ids.len();
                if is_due { self.unload(&mut writer, &mut load) } else { Ok(0) }
            });
            match result {
                Ok(0) => {}
                Ok(more) => {
                    written += more;
                    done = at + 1;
                }
                Err(error) => {
                    count(&store.counters.writes_failed, 1);
                    store.waiting.lock().extend(ids.drain(done..));
                    return Err(error);
                }
            }
        }
        Ok(written)
    }

    /// Adds the chunks of a series that are not in files yet. They go in order, all or none of a
    /// series, so that what is in files has no gap.
    fn collect(&self, writer: &mut Writer, load: &mut Load, id: u32) -> Result<(), Error> {
        let Some(page) = self.page(id) else { return Ok(()) };
        let need = {
            let page = page.series.read();
            let Some(series) = page.get(id) else { return Ok(()) };
            series.fresh().iter().map(|chunk| stored_bytes_max(chunk.bytes.len())).sum::<usize>()
        };
        if need == 0 {
            return Ok(());
        }
        let (mut number, mut start) = writer.position(&self.files, 0)?;
        if start + (load.bytes.len() + need) as u64 > FILE_BYTES_MAX && start > 0 {
            self.unload(writer, load)?;
            (number, start) = writer.position(&self.files, need)?;
        }
        if start == 0 && load.bytes.is_empty() {
            load.bytes.extend_from_slice(&header());
        }
        self.push(&page, load, id, (number, start));
        Ok(())
    }

    fn push(&self, page: &Page, load: &mut Load, id: u32, (number, start): (u32, u64)) {
        let page = page.series.read();
        let Some(series) = page.get(id) else { return };
        for chunk in series.fresh() {
            let times = (chunk.min_time, chunk.max_time);
            load.push(id, (number, start), chunk.encoding as u8, times, &chunk.bytes);
        }
    }

    /// Writes what was collected, and lets series point there; says how many chunks.
    fn unload(&self, writer: &mut Writer, load: &mut Load) -> Result<u64, Error> {
        if load.chunks.is_empty() {
            load.bytes.clear();
            return Ok(0);
        }
        writer.write(load)?;
        load.bytes.clear();
        let written = load.chunks.len() as u64;
        count(&self.files.counters.chunks, written);
        let (mut freed, mut page) = (0, None);
        for (id, chunk) in load.chunks.drain(..) {
            if page.as_ref().is_none_or(|(number, _)| *number != page_of(id)) {
                page = self.page(id).map(|page| (page_of(id), page));
            }
            let Some((_, page)) = &page else { continue };
            if let Some(series) = page.series.write().get_mut(id) {
                freed += series.set_mapped(chunk);
            }
        }
        self.counters.chunk_bytes.fetch_sub(freed, Ordering::Relaxed);
        Ok(written)
    }
}
