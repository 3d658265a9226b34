//! From a pattern in the syntax of Go's `regexp/syntax` (flags `Perl`) to regex-syntax's HIR.
//!
//! One loop over the pattern with an explicit stack of open groups: the depth of a pattern costs
//! heap, never stack. Heights and sizes are counted as Go counts them, so that what Go refuses is
//! refused here, in the same words.

mod class;
mod escape;
mod group;
mod item;
mod unicode;

use crate::error::{Error, ErrorCode};
use group::Group;
use item::Item;
use regex_syntax::hir::{Hir, Look};
pub(crate) use unicode::class as unicode_class;

/// Longest pattern that needs a syntax tree, which takes hundreds of bytes for each of its own. Lists
/// of literals need none.
pub const PATTERN_BYTES_MAX: usize = 64 << 10;
/// Characters that the error of a longer one quotes.
const QUOTED_MAX: usize = 64;
/// Largest count in a repetition, and largest product of nested counts.
pub const REPEAT_MAX: u32 = 1000;
/// Greatest height of the syntax tree.
pub const HEIGHT_MAX: u32 = 1000;
/// Most instructions of Go's compiled program (128 MiB of 40 bytes each).
pub const INSTRUCTIONS_MAX: u64 = (128 << 20) / 40;
/// Most ranges in all character classes together. Go allows sixteen times as many; what lies
/// between would be refused for the size of the compiled automaton.
pub const CLASS_RANGES_MAX: usize = 1 << 20;

/// A pattern that is well-formed.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// What it matches.
    pub(crate) hir: Hir,
    /// The name of each capturing group, from group 1 on.
    pub(crate) names: Vec<Option<String>>,
}

/// Parses a whole pattern.
pub(crate) fn parse(pattern: &str) -> Result<Parsed, Error> {
    if pattern.len() > PATTERN_BYTES_MAX {
        let mut quoted: String = pattern.chars().take(QUOTED_MAX).collect();
        quoted.push_str("...");
        return Err(Error::new(ErrorCode::Large, &quoted));
    }
    let mut parser = Parser {
        pattern,
        at: 0,
        flags: Flags::default(),
        group: Group::default(),
        outer: Vec::new(),
        names: Vec::new(),
        last_repeat: None,
        class_ranges: 0,
    };
    let hir = parser.run()?;
    Ok(Parsed { hir, names: parser.names })
}

/// The flags a pattern can set: `(?imsU)`.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// `i`
    fold_case: bool,
    /// `m`: `^` and `$` match at lines.
    multi_line: bool,
    /// `s`: `.` matches a line feed.
    dot_newline: bool,
    /// `U`: `*` is lazy and `*?` greedy.
    swap_greed: bool,
}

struct Parser<'p> {
    pattern: &'p str,
    /// Byte offset of what is read next.
    at: usize,
    flags: Flags,
    /// The innermost open group; the whole pattern is one, too.
    group: Group,
    /// The groups around it.
    outer: Vec<Group>,
    names: Vec<Option<String>>,
    /// Where the repetition operator just before `at` starts.
    last_repeat: Option<usize>,
    class_ranges: usize,
}

impl<'p> Parser<'p> {
    fn run(&mut self) -> Result<Hir, Error> {
        while let Some(first) = self.peek() {
            let before = self.at;
            let mut repeat = None;
            match first {
                '(' if self.rest().starts_with("(?") => self.perl_group()?,
                '(' => {
                    self.at += 1;
                    self.open_capture(None);
                }
                '|' => {
                    self.at += 1;
                    self.group.end_branch();
                    self.check_limits()?;
                }
                ')' => self.close()?,
                '^' => {
                    let look = if self.flags.multi_line { Look::StartLF } else { Look::Start };
                    self.push_look(look, 1)?;
                }
                '$' => {
                    let look = if self.flags.multi_line { Look::EndLF } else { Look::End };
                    self.push_look(look, 1)?;
                }
                '.' => {
                    self.at += 1;
                    self.push(Item::dot(self.flags.dot_newline))?;
                }
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    self.at += 1;
                    let (min, max) = match first {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(before, min, max, false)?;
                    repeat = Some(before);
                }
                '{' => {
                    if self.counted_repeat()? {
                        repeat = Some(before);
                    }
                }
                '\\' => self.backslash()?,
                literal => {
                    self.at += literal.len_utf8();
                    self.push_char(u32::from(literal))?;
                }
            }
            self.last_repeat = repeat;
        }
        if !self.outer.is_empty() {
            return Err(Error::new(ErrorCode::MissingParen, self.pattern));
        }
        let whole = std::mem::take(&mut self.group).finish();
        whole.check(self.pattern)?;
        Ok(whole.hir)
    }

    fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// An error about the pattern from `start` to where it is read.
    fn error_since(&self, code: ErrorCode, start: usize) -> Error {
        Error::new(code, &self.pattern[start..self.at])
    }

    fn push(&mut self, item: Item) -> Result<(), Error> {
        self.class_ranges += item.class_ranges();
        if self.class_ranges > CLASS_RANGES_MAX {
            return Err(Error::new(ErrorCode::Large, self.pattern));
        }
        item.check(self.pattern)?;
        self.group.sequence.push(item);
        Ok(())
    }

