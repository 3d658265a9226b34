//! Since when the samples of a chunk count, a field behind each (Prometheus' `tsdb/chunkenc/st.go`).
//!
//! Most series have no start, or one that seldom changes. So a byte in the head of the chunk says
//! whether the first sample has a start, and from which sample on every one has a field; until then
//! a sample has that of the one before. A field is how far the start lies behind the time of the
//! sample before, as nothing else is known of it; the fields after the first are changes of that.
//! A start of zero is none.

use super::bits::{BitReader, BitWriter};
use super::varbit;

/// Which byte of a chunk is about starts, in all encodings that have them.
pub(super) const HEADER_AT: usize = 2;
/// Set in the header where the first sample has a start.
const FIRST_KNOWN: u8 = 0x80;
/// Bits of the header that number the first sample with a field; zero while there is none.
const FIELDS_FROM: u8 = 0x7f;

/// Writes starts; the header among the bytes remembers how far it came.
#[derive(Clone, Debug, Default)]
pub(super) struct StartsWriter {
    start: i64,
    /// From the start to the time of the sample before.
    distance: i64,
}

impl StartsWriter {
    /// Writes the start of sample number `sample` behind all else that is written of it. `before` is
    /// the time of the sample before it; of the first one its own.
    pub(super) fn put(&mut self, out: &mut BitWriter<'_>, sample: u16, before: i64, start: i64) {
        let distance = before.wrapping_sub(start);
        let header = out.bytes[HEADER_AT];
        if sample == 0 {
            if start != 0 {
                out.put_varint(distance);
                out.bytes[HEADER_AT] = FIRST_KNOWN;
            }
        } else if header & FIELDS_FROM != 0 {
            varbit::put_int(out, distance.wrapping_sub(self.distance));
        } else if start != self.start || sample == u16::from(FIELDS_FROM) {
            // The last sample that the header can number begins the fields, needed or not. Nothing
            // greater comes here, which makes it fit.
            varbit::put_int(out, distance);
            out.bytes[HEADER_AT] = header | sample as u8;
        }
        *self = StartsWriter { start, distance };
    }
}

/// Reads starts; with a header of zero there are none, and it reads nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct StartsReader {
    header: u8,
    start: i64,
    /// From the start to the time of the sample before; zero until there are fields.
    distance: i64,
}

impl StartsReader {
    /// Starts at the first sample of a chunk with this header.
    pub(super) fn new(header: u8) -> StartsReader {
        StartsReader { header, start: 0, distance: 0 }
    }

    /// Reads what [`StartsWriter::put`] wrote; `None` when the bits end.
    #[inline]
    pub(super) fn read(
        &mut self,
        bits: &mut BitReader<'_>,
        sample: u16,
        before: i64,
    ) -> Option<i64> {
        let fields_from = u16::from(self.header & FIELDS_FROM);
        if sample == 0 {
            if self.header & FIRST_KNOWN != 0 {
                self.start = before.wrapping_sub(bits.varint()?);
            }
        } else if fields_from != 0 && sample >= fields_from {
            self.distance = self.distance.wrapping_add(varbit::int(bits)?);
            self.start = before.wrapping_sub(self.distance);
        }
        Some(self.start)
    }

    /// The start read last; zero where none is known.
    pub(super) fn start(&self) -> i64 {
        self.start
    }
}
