//! The texts that values on the stack point to, for one line.

use std::ops::Range;

use super::code::Object;
use super::error::RuntimeError;
use super::value::{Place, Span};
use crate::line::Line;

/// Most bytes of texts made while one line is worked on.
pub(super) const SCRATCH_BYTES_MAX: usize = 64 << 20;

/// Longest line or constant: places in it are numbers of 32 bits. The rest of a longer line is not
/// seen; sources cut far shorter ones.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 31;

/// Where spans point to.
pub(super) struct Texts<'a> {
    pub(super) object: &'a Object,
    pub(super) line: Line<'a>,
    pub(super) scratch: &'a mut Vec<u8>,
}

impl Texts<'_> {
    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        let (whole, part) = self.part_of(span);
        whole.get(part).unwrap_or(&[])
    }

    /// A text with where the bytes of a span are in it.
    pub(super) fn part_of(&self, span: Span) -> (&[u8], Range<usize>) {
        let whole: &[u8] = match span.place {
            Place::Line => self.line.text,
            Place::Scratch => self.scratch,
            Place::FileName => self.line.source.as_bytes(),
            Place::Constant(number) => {
                self.object.texts.get(number as usize).map_or(&[], |text| text.as_bytes())
            }
        };
        (whole, span.start as usize..span.end as usize)
    }

    /// A whole text.
    pub(super) fn span(&self, place: Place) -> Span {
        let end = match place {
            Place::Line => self.line.text.len(),
            Place::Scratch => self.scratch.len(),
            Place::FileName => self.line.source.len(),
            Place::Constant(number) => {
                self.object.texts.get(number as usize).map_or(0, String::len)
            }
        };
        Span { place, start: 0, end: small(end) }
    }

    /// Keeps what `write` appends to the buffer until the end of the line.
    pub(super) fn make(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<Span, RuntimeError> {
        let start = self.scratch.len();
        write(self.scratch);
        if self.scratch.len() > SCRATCH_BYTES_MAX {
            return Err(RuntimeError::TextLimit(SCRATCH_BYTES_MAX));
        }
        let (start, end) = (small(start), small(self.scratch.len()));
        Ok(Span { place: Place::Scratch, start, end })
    }

    pub(super) fn make_from(&mut self, text: &str) -> Result<Span, RuntimeError> {
        self.make(|out| out.extend_from_slice(text.as_bytes()))
    }

    /// A part of a text.
    pub(super) fn part(whole: Span, start: usize, end: usize) -> Span {
        let (start, end) = (whole.start + small(start), whole.start + small(end));
        Span { place: whole.place, start, end }
    }
}

/// Places in texts fit, because those are limited.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "texts are limited to TEXT_BYTES_MAX")]
fn small(place: usize) -> u32 {
    place as u32
}
