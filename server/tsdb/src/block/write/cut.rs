//! Cuts samples into chunks as a head does.

use super::EncodedChunk;
use crate::head::Series;

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

/// Encodes float samples in ascending order of time as the head would: about 120 to a chunk, none
/// across a multiple of `chunk_range_ms`. A sample that is not newer than the one before it is left
/// out.
pub fn cut_floats(
    samples: impl IntoIterator<Item = (i64, f64)>,
    chunk_range_ms: i64,
) -> Vec<OwnedChunk> {
    let mut series = Series::new(0, Box::default());
    for (time, value) in samples {
        if series.place(time, value) == crate::head::Place::Newest {
            series.append(time, value, chunk_range_ms.max(1));
        }
    }
    let chunks = series.into_chunks().into_iter();
    chunks
        .map(|chunk| OwnedChunk {
            encoding: chunk.encoding() as u8,
            min_time: chunk.min_time,
            max_time: chunk.max_time,
            bytes: chunk.into_bytes(),
        })
        .collect()
}