    fn push_char(&mut self, code_point: u32) -> Result<(), Error> {
        self.push(Item::char(code_point, self.flags.fold_case))
    }

    fn push_look(&mut self, look: Look, length: usize) -> Result<(), Error> {
        self.at += length;
        self.push(Item::leaf(Hir::look(look)))
    }

    fn check_limits(&self) -> Result<(), Error> {
        self.group.branches.last().map_or(Ok(()), |branch| branch.check(self.pattern))
    }

    fn open_capture(&mut self, name: Option<String>) {
        self.names.push(name);
        let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.open(Some(index));
    }

    fn open(&mut self, capture: Option<u32>) {
        let group = Group { capture, flags_before: self.flags, ..Group::default() };
        self.outer.push(std::mem::replace(&mut self.group, group));
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(outer) = self.outer.pop() else {
            return Err(Error::new(ErrorCode::UnexpectedParen, self.pattern));
        };
        self.at += 1;
        let inner = std::mem::replace(&mut self.group, outer);
        self.flags = inner.flags_before;
        let capture = inner.capture;
        let item = inner.finish();
        item.check(self.pattern)?;
        // The classes inside are already counted.
        let item = match capture {
            Some(index) => item.capture(index),
            None => item,
        };
        item.check(self.pattern)?;
        self.group.sequence.push(item);
        Ok(())
    }

    /// Repeats the item before the operator that starts at `before` and ends here. `counted` says
    /// that it is written in braces.
    fn repeat(
        &mut self,
        before: usize,
        min: u32,
        max: Option<u32>,
        counted: bool,
    ) -> Result<(), Error> {
        let mut greedy = !self.flags.swap_greed;
        if self.peek() == Some('?') {
            self.at += 1;
            greedy = !greedy;
        }
        if let Some(last) = self.last_repeat {
            return Err(self.error_since(ErrorCode::InvalidRepeatOp, last));
        }
        let Some(sub) = self.group.sequence.pop() else {
            return Err(self.error_since(ErrorCode::MissingRepeatArgument, before));
        };
        let item = sub.repeat(min, max, greedy, counted);
        item.check(self.pattern)?;
        let large = min >= 2 || max.is_some_and(|max| max >= 2);
        if counted && large && item.repeats > u64::from(REPEAT_MAX) {
            return Err(self.error_since(ErrorCode::InvalidRepeatSize, before));
        }
        self.group.sequence.push(item);
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,3}`; anything else is a literal brace. Says whether it repeated.
    fn counted_repeat(&mut self) -> Result<bool, Error> {
        let before = self.at;
        let Some((bounds, length)) = read_bounds(self.rest()) else {
            self.at += 1;
            self.push_char(u32::from('{'))?;
            return Ok(false);
        };
        self.at += length;
        let valid = bounds.filter(|&(min, max)| {
            min <= REPEAT_MAX && max.is_none_or(|max| max <= REPEAT_MAX && min <= max)
        });
        let Some((min, max)) = valid else {
            return Err(self.error_since(ErrorCode::InvalidRepeatSize, before));
        };
        self.repeat(before, min, max, true)?;
        Ok(true)
    }

    /// A backslash outside of a class.
    fn backslash(&mut self) -> Result<(), Error> {
        let start = self.at;
        match self.rest().as_bytes().get(1) {
            Some(b'A') => return self.push_look(Look::Start, 2),
            Some(b'z') => return self.push_look(Look::End, 2),
            Some(b'b') => return self.push_look(Look::WordAscii, 2),
            Some(b'B') => return self.push_look(Look::WordAsciiNegate, 2),
            Some(b'C') => {
                self.at += 2;
                return Err(self.error_since(ErrorCode::InvalidEscape, start));
            }
            Some(b'Q') => return self.quoted(),
            _ => {}
        }
        if let Some(class) = self.class_escape()? {
            return self.push(Item::class(class));
        }
        let code_point = self.escape()?;
        self.push_char(code_point)
    }

    /// `\Q...\E`, where `\E` may be missing.
    fn quoted(&mut self) -> Result<(), Error> {
        let text = &self.rest()[2..];
        let (literal, length) = match text.find(r"\E") {
            Some(end) => (&text[..end], end + 4),
            None => (text, text.len() + 2),
        };
        for c in literal.chars() {
            self.push_char(u32::from(c))?;
        }
        self.at += length;
        Ok(())
    }
}

/// What stands in braces: the bounds (`None` when a number is absurdly large) and the length of
/// the whole. `None` when it is not a repetition.
#[expect(clippy::type_complexity, reason = "two private numbers with their meaning above")]
fn read_bounds(text: &str) -> Option<(Option<(u32, Option<u32>)>, usize)> {
    let inner = text.strip_prefix('{')?;
    let (min, rest) = read_number(inner)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (max, rest) = read_number(rest)?;
            (Some(max), rest)
        }
    };
    let rest = rest.strip_prefix('}')?;
    let length = text.len() - rest.len();
    let bounds = match (min, max) {
        (Some(min), None) => Some((min, None)),
        (Some(min), Some(Some(max))) => Some((min, Some(max))),
        _ => None,
    };
    Some((bounds, length))
}

/// A number without leading zeros, `None` inside when it does not fit.
fn read_number(text: &str) -> Option<(Option<u32>, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().ok(), rest))
}
