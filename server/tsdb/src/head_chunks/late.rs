//! Chunks of samples out of order: they are written like others, and a marker in the log of those
//! samples says for which of them they stand.

use super::{ChunkFile, HeadChunks, MappedChunk, Next, parse};
use crate::Error;
use crate::block::{OwnedChunk, Rest, each_sample};
use crate::chunk::{self, ChunkError, Encoding};
use crate::db::Inner;
use crate::head::equal;
use crate::sample::Stamped;
use crate::wal::count;

/// Samples that go to files together, about: batches wait meanwhile, for milliseconds.
const SAMPLES_AT_ONCE: usize = 16 * 1024;

/// A chunk of samples out of order, and how many it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LateChunk {
    pub(crate) chunk: MappedChunk,
    pub(crate) samples: u16,
}

impl LateChunk {
    /// The place as a marker has it.
    pub(crate) fn place(&self) -> u64 {
        self.chunk.place
    }
}

fn each_of(
    encoding: Encoding,
    bytes: &[u8],
    each: &mut dyn FnMut(Stamped),
) -> Result<(), ChunkError> {
    // The neighbours are others than there.
    each_sample(encoding, bytes, &mut |sample| each(sample.alone()))
}

/// The samples of a chunk in memory; `None` where it is not as it should be.
fn samples_of(encoding: u8, bytes: &[u8]) -> Option<Vec<Stamped>> {
    let encoding = Encoding::from_number(encoding)?;
    let mut samples = Vec::with_capacity(usize::from(chunk::samples(encoding, bytes)));
    each_of(encoding, bytes, &mut |sample| samples.push(sample)).ok()?;
    samples.windows(2).all(|two| two[0].time < two[1].time).then_some(samples)
}

impl HeadChunks {
    /// Calls `each` with the samples of a chunk; with none when its file was removed, as blocks have
    /// them.
    pub(crate) fn each_late(
        &self,
        late: &LateChunk,
        each: &mut dyn FnMut(Stamped),
    ) -> Result<(), Error> {
        match self.read(&late.chunk, |encoding, bytes| each_of(encoding, bytes, each))? {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                let file = self.find(late.chunk.place).map(|(file, _)| file);
                let file = file.unwrap_or_else(|| ChunkFile::new(&self.dir, 0).into());
                Err(self.damage(&file, error.to_string()))
            }
        }
    }

    /// What stands at the place of a marker: a chunk of this series and its samples, if it is one.
    pub(crate) fn late_at(&self, series: u64, place: u64) -> Option<(LateChunk, Vec<Stamped>)> {
        let (file, position) = self.find(place)?;
        if position >= file.len.load(std::sync::atomic::Ordering::Acquire) {
            return None;
        }
        let bytes = file.view(&*self.fs, position).ok()?;
        let Next::Chunk(stored, _) = parse(&bytes, position as usize) else { return None };
        if !stored.late || stored.series != series {
            return None;
        }
        let samples = samples_of(stored.encoding, stored.bytes)?;
        let (min_time, max_time) = (samples.first()?.time, samples.last()?.time);
        if (min_time, max_time) != (stored.min_time, stored.max_time) {
            return None;
        }
        let chunk = MappedChunk { min_time, max_time, place };
        Some((LateChunk { chunk, samples: u16::try_from(samples.len()).ok()? }, samples))
    }
}

/// Chunks of samples in memory; `None` where those would be read as others than they are.
fn encode(samples: &[Stamped]) -> Option<Vec<OwnedChunk>> {
    let mut rest = Rest::default();
    samples.iter().for_each(|late| rest.push(late));
    let chunks: Vec<OwnedChunk> = rest.into_chunks().collect();
    let mut read = Vec::with_capacity(samples.len());
    for chunk in &chunks {
        read.append(&mut samples_of(chunk.encoding, &chunk.bytes)?);
    }
    equal(&read, samples).then_some(chunks)
}

impl Inner {
    /// Writes samples out of order to files, of series that have enough of them, which frees their
    /// memory; says how many chunks. After an error those that are left stay in memory.
    pub(crate) fn map_late(&self) -> Result<u64, Error> {
        let store = &self.head.out_of_order;
        let mut due = store.take_due();
        // In a file nothing would say whose they are.
        due.retain(|id| !self.head.files.is_contested(*id));
        let mut written = 0;
        while !due.is_empty() {
            match self.map_late_of(&mut due) {
                Ok(more) => written += more,
                Err(error) => {
                    count(&self.head.files.counters.writes_failed, 1);
                    store.await_files(due);
                    return Err(error);
                }
            }
        }
        Ok(written)
    }

    /// The same of the first ones of some series, which are taken out of them.
    fn map_late_of(&self, due: &mut Vec<u32>) -> Result<u64, Error> {
        let (files, store) = (&self.head.files, &self.head.out_of_order);
        // No batch stands between its log and the store: a marker is for all that is logged.
        let _none = self.head.commits.write();
        let _alone = self.sync.lock();
        let mut log = self.out_of_order_log.lock();
        self.check_open()?;
        // Until the chunks are known nobody removes their file.
        let mut writer = files.writer.lock();
        let mut rows: Vec<(u32, OwnedChunk)> = Vec::new();
        let done = store.each_in_memory(due, SAMPLES_AT_ONCE, |id, samples| {
            let chunks = encode(samples).into_iter().flatten();
            rows.extend(chunks.map(|chunk| (id, chunk)));
        });
        if rows.is_empty() {
            due.drain(..done);
            return Ok(0);
        }
        let chunks = rows.iter().map(|(id, chunk)| (*id, chunk));
        let placed = files.write_together(&mut writer, chunks, true)?;
        // Without markers the chunks are nobody's. They are written again when the log had room for
        // as many samples more, or at a start: a disk that is full would be all the fuller.
        due.drain(..done);
        let samples = rows.iter().map(|(_, chunk)| chunk.as_encoded().samples());
        let late = placed.into_iter().zip(samples);
        let late: Vec<(u32, LateChunk)> =
            late.map(|((id, chunk), samples)| (id, LateChunk { chunk, samples })).collect();
        self.log_markers(&mut log, &late)?;
        store.set_mapped(&late);
        count(&files.counters.chunks, late.len() as u64);
        Ok(late.len() as u64)
    }
}
