//! What is wrong with stored bytes and where, and the few shapes that all files of a block share.

use std::fmt;

use crate::codec::Cursor;

/// Bytes of a checksum.
pub(super) const CRC_BYTES: usize = 4;

/// A place in a file that is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Position in the file.
    pub(crate) offset: u64,
    /// What is wrong there.
    pub(crate) what: &'static str,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.offset)
    }
}

/// A flaw at a position; made to be used in `ok_or_else`.
pub(super) fn flaw(offset: u64, what: &'static str) -> impl Fn() -> Flaw {
    move || Flaw { offset, what }
}

/// Whether bytes have the checksum that follows them in the file. A fuzzer cannot find checksums, and
/// what is behind them must not panic either.
#[inline]
pub(super) fn sound(bytes: &[u8], stored: &[u8]) -> bool {
    cfg!(fuzzing) || crc32c::crc32c(bytes).to_be_bytes() == stored
}

/// The bytes from a position to the end.
#[inline]
pub(super) fn from(bytes: &[u8], offset: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..)
}

/// The four bytes at the front as a number.
#[inline]
pub(super) fn be32(cursor: &mut Cursor<'_>) -> Option<u32> {
    let (four, rest) = cursor.rest.split_first_chunk::<4>()?;
    cursor.rest = rest;
    Some(u32::from_be_bytes(*four))
}

/// The contents of a section: four bytes length, contents, checksum of the contents.
pub(super) fn section<'a>(
    bytes: &'a [u8],
    offset: u64,
    short: &'static str,
    unsound: &'static str,
) -> Result<&'a [u8], Flaw> {
    let parts = from(bytes, offset).and_then(|rest| {
        let mut cursor = Cursor { rest };
        let len = be32(&mut cursor)? as usize;
        let (contents, rest) = cursor.rest.split_at_checked(len)?;
        Some((contents, rest.get(..CRC_BYTES)?))
    });
    let (contents, stored) = parts.ok_or(Flaw { offset, what: short })?;
    if !sound(contents, stored) {
        return Err(Flaw { offset, what: unsound });
    }
    Ok(contents)
}
