//! The one place that knows which encoding of chunks is read by what.

use server_storage::SampleColumns;

use crate::chunk::ChunkError;
use crate::chunk::columns::decode;

/// Floats, XORed.
pub(crate) const XOR: u8 = 1;

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
    match encoding {
        XOR => decode(chunk, start, end, columns)?,
        other => return Err(DecodeError::Encoding(other)),
    }
    // The bytes are what was written; what was written may still make no sense.
    if columns.timestamps[before..].is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(DecodeError::Order)
    }
}
