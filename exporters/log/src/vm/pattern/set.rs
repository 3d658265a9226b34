//! Sets of characters, asked byte by byte, and sets of bytes that something can begin with.

use regex_syntax::hir::{Class, ClassUnicode};

use super::lanes::Ranges;
use crate::engine::PLAIN;

/// A character of more than one byte begins with one of these.
const LEADS: std::ops::RangeInclusive<u8> = 0xc2..=0xf4;

/// Shorter runs are looked at byte by byte.
const RUN_BY_ONE_MAX: u32 = 2;

/// Which characters beyond ASCII are in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wide {
    None,
    All,
    Some(Box<[(char, char)]>),
}

/// A set of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CharSet {
    /// For each byte whether it is such a character or, where all beyond ASCII are, part of one.
    bytes: Box<[bool; 256]>,
    wide: Wide,
    scan: Scan,
    /// Every character of a plain line is in it.
    holds_plain: bool,
}

/// How the end of a run is found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scan {
    /// By looking for the one byte that is not in the set.
    Until(u8),
    Ranges(Ranges),
    /// By one range that holds what is not in the set, and a few bytes that are.
    Nearly(Ranges),
    /// Byte by byte.
    Table,
}

impl CharSet {
    pub(super) fn new(class: &Class) -> Option<CharSet> {
        match class {
            Class::Unicode(class) => Some(CharSet::from_unicode(class)),
            Class::Bytes(class) if class.is_ascii() => {
                Some(CharSet::from_unicode(&class.to_unicode_class()?))
            }
            Class::Bytes(_) => None,
        }
    }

    fn from_unicode(class: &ClassUnicode) -> CharSet {
        let mut bytes = Box::new([false; 256]);
        let mut wide = Vec::new();
        for range in class.ranges() {
            for c in range.start()..=range.end().min('\x7f') {
                bytes[c as usize] = true;
            }
            if range.end() > '\x7f' {
                wide.push((range.start().max('\u{80}'), range.end()));
            }
        }
        let wide = match wide[..] {
            [] => Wide::None,
            [('\u{80}', char::MAX)] => Wide::All,
            _ => Wide::Some(wide.into()),
        };
        if wide == Wide::All {
            bytes[0x80..].fill(true);
        }
        let missing = bytes.iter().filter(|&&held| !held).count();
        let excluded = bytes.iter().position(|&held| !held).filter(|_| missing == 1);
        let excluded = excluded.and_then(|byte| u8::try_from(byte).ok());
        let scan = match (excluded, Ranges::around(&bytes), Ranges::new(&bytes)) {
            (Some(byte), ..) => Scan::Until(byte),
            (None, Some(ranges), _) => Scan::Nearly(ranges),
            (None, None, Some(ranges)) => Scan::Ranges(ranges),
            (None, None, None) => Scan::Table,
        };
        let holds_plain = PLAIN.clone().all(|byte| bytes[usize::from(byte)]);
        CharSet { bytes, wide, scan, holds_plain }
    }

    /// How many bytes the character at `at` has if it is in the set.
    #[inline]
    pub(super) fn one(&self, text: &[u8], at: usize) -> Option<usize> {
        let byte = *text.get(at)?;
        if byte < 0x80 {
            return self.bytes[usize::from(byte)].then_some(1);
        }
        let length = char_length(byte);
        match &self.wide {
            Wide::None => None,
            Wide::All => Some(length),
            Wide::Some(ranges) => {
                let c = std::str::from_utf8(text.get(at..at + length)?).ok()?.chars().next()?;
                let index = ranges.partition_point(|&(_, end)| end < c);
                ranges.get(index).is_some_and(|&(start, _)| start <= c).then_some(length)
            }
        }
    }

    /// Whether none of its characters has more than one byte.
    pub(super) fn is_ascii(&self) -> bool {
        self.wide == Wide::None
    }

