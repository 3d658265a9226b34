//! Character classes: `[a-z]`, `\d`, `[[:alpha:]]`, `\p{Greek}`.

use super::item::Item;
use super::{Parser, unicode};
use crate::error::{Error, ErrorCode};
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

const DIGIT: &[(u8, u8)] = &[(b'0', b'9')];
const PERL_SPACE: &[(u8, u8)] = &[(b'\t', b'\n'), (0x0c, b'\r'), (b' ', b' ')];
const WORD: &[(u8, u8)] = &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];

/// The classes with POSIX names, all within ASCII.
const POSIX: &[(&str, &[(u8, u8)])] = &[
    ("alnum", &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')]),
    ("alpha", &[(b'A', b'Z'), (b'a', b'z')]),
    ("ascii", &[(0, 0x7f)]),
    ("blank", &[(b'\t', b'\t'), (b' ', b' ')]),
    ("cntrl", &[(0, 0x1f), (0x7f, 0x7f)]),
    ("digit", DIGIT),
    ("graph", &[(b'!', b'~')]),
    ("lower", &[(b'a', b'z')]),
    ("print", &[(b' ', b'~')]),
    ("punct", &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')]),
    ("space", &[(b'\t', b'\r'), (b' ', b' ')]),
    ("upper", &[(b'A', b'Z')]),
    ("word", WORD),
    ("xdigit", &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')]),
];

impl Parser<'_> {
    /// A class in brackets.
    pub(super) fn class(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.at += 1;
        let negated = self.peek() == Some('^');
        if negated {
            self.at += 1;
        }
        let mut class = ClassUnicode::empty();
        let mut ranges: Vec<ClassUnicodeRange> = Vec::new();
        let mut first = true;
        // A bracket that stands first is a member.
        while self.peek() != Some(']') || first {
            first = false;
            let named = match self.posix_class()? {
                Some(named) => Some(named),
                None => self.class_escape()?,
            };
            if let Some(named) = named {
                ranges.extend_from_slice(named.ranges());
                self.check_class_ranges(ranges.len())?;
                continue;
            }
            ranges.extend(self.range(start)?);
        }
        self.at += 1;
        class.union(&ClassUnicode::new(ranges));
        if self.flags.fold_case {
            class.case_fold_simple();
        }
        if negated {
            class.negate();
        }
        self.push(Item::class(class))
    }

    fn check_class_ranges(&self, count: usize) -> Result<(), Error> {
        if self.class_ranges.saturating_add(count) > super::CLASS_RANGES_MAX {
            return Err(Error::new(ErrorCode::Large, self.pattern));
        }
        Ok(())
    }

    /// One member or `a-z`, in the class that begins at `class_start`.
    fn range(&mut self, class_start: usize) -> Result<Option<ClassUnicodeRange>, Error> {
        let start = self.at;
        let low = self.member(class_start)?;
        let mut high = low;
        let rest = self.rest().as_bytes();
        // A dash that stands last is a member.
        if rest.len() >= 2 && rest[0] == b'-' && rest[1] != b']' {
            self.at += 1;
            high = self.member(class_start)?;
            if high < low {
                return Err(self.error_since(ErrorCode::InvalidCharRange, start));
            }
        }
        Ok(scalar_range(low, high))
    }

    fn member(&mut self, class_start: usize) -> Result<u32, Error> {
        match self.peek() {
            None => Err(Error::new(ErrorCode::MissingBracket, &self.pattern[class_start..])),
            Some('\\') => self.escape(),
            Some(c) => {
                self.at += c.len_utf8();
                Ok(u32::from(c))
            }
        }
    }

    /// `[:alpha:]` or `[:^alpha:]`, inside of brackets.
    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, Error> {
        let rest = self.rest();
        let Some(inner) = rest.strip_prefix("[:") else { return Ok(None) };
        let Some(end) = inner.find(":]") else { return Ok(None) };
        let (whole, name) = (&rest[..end + 4], &inner[..end]);
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let Some((_, ranges)) = POSIX.iter().find(|(known, _)| *known == name) else {
            return Err(Error::new(ErrorCode::InvalidCharRange, whole));
        };
        self.at += whole.len();
        Ok(Some(self.ascii_class(ranges, negated)))
    }

    /// `\d`, `\pN`, `\p{Greek}` and their like; `None` for other escapes.
    pub(super) fn class_escape(&mut self) -> Result<Option<ClassUnicode>, Error> {
        let rest = self.rest();
        let mut chars = rest.chars();
        if chars.next() != Some('\\') {
            return Ok(None);
        }
        let (ranges, negated) = match chars.next() {
            Some('p' | 'P') => return self.unicode_class().map(Some),
            Some('d') => (DIGIT, false),
            Some('D') => (DIGIT, true),
            Some('s') => (PERL_SPACE, false),
            Some('S') => (PERL_SPACE, true),
            Some('w') => (WORD, false),
            Some('W') => (WORD, true),
            _ => return Ok(None),
        };
        self.at += 2;
        Ok(Some(self.ascii_class(ranges, negated)))
    }

    fn ascii_class(&self, ranges: &[(u8, u8)], negated: bool) -> ClassUnicode {
        let range = |&(low, high)| ClassUnicodeRange::new(char::from(low), char::from(high));
        let mut class = ClassUnicode::new(ranges.iter().map(range));
        self.finish_class(&mut class, negated);
        class
    }

    /// Folds before it negates, as Go does.
    fn finish_class(&self, class: &mut ClassUnicode, negated: bool) {
        if self.flags.fold_case {
            class.case_fold_simple();
        }
        if negated {
            class.negate();
        }
    }

    fn unicode_class(&mut self) -> Result<ClassUnicode, Error> {
        let rest = self.rest();
        let mut negated = rest.as_bytes().get(1) == Some(&b'P');
        let (length, name) = match rest[2..].chars().next() {
            Some('{') => match rest.find('}') {
                Some(end) => (end + 1, &rest[3..end]),
                None => return Err(Error::new(ErrorCode::InvalidCharRange, rest)),
            },
            Some(c) => (2 + c.len_utf8(), &rest[2..2 + c.len_utf8()]),
            None => (2, ""),
        };
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => name,
        };
        let Some(mut class) = unicode::class(name) else {
            return Err(Error::new(ErrorCode::InvalidCharRange, &rest[..length]));
        };
        self.at += length;
        self.finish_class(&mut class, negated);
        Ok(class)
    }
}

/// The range without surrogates, which UTF-8 cannot spell; `None` when nothing is left.
fn scalar_range(low: u32, high: u32) -> Option<ClassUnicodeRange> {
    let low = if (0xD800..=0xDFFF).contains(&low) { 0xE000 } else { low };
    let high = if (0xD800..=0xDFFF).contains(&high) { 0xD7FF } else { high };
    if low > high {
        return None;
    }
    Some(ClassUnicodeRange::new(char::from_u32(low)?, char::from_u32(high)?))
}
