//! The `tombstones` file: times that were deleted from series.

use std::collections::BTreeMap;

use super::flaw::{self, Flaw, flaw};
use crate::codec::{Cursor, push_uvarint, push_varint};

const MAGIC: u32 = 0x0130_BA30;
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;

/// First and last deleted times by number of series.
pub(crate) type Tombstones = BTreeMap<u64, Vec<(i64, i64)>>;

/// Reads the file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Tombstones, Flaw> {
    let short = flaw(0, "tombstones are cut short");
    let (head, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(&short)?;
    if head[..4] != MAGIC.to_be_bytes() {
        return Err(Flaw { offset: 0, what: "tombstones do not begin as such" });
    }
    if head[4] != VERSION {
        return Err(Flaw { offset: 4, what: "tombstones have an unknown version" });
    }
    let entries = rest.len().checked_sub(flaw::CRC_BYTES).ok_or_else(&short)?;
    let (entries, stored) = rest.split_at(entries);
    if !flaw::sound(entries, stored) {
        let offset = HEADER_BYTES as u64;
        return Err(Flaw { offset, what: "tombstones have a wrong checksum" });
    }
    let mut cursor = Cursor { rest: entries };
    let mut tombstones = Tombstones::new();
    while !cursor.rest.is_empty() {
        let offset = (bytes.len() - flaw::CRC_BYTES - cursor.rest.len()) as u64;
        let mut entry = || Some((cursor.uvarint()?, cursor.varint()?, cursor.varint()?));
        let broken = flaw(offset, "tombstone is cut short");
        let (series, first, last) = entry().ok_or_else(broken)?;
        tombstones.entry(series).or_default().push((first, last));
    }
    Ok(tombstones)
}

/// The file's bytes.
pub(crate) fn encode(tombstones: &Tombstones) -> Vec<u8> {
    let mut bytes = MAGIC.to_be_bytes().to_vec();
    bytes.push(VERSION);
    for (&series, ranges) in tombstones {
        for &(first, last) in ranges {
            push_uvarint(&mut bytes, series);
            push_varint(&mut bytes, first);
            push_varint(&mut bytes, last);
        }
    }
    let checksum = crc32c::crc32c(&bytes[HEADER_BYTES..]);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}
