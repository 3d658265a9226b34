//! The one place that knows which encoding of chunks is read by what.

use server_storage::SampleColumns;

use crate::chunk::{self, ChunkError, Encoding};

/// Why a chunk cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("chunk encoding {0} is not known")]
    Encoding(u8),
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    #[error("samples of a chunk are not in order of time")]
    Order,
}

/// Appends the samples of `[start, end]` to columns.
pub(crate) fn read(
    encoding: u8,
    chunk: &[u8],
    (start, end): (i64, i64),
    columns: &mut SampleColumns,
) -> Result<(), DecodeError> {
    let before = columns.len().saturating_sub(1);
    let known = Encoding::from_number(encoding).ok_or(DecodeError::Encoding(encoding))?;
    chunk::read(known, chunk, start, end, columns)?;
    // The bytes are what was written; what was written may still make no sense.
    if columns.timestamps[before..].is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(DecodeError::Order)
    }
}
