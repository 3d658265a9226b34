//! Cuts samples into chunks as a head does.

use super::EncodedChunk;
use crate::head::{Chunk, Chunking, Series};

/// A chunk with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedChunk {
    /// As in [`EncodedChunk`].
    pub encoding: u8,
    /// Time of the first sample.
    pub min_time: i64,
    /// Time of the last sample.
    pub max_time: i64,
    /// The samples.
    pub bytes: Box<[u8]>,
}

impl OwnedChunk {
    /// What a block writer takes.
    #[must_use]
    pub fn as_encoded(&self) -> EncodedChunk<'_> {
        let OwnedChunk { encoding, min_time, max_time, ref bytes } = *self;
        EncodedChunk { encoding, min_time, max_time, bytes }
    }
}

impl From<Chunk> for OwnedChunk {
    fn from(chunk: Chunk) -> OwnedChunk {
        OwnedChunk {
            encoding: chunk.encoding as u8,
            min_time: chunk.min_time,
            max_time: chunk.max_time,
            bytes: chunk.bytes,
        }
    }
}

/// Encodes the float samples of one series one by one as the head would: about 120 to a chunk, none
/// across a multiple of `chunk_range_ms`.
#[derive(Debug)]
pub struct ChunkCutter {
    series: Series,
    chunk_range_ms: i64,
}

impl ChunkCutter {
    /// Without samples.
    #[must_use]
    pub fn new(chunk_range_ms: i64) -> ChunkCutter {
        let chunk_range_ms = chunk_range_ms.max(1);
        ChunkCutter { series: Series::new(0, Box::default(), false), chunk_range_ms }
    }

    /// Adds a sample; one that is not newer than the one before it is left out. Returns by how many
    /// bytes the chunks grew, or shrank when one was closed.
    pub fn push(&mut self, time: i64, value: f64) -> i64 {
        if self.series.place(time, value) != crate::head::Place::Newest {
            return 0;
        }
        let rules = Chunking { range_ms: self.chunk_range_ms, xor2: false };
        self.series.append((time, 0), value, rules).grown_by()
    }

    /// The chunks in order of time.
    #[must_use]
    pub fn into_chunks(self) -> Vec<OwnedChunk> {
        self.series.into_chunks().into_iter().map(OwnedChunk::from).collect()
    }
}

/// Encodes float samples in ascending order of time as [`ChunkCutter`] does.
pub fn cut_floats(
    samples: impl IntoIterator<Item = (i64, f64)>,
    chunk_range_ms: i64,
) -> Vec<OwnedChunk> {
    let mut cutter = ChunkCutter::new(chunk_range_ms);
    for (time, value) in samples {
        cutter.push(time, value);
    }
    cutter.into_chunks()
}
