//! Pieces of a pattern that always match the same number of bytes: a date, a quote and a space, a
//! status of three digits. They are compared as a whole, many bytes at once.

use super::lanes::{BLOCK_BYTES, Block};
use smallvec::SmallVec;

use super::plan::Pc;
use super::set::First;

/// Longest piece.
const BYTES_MAX: usize = 64;

/// Most different sets of a pattern's pieces: a bit each.
const CLASSES_MAX: usize = 64;

/// A piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Fixed {
    /// For each of its bytes the bit of the set that the byte must be in.
    masks: Vec<u64>,
    /// Slots that are set, each with how far from the begin.
    pub(super) saves: Vec<(u32, u32)>,
    /// What it begins with, as far as there is no choice.
    prefix: Vec<u8>,
    pub(super) next: Pc,
    /// The same as blocks, each with how far from the begin it is; the last one may overlap the one
    /// before it.
    blocks: SmallVec<[(u32, Block); 1]>,
    /// Bytes whose sets are no range, each with how far from the begin it is: a block holds more.
    singly: Vec<(u32, u64)>,
}

impl Fixed {
    pub(super) fn new(next: Pc) -> Fixed {
        Fixed { next, ..Fixed::default() }
    }

    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// This with one slot more, set at its begin.
    pub(super) fn saving(&self, slot: u32) -> Fixed {
        let mut fixed = self.clone();
        fixed.saves.insert(0, (slot, 0));
        fixed
    }

    /// This behind `count` bytes of a set; `None` where it becomes too long.
    pub(super) fn behind(&self, class: Class, count: usize) -> Option<Fixed> {
        if self.masks.len() + count > BYTES_MAX {
            return None;
        }
        let mut fixed = self.clone();
        fixed.masks.splice(0..0, std::iter::repeat_n(class.mask, count));
        for (_, offset) in &mut fixed.saves {
            *offset += u32::try_from(count).ok()?;
        }
        match class.byte {
            Some(byte) => drop(fixed.prefix.splice(0..0, std::iter::repeat_n(byte, count))),
            None => fixed.prefix.clear(),
        }
        Some(fixed)
    }

    /// What its second byte can be; `None` where it has only one.
    pub(super) fn second(&self, classes: &Classes) -> Option<First> {
        let mask = *self.masks.get(1)?;
        let mut second = First::default();
        (0..=u8::MAX).filter(|&byte| classes.holds(byte, mask)).for_each(|byte| second.add(byte));
        Some(second)
    }

    /// Makes its blocks, once it is complete.
    pub(super) fn settle(&mut self, classes: &Classes) {
        (self.blocks, self.singly) = (SmallVec::new(), Vec::new());
        let ranges: Vec<(u8, u8, bool)> = self.masks.iter().map(|&m| classes.range(m)).collect();
        for (offset, (&mask, &(.., is_all))) in (0..).zip(self.masks.iter().zip(&ranges)) {
            if !is_all {
                self.singly.push((offset, mask));
            }
        }
        let mut from = 0;
        while from < ranges.len() {
            // The last one overlaps where there is something to overlap.
            let start = from.min(ranges.len().saturating_sub(BLOCK_BYTES));
            let held = &ranges[start..ranges.len().min(start + BLOCK_BYTES)];
            let block = Block::new(held.iter().map(|&(first, last, _)| (first, last)));
            self.blocks.push((u32::try_from(start).unwrap_or(u32::MAX), block));
            from = start + BLOCK_BYTES;
        }
    }

    /// Where it ends, if it matches at `at`.
    #[inline]
    pub(super) fn end(&self, classes: &Classes, text: &[u8], at: usize) -> Option<usize> {
        let end = at + self.masks.len();
        if end > text.len() {
            return None;
        }
        for (offset, block) in &self.blocks {
            let Some(bytes) = text.get(at + *offset as usize..).and_then(|t| t.first_chunk())
            else {
                return self.end_by_byte(classes, text, at);
            };
            if !block.holds(bytes) {
                return None;
            }
        }
        for &(offset, mask) in &self.singly {
            if !classes.holds(*text.get(at + offset as usize)?, mask) {
                return None;
            }
        }
        Some(end)
    }

    /// As [`Fixed::end`], near the end of the text.
    fn end_by_byte(&self, classes: &Classes, text: &[u8], at: usize) -> Option<usize> {
        let end = at + self.masks.len();
        let mut pairs = text.get(at..end)?.iter().zip(&self.masks);
        pairs.all(|(&byte, &mask)| classes.holds(byte, mask)).then_some(end)
    }
}

/// A set that pieces of a pattern use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    mask: u64,
    /// Its only byte.
    byte: Option<u8>,
}

