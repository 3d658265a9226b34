//! The texts that values on the stack point to, for one line.

use super::code::Object;
use super::error::RuntimeError;
use super::value::{Place, Span};
use crate::line::Line;

/// Most bytes of texts made while one line is worked on.
pub(super) const SCRATCH_BYTES_MAX: usize = 64 << 20;

/// Where spans point to.
pub(super) struct Texts<'a> {
    pub(super) object: &'a Object,
    pub(super) line: Line<'a>,
    pub(super) scratch: &'a mut Vec<u8>,
}

impl Texts<'_> {
    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        let whole: &[u8] = match span.place {
            Place::Line => self.line.text,
            Place::Scratch => self.scratch,
            Place::FileName => self.line.source.as_bytes(),
            Place::Constant(number) => {
                self.object.texts.get(number as usize).map_or(&[], |text| text.as_bytes())
            }
        };
        whole.get(span.start..span.end).unwrap_or(&[])
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
        Span { place, start: 0, end }
    }

    /// Keeps what `write` appends to the buffer until the end of the line.
    pub(super) fn make(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<Span, RuntimeError> {
        let start = self.scratch.len();
        write(self.scratch);
        if self.scratch.len() > SCRATCH_BYTES_MAX {
            return Err(RuntimeError::TextLimit(SCRATCH_BYTES_MAX));
        }
        Ok(Span { place: Place::Scratch, start, end: self.scratch.len() })
    }

    pub(super) fn make_from(&mut self, text: &str) -> Result<Span, RuntimeError> {
        self.make(|out| out.extend_from_slice(text.as_bytes()))
    }

    /// A part of a text.
    pub(super) fn part(whole: Span, start: usize, end: usize) -> Span {
        Span { place: whole.place, start: whole.start + start, end: whole.start + end }
    }
}
