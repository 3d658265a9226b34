//! The `index` file, versions 1 to 3 (Prometheus' `tsdb/index`): symbols, series, postings.

use common_model::Labels;

use super::flaw::{self, Flaw, flaw};
use super::symbols::Symbols;
use super::table::PostingsTable;
use crate::codec::Cursor;
use crate::fs::Mapped;

/// First four bytes of an index.
pub(super) const MAGIC: u32 = 0xBAAA_D700;
/// The version that is written.
pub(super) const VERSION: u8 = 2;
/// Magic and version.
pub(super) const HEADER_BYTES: usize = 5;
/// Six positions and a checksum at the end of the file.
pub(super) const TOC_BYTES: usize = 6 * 8 + flaw::CRC_BYTES;
/// Since version 2 the number of a series is its position divided by this.
pub(super) const SERIES_ALIGN: u64 = 16;

/// An open index.
#[derive(Debug)]
pub(crate) struct Index {
    bytes: Mapped,
    pub(crate) symbols: Symbols,
    pub(crate) table: PostingsTable,
    series_align: u64,
}

/// Where the parts of a series stand in the index.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SeriesEntry {
    /// Position in the file.
    pub(crate) offset: u64,
    labels: (usize, usize),
    chunks: (usize, usize),
    chunk_count: u64,
}

/// Where a chunk lies and which time it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkMeta {
    /// Number of the segment, counted from zero, and position in it.
    pub reference: u64,
    /// Time of the first sample.
    pub min_time: i64,
    /// Time of the last sample.
    pub max_time: i64,
}

impl Index {
    /// Checks header, table of contents, symbols and postings table; lists and series are checked
    /// when they are read.
    pub(crate) fn open(bytes: Mapped) -> Result<Index, Flaw> {
        let head = bytes.first_chunk::<HEADER_BYTES>();
        let [a, b, c, d, version] = *head.ok_or_else(flaw(0, "index is cut short"))?;
        if u32::from_be_bytes([a, b, c, d]) != MAGIC {
            return Err(Flaw { offset: 0, what: "index does not begin as one" });
        }
        if !(1..=3).contains(&version) {
            return Err(Flaw { offset: 4, what: "index has an unknown version" });
        }
        let toc_at = bytes.len().saturating_sub(TOC_BYTES);
        let short = flaw(toc_at as u64, "table of contents is cut short");
        let (toc, stored) = bytes[toc_at..].split_at_checked(6 * 8).ok_or_else(&short)?;
        if !flaw::sound(toc, stored) {
            let what = "table of contents has a wrong checksum";
            return Err(Flaw { offset: toc_at as u64, what });
        }
        let mut cursor = Cursor { rest: toc };
        let mut sections = [0; 6];
        for section in &mut sections {
            *section = cursor.be64().ok_or_else(&short)?;
        }
        let [symbols, _series, _, _, _postings, table] = sections;
        Ok(Index {
            symbols: Symbols::open(&bytes, symbols, version == 1)?,
            table: PostingsTable::open(&bytes, table, version > 1)?,
            series_align: if version == 1 { 1 } else { SERIES_ALIGN },
            bytes,
        })
    }

    /// The list at a position: big-endian numbers of series, ascending.
    pub(crate) fn list(&self, offset: u64) -> Result<&[[u8; 4]], Flaw> {
        let short = "postings are cut short";
        let contents = flaw::section(&self.bytes, offset, short, "postings have a wrong checksum")?;
        let mut cursor = Cursor { rest: contents };
        let count = flaw::be32(&mut cursor).ok_or_else(flaw(offset, short))? as usize;
        let (numbers, rest) = cursor.rest.as_chunks::<4>();
        if !rest.is_empty() || numbers.len() != count {
            return Err(Flaw { offset, what: "postings have another length than they say" });
        }
        Ok(numbers)
    }

    /// How many numbers the list at a position says it has; unchecked, for estimates.
    pub(crate) fn list_len(&self, offset: u64) -> usize {
        let rest = flaw::from(&self.bytes, offset).unwrap_or_default();
        let mut cursor = Cursor { rest };
        let _length = flaw::be32(&mut cursor);
        flaw::be32(&mut cursor).unwrap_or_default() as usize
    }

    /// All series, in order of labels.
    pub(crate) fn all(&self) -> Result<&[[u8; 4]], Flaw> {
        self.table.all().map_or(Ok(&[]), |offset| self.list(offset))
    }

    /// The series with a number, checked.
    #[inline]
    pub(crate) fn series(&self, number: u32) -> Result<SeriesEntry, Flaw> {
        let offset = u64::from(number) * self.series_align;
        let short = flaw(offset, "series is cut short");
        let rest = flaw::from(&self.bytes, offset).ok_or_else(&short)?;
        let mut cursor = Cursor { rest };
        let len = cursor.uvarint().and_then(|len| usize::try_from(len).ok());
        let parts = len.and_then(|len| {
            let (body, rest) = cursor.rest.split_at_checked(len)?;
            Some((body, rest.get(..flaw::CRC_BYTES)?))
        });
        let (body, stored) = parts.ok_or_else(&short)?;
        if !flaw::sound(body, stored) {
            return Err(Flaw { offset, what: "series has a wrong checksum" });
        }
        let begin = self.bytes.len() - cursor.rest.len();
        entry(body, offset, begin).ok_or_else(&short)
    }