/// All sets that the pieces of a pattern use.
#[derive(Debug)]
pub(super) struct Classes {
    /// For each byte the sets that it is in, a bit each.
    of_byte: Box<[u64; 256]>,
    count: usize,
}

impl Default for Classes {
    fn default() -> Classes {
        Classes { of_byte: Box::new([0; 256]), count: 0 }
    }
}

impl Classes {
    /// The set of these bytes; `None` where there are too many sets.
    pub(super) fn add(&mut self, is_in: impl Fn(u8) -> bool) -> Option<Class> {
        let same = |mask: u64| (0..=u8::MAX).all(|byte| self.holds(byte, mask) == is_in(byte));
        let known = (0..self.count).map(|bit| 1 << bit).find(|&mask| same(mask));
        let mask = match known {
            Some(mask) => mask,
            None if self.count >= CLASSES_MAX => return None,
            None => {
                let mask = 1 << self.count;
                self.count += 1;
                let held = (0..=u8::MAX).filter(|&byte| is_in(byte));
                held.for_each(|byte| self.of_byte[usize::from(byte)] |= mask);
                mask
            }
        };
        let mut held = (0..=u8::MAX).filter(|&byte| is_in(byte));
        let byte = held.next().filter(|_| held.next().is_none());
        Some(Class { mask, byte })
    }

    fn holds(&self, byte: u8, mask: u64) -> bool {
        self.of_byte[usize::from(byte)] & mask != 0
    }

    /// The first and the last ASCII byte of a set, and whether it is all those between them and
    /// nothing else.
    fn range(&self, mask: u64) -> (u8, u8, bool) {
        let held = || (0..=u8::MAX).filter(|&byte| self.holds(byte, mask));
        let (Some(first), Some(last)) = (held().next(), held().next_back()) else {
            return (0, 0x7f, false);
        };
        if last > 0x7f {
            return (0, 0xff, false);
        }
        (first, last, held().count() == usize::from(last - first) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Classes, Fixed};

    #[test]
    fn a_piece_is_compared_byte_by_byte() {
        let mut classes = Classes::default();
        let digit = classes.add(|byte| byte.is_ascii_digit()).unwrap();
        let colon = classes.add(|byte| byte == b':').unwrap();
        let again = classes.add(|byte| byte.is_ascii_digit()).unwrap();
        assert_eq!(classes.count, 2);
        let fixed = Fixed::new(7).behind(digit, 2).unwrap().saving(1);
        let mut fixed = fixed.behind(colon, 1).unwrap().behind(again, 2).unwrap().saving(0);
        assert_eq!((&fixed.saves[..], fixed.next), (&[(0, 0), (1, 3)][..], 7));
        fixed.settle(&classes);
        for behind in ["", "   ", "          "] {
            let end = |text: &str| fixed.end(&classes, [text, behind].concat().as_bytes(), 1);
            assert_eq!(end("x12:34"), Some(6));
            assert_eq!(end("x12:3"), None);
            assert_eq!(end("x12.34"), None);
        }
        assert_eq!(fixed.prefix(), b"");
        assert_eq!(fixed.behind(colon, 2).unwrap().prefix(), b"::");
        assert!(fixed.behind(digit, 64).is_none());
    }

    #[test]
    fn a_long_piece_is_compared_by_blocks_that_may_overlap() {
        let mut classes = Classes::default();
        let sets: [fn(u8) -> bool; 4] = [
            |b| b.is_ascii_digit(),
            |b| b.is_ascii_alphanumeric(),
            |b| b == 0xc3,
            |b| b == b'\x7f',
        ];
        let sets = sets.map(|set| classes.add(set).unwrap());
        let fits = [b'7', b'q', 0xc3, b'\x7f'];
        for length in 1..40 {
            let place = |offset: usize| (offset * offset + offset / 3) % 4;
            let mut fixed = Fixed::new(0);
            for offset in (0..length).rev() {
                fixed = fixed.behind(sets[place(offset)], 1).unwrap();
            }
            fixed.settle(&classes);
            for rest in [0, 1, 9] {
                let mut text: Vec<u8> = (0..length).map(|offset| fits[place(offset)]).collect();
                text.resize(length + rest, b'-');
                assert_eq!(fixed.end(&classes, &text, 0), Some(length));
                for offset in 0..length {
                    let held = text[offset];
                    for other in [b'-', b'@', 0, 0xff, held ^ 0x80] {
                        text[offset] = other;
                        assert_eq!(fixed.end(&classes, &text, 0), None, "{offset} of {length}");
                    }
                    text[offset] = held;
                }
            }
        }
    }
}
