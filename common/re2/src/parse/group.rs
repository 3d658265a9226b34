//! Groups: what is open while a pattern is read, and how `(?` is spelled.

use super::item::Item;
use super::{Flags, Parser};
use crate::error::{Error, ErrorCode};

/// An open group, or the whole pattern.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Its number, when it captures.
    pub(super) capture: Option<u32>,
    /// The flags that hold again after it.
    pub(super) flags_before: Flags,
    /// Alternatives that are complete.
    pub(super) branches: Vec<Item>,
    /// What stands in the alternative being read.
    pub(super) sequence: Vec<Item>,
}

impl Group {
    pub(super) fn end_branch(&mut self) {
        let sequence = std::mem::take(&mut self.sequence);
        self.branches.push(Item::concat(sequence));
    }

    pub(super) fn finish(mut self) -> Item {
        self.end_branch();
        Item::alternation(self.branches)
    }
}

impl Parser<'_> {
    /// What begins with `(?`: a named group, flags, or a group that does not capture.
    pub(super) fn perl_group(&mut self) -> Result<(), Error> {
        let rest = self.rest();
        let name_at = if rest.starts_with("(?P<") && rest.len() > 4 {
            Some(4)
        } else if rest.starts_with("(?<") && rest.len() > 3 {
            Some(3)
        } else {
            None
        };
        if let Some(name_at) = name_at {
            let Some(end) = rest.find('>') else {
                return Err(Error::new(ErrorCode::InvalidNamedCapture, rest));
            };
            let name = &rest[name_at..end];
            let valid = |b: u8| b == b'_' || b.is_ascii_alphanumeric();
            if name.is_empty() || !name.bytes().all(valid) {
                return Err(Error::new(ErrorCode::InvalidNamedCapture, &rest[..=end]));
            }
            self.at += end + 1;
            self.open_capture(Some(name.to_owned()));
            return Ok(());
        }
        self.flags_or_group()
    }

    fn flags_or_group(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.at += 2;
        let mut flags = self.flags;
        let (mut negated, mut seen) = (false, false);
        while let Some(c) = self.next() {
            match c {
                'i' => flags.fold_case = !negated,
                'm' => flags.multi_line = !negated,
                's' => flags.dot_newline = !negated,
                'U' => flags.swap_greed = !negated,
                '-' if !negated => {
                    negated = true;
                    seen = false;
                    continue;
                }
                ':' | ')' if !negated || seen => {
                    if c == ':' {
                        self.open(None);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            seen = true;
        }
        Err(self.error_since(ErrorCode::InvalidPerlOp, start))
    }
}