    /// Whether a byte is a character of the set, or part of one.
    pub(super) fn holds_byte(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)]
    }

    /// Where as many characters of the set as there are end, in a line that may be known to be
    /// plain.
    #[inline]
    pub(super) fn run(&self, text: &[u8], from: usize, is_plain: bool) -> usize {
        if is_plain && self.holds_plain {
            return text.len();
        }
        let end = self.run_of_bytes(text, from);
        if matches!(self.wide, Wide::Some(_)) { self.run_wide(text, end) } else { end }
    }

    /// Where the first byte stands that is not itself in the set.
    #[inline]
    fn run_of_bytes(&self, text: &[u8], from: usize) -> usize {
        match &self.scan {
            // Far away more often than not.
            Scan::Until(byte) => {
                let found = memchr::memchr(*byte, &text[from..]);
                found.map_or(text.len(), |found| from + found)
            }
            Scan::Ranges(ranges) => ranges.end(text, from),
            Scan::Nearly(ranges) => {
                let mut at = ranges.end(text, from);
                while text.get(at).is_some_and(|&byte| self.holds_byte(byte)) {
                    at = ranges.end(text, at + 1);
                }
                at
            }
            Scan::Table => {
                let found = text[from..].iter().position(|&byte| !self.holds_byte(byte));
                found.map_or(text.len(), |found| from + found)
            }
        }
    }

    /// Goes on where a byte stands that is not itself in the set.
    fn run_wide(&self, text: &[u8], mut at: usize) -> usize {
        while let Some(length) = self.one(text, at) {
            at += length;
        }
        at
    }

    /// Where at most `max` characters of the set end, and how many they are.
    pub(super) fn run_counted(&self, text: &[u8], from: usize, max: u32) -> (usize, u32) {
        if self.is_ascii() && max > RUN_BY_ONE_MAX {
            let text = &text[..text.len().min(from.saturating_add(max as usize))];
            let end = self.run_of_bytes(text, from);
            // As many as `max` at most.
            return (end, u32::try_from(end - from).unwrap_or(max));
        }
        let (mut at, mut count) = (from, 0);
        while count < max
            && let Some(length) = self.one(text, at)
        {
            at += length;
            count += 1;
        }
        (at, count)
    }

    /// The bytes that its characters begin with.
    pub(super) fn first(&self) -> First {
        let mut first = First::default();
        for byte in 0..=0x7f {
            if self.bytes[usize::from(byte)] {
                first.add(byte);
            }
        }
        if self.wide != Wide::None {
            first.add_wide();
        }
        first
    }
}

/// The length of a character by its first byte.
#[inline]
pub(super) fn char_length(lead: u8) -> usize {
    match lead {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    }
}

/// What can stand next where something is to match: bytes, or the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct First {
    bits: [u64; 4],
    pub(super) end: bool,
}

impl First {
    /// Everything that can stand at the begin of a character.
    pub(super) fn all() -> First {
        let mut first = First { bits: [u64::MAX, u64::MAX, 0, 0], end: true };
        first.add_wide();
        first
    }

    /// Everything, parts of characters too.
    pub(super) fn any() -> First {
        First { bits: [u64::MAX; 4], end: true }
    }

    /// Nothing but the end.
    pub(super) fn at_end() -> First {
        First { bits: [0; 4], end: true }
    }

    pub(super) fn add(&mut self, byte: u8) {
        self.bits[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn add_wide(&mut self) {
        for byte in LEADS {
            self.add(byte);
        }
    }

    #[inline]
    pub(super) fn contains(&self, byte: u8) -> bool {
        self.bits[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    pub(super) fn or(self, other: First) -> First {
        let mut bits = self.bits;
        for (mine, theirs) in bits.iter_mut().zip(other.bits) {
            *mine |= theirs;
        }
        First { bits, end: self.end || other.end }
    }

    /// No byte is in both.
    pub(super) fn is_disjoint(&self, other: &First) -> bool {
        self.bits.iter().zip(other.bits).all(|(mine, theirs)| mine & theirs == 0)
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    /// The byte, where there is one only.
    pub(super) fn single(&self) -> Option<u8> {
        (self.len() == 1).then(|| (0..=u8::MAX).find(|&byte| self.contains(byte)))?
    }

    /// Whether what is at `at` is in it.
    #[inline]
    pub(super) fn holds(&self, text: &[u8], at: usize) -> bool {
        match text.get(at) {
            Some(&byte) => self.contains(byte),
            None => self.end,
        }
    }
}