    /// References of a series' names and values as they stand in the file.
    #[inline]
    pub(crate) fn references(&self, series: &SeriesEntry) -> &[u8] {
        self.bytes.get(series.labels.0..series.labels.1).unwrap_or_default()
    }

    /// Names and values of a series.
    pub(crate) fn labels(
        &self,
        series: &SeriesEntry,
        buffer: &mut Vec<u8>,
    ) -> Result<Labels, Flaw> {
        let labels = Labels::try_from_sorted_bytes(buffer, self.pairs(series))?;
        labels.ok_or_else(flaw(series.offset, "series has labels that are not UTF-8"))
    }

    /// Names and values of a series as they stand in the file, which nobody looked at.
    pub(crate) fn pairs(
        &self,
        series: &SeriesEntry,
    ) -> impl Iterator<Item = Result<(&[u8], &[u8]), Flaw>> {
        let mut cursor = Cursor { rest: self.references(series) };
        let offset = series.offset;
        std::iter::from_fn(move || {
            if cursor.rest.is_empty() {
                return None;
            }
            let mut bytes = || {
                let reference = cursor.uvarint().and_then(|number| u32::try_from(number).ok());
                let unknown = flaw(offset, "series has an impossible symbol");
                self.symbols.bytes(reference.ok_or_else(unknown)?)
            };
            Some(bytes().and_then(|name| Ok((name, bytes()?))))
        })
    }

    /// Numbers of names and values of a series where the name is one of `names`.
    pub(crate) fn some_labels(
        &self,
        series: &SeriesEntry,
        names: &[u32],
        numbers: &mut Vec<u32>,
    ) -> Result<(), Flaw> {
        numbers.clear();
        let mut cursor = Cursor { rest: self.references(series) };
        while !cursor.rest.is_empty() {
            let mut number = || cursor.uvarint().and_then(|number| u32::try_from(number).ok());
            let (Some(name), Some(value)) = (number(), number()) else {
                let what = "series has an impossible symbol";
                return Err(Flaw { offset: series.offset, what });
            };
            if names.contains(&name) {
                numbers.extend([name, value]);
            }
        }
        Ok(())
    }

    /// The chunks of a series in order of time.
    #[inline]
    pub(crate) fn chunks(&self, series: &SeriesEntry) -> Chunks<'_> {
        let rest = self.bytes.get(series.chunks.0..series.chunks.1).unwrap_or_default();
        Chunks {
            cursor: Cursor { rest },
            left: series.chunk_count,
            first: true,
            offset: series.offset,
            reference: 0,
            max_time: 0,
        }
    }

    /// Length of the file.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Takes the body of a series apart; references of labels are only walked over.
#[inline]
fn entry(body: &[u8], offset: u64, begin: usize) -> Option<SeriesEntry> {
    let mut cursor = Cursor { rest: body };
    let at = |cursor: &Cursor<'_>| begin + body.len() - cursor.rest.len();
    let count = cursor.uvarint()?;
    let labels = at(&cursor);
    for _ in 0..count {
        cursor.uvarint()?;
        cursor.uvarint()?;
    }
    let labels = (labels, at(&cursor));
    let chunk_count = cursor.uvarint()?;
    let chunks = (at(&cursor), begin + body.len());
    Some(SeriesEntry { offset, labels, chunks, chunk_count })
}

/// Reads the chunks of a series one by one.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<'a> {
    cursor: Cursor<'a>,
    left: u64,
    first: bool,
    offset: u64,
    reference: u64,
    max_time: i64,
}

impl Chunks<'_> {
    #[inline]
    fn step(&mut self) -> Option<ChunkMeta> {
        let cursor = &mut self.cursor;
        let (min_time, length);
        if self.first {
            self.first = false;
            min_time = cursor.varint()?;
            length = cursor.uvarint()?;
            self.reference = cursor.uvarint()?;
        } else {
            min_time = self.max_time.checked_add_unsigned(cursor.uvarint()?)?;
            length = cursor.uvarint()?;
            self.reference = self.reference.wrapping_add_signed(cursor.varint()?);
        }
        self.max_time = min_time.checked_add_unsigned(length)?;
        Some(ChunkMeta { reference: self.reference, min_time, max_time: self.max_time })
    }
}

impl Iterator for Chunks<'_> {
    type Item = Result<ChunkMeta, Flaw>;

    #[inline]
    fn next(&mut self) -> Option<Result<ChunkMeta, Flaw>> {
        self.left = self.left.checked_sub(1)?;
        let chunk = self.step().ok_or_else(flaw(self.offset, "series has a broken chunk"));
        if chunk.is_err() {
            self.left = 0;
        }
        Some(chunk)
    }
}
