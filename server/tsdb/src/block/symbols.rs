//! The index's sorted texts: every label name and value once, referred to by number.

use std::cmp::Ordering;

use super::flaw::{self, Flaw, flaw};
use crate::codec::Cursor;
use crate::fs::Mapped;

/// Where the texts of an index stand.
#[derive(Debug)]
pub(crate) struct Symbols {
    bytes: Mapped,
    /// Position of every text in the file, less the section's. Four bytes each is an eighth of a
    /// label; looking one up is most of what reading a label costs.
    offsets: Vec<u32>,
    start: u64,
    /// The first version of the format refers to texts by position.
    by_position: bool,
}

impl Symbols {
    /// Checks and reads the section.
    pub(super) fn open(bytes: &Mapped, start: u64, by_position: bool) -> Result<Symbols, Flaw> {
        let short = "symbol table is cut short";
        let contents = flaw::section(bytes, start, short, "symbol table has a wrong checksum")?;
        let mut cursor = Cursor { rest: contents };
        let count = flaw::be32(&mut cursor).ok_or_else(flaw(start, short))? as usize;
        // A text takes a byte at least.
        let mut offsets = Vec::with_capacity(count.min(cursor.rest.len()));
        for _ in 0..count {
            let at = contents.len() - cursor.rest.len() + flaw::CRC_BYTES;
            // The length of a section is four bytes, so positions in it fit.
            offsets.push(at as u32);
            let bad = flaw(start + at as u64, "symbol is cut short or not UTF-8");
            cursor.text().ok_or_else(bad)?;
        }
        Ok(Symbols { bytes: bytes.clone(), offsets, start, by_position })
    }

    /// The text behind a reference.
    pub(crate) fn text(&self, reference: u32) -> Result<&str, Flaw> {
        let offset = self.offset(reference)?;
        let text = std::str::from_utf8(self.at(offset)?);
        text.map_err(|_| Flaw { offset, what: "symbol is not UTF-8" })
    }

    /// The bytes of the text behind a reference.
    #[inline]
    pub(crate) fn bytes(&self, reference: u32) -> Result<&[u8], Flaw> {
        self.at(self.offset(reference)?)
    }

    #[inline]
    fn offset(&self, reference: u32) -> Result<u64, Flaw> {
        if self.by_position {
            return Ok(u64::from(reference));
        }
        let unknown = flaw(self.start, "no symbol with the number a series refers to");
        let offset = self.offsets.get(reference as usize).ok_or_else(unknown)?;
        Ok(self.start + u64::from(*offset))
    }

    #[inline]
    fn at(&self, offset: u64) -> Result<&[u8], Flaw> {
        let bytes = flaw::from(&self.bytes, offset).and_then(|rest| Cursor { rest }.bytes());
        bytes.ok_or_else(flaw(offset, "symbol is cut short"))
    }

    /// The number of a text; none where there is no such text or numbers mean something else.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        if self.by_position {
            return None;
        }
        let (mut low, mut high) = (0, self.offsets.len() as u32);
        while low < high {
            let middle = low.midpoint(high);
            match self.text(middle).ok()?.cmp(text) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Whether numbers are those of the texts in their order.
    pub(crate) fn is_numbered(&self) -> bool {
        !self.by_position
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether a reference means the same text in both.
    pub(crate) fn same(&self, other: &Symbols) -> bool {
        let key = |s: &Symbols| (s.by_position, s.offsets.len(), s.start);
        key(self) == key(other) && self.texts() == other.texts()
    }

    fn texts(&self) -> &[u8] {
        let len = |cursor: &mut Cursor<'_>| flaw::be32(cursor);
        let rest = flaw::from(&self.bytes, self.start).unwrap_or_default();
        let mut cursor = Cursor { rest };
        let len = len(&mut cursor).unwrap_or_default() as usize;
        cursor.rest.get(..len).unwrap_or_default()
    }

    /// Bytes taken from the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.offsets.capacity() * size_of::<u32>()
    }
}
