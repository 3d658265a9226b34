//! Where and since when the samples of a record are, in the kinds that newer versions of Prometheus
//! write (11 to 13, `tsdb/record`).
//!
//! The first sample has series, time and start whole. Every later one has its series as difference
//! from the one before, its time as difference from the first, and says of its start whether it has
//! none, that of the one before, or another, as difference from the first.

use crate::codec::{Cursor, push_varint};

/// The sample has no start.
const NONE: u8 = 0;
/// It has the start of the one before.
const SAME: u8 = 1;
/// A difference follows.
const OTHER: u8 = 2;

/// Series, time and start of a sample; a start that is not known is zero.
pub(super) type Place = (u64, i64, i64);

/// What is known from the samples before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    first: Option<Place>,
    before: Place,
}

impl Places {
    /// Writes the place of the next sample.
    pub(super) fn push(&mut self, out: &mut Vec<u8>, place: Place) {
        let (series, time, start) = place;
        match self.first {
            None => {
                push_varint(out, series as i64);
                push_varint(out, time);
                push_varint(out, start);
                self.first = Some(place);
            }
            Some((_, first_time, first_start)) => {
                push_varint(out, series.wrapping_sub(self.before.0) as i64);
                push_varint(out, time.wrapping_sub(first_time));
                match start {
                    0 => out.push(NONE),
                    start if start == self.before.2 => out.push(SAME),
                    start => {
                        out.push(OTHER);
                        push_varint(out, start.wrapping_sub(first_start));
                    }
                }
            }
        }
        self.before = place;
    }

    /// Reads the place of the next sample; `None` where the bytes end.
    pub(super) fn next(&mut self, cursor: &mut Cursor<'_>) -> Option<Place> {
        let (series, time) = (cursor.varint()?, cursor.varint()?);
        let place = match self.first {
            None => {
                let place = (series as u64, time, cursor.varint()?);
                self.first = Some(place);
                place
            }
            Some((_, first_time, first_start)) => {
                let start = match cursor.byte()? {
                    NONE => 0,
                    SAME => self.before.2,
                    _ => first_start.wrapping_add(cursor.varint()?),
                };
                let series = self.before.0.wrapping_add(series as u64);
                (series, first_time.wrapping_add(time), start)
            }
        };
        self.before = place;
        Some(place)
    }
}
