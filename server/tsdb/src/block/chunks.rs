//! The files `chunks/000001` and so on: the samples.

use super::flaw::{self, Flaw, flaw};
use crate::codec::Cursor;
use crate::fs::Mapped;

/// First four bytes of a segment.
pub(super) const MAGIC: u32 = 0x85BD_40DD;
/// The version that is written and read.
pub(super) const VERSION: u8 = 1;
/// Magic, version, padding.
pub(super) const HEADER_BYTES: usize = 8;

/// Checks how a segment begins.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), Flaw> {
    let head = bytes.first_chunk::<HEADER_BYTES>();
    let [a, b, c, d, version, ..] = *head.ok_or_else(flaw(0, "chunk segment is cut short"))?;
    if u32::from_be_bytes([a, b, c, d]) != MAGIC {
        return Err(Flaw { offset: 0, what: "chunk segment does not begin as one" });
    }
    if version != VERSION {
        return Err(Flaw { offset: 4, what: "chunk segment has an unknown version" });
    }
    Ok(())
}

/// Encoding and bytes of the chunk at a position of a segment, checked. Finding and checking a chunk
/// of 400 bytes took 44 ns where reading it takes 1.4 µs (`examples/blocks.rs`), so every read pays
/// for it: what was good yesterday may come back from a failing disk today.
#[inline]
pub(super) fn chunk(segment: &Mapped, offset: u64) -> Result<(u8, &[u8]), Flaw> {
    let parts = flaw::from(segment, offset).and_then(|rest| {
        let mut cursor = Cursor { rest };
        let len = usize::try_from(cursor.uvarint()?).ok()?.checked_add(1)?;
        let (encoded, rest) = cursor.rest.split_at_checked(len)?;
        Some((encoded, rest.get(..flaw::CRC_BYTES)?))
    });
    let (encoded, stored) = parts.ok_or_else(flaw(offset, "chunk is cut short"))?;
    if !flaw::sound(encoded, stored) {
        return Err(Flaw { offset, what: "chunk has a wrong checksum" });
    }
    // It is one byte long at least.
    Ok((encoded[0], &encoded[1..]))
}
