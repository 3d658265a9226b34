//! Pieces of a pattern that always match the same number of bytes: a date, a quote and a space, a
//! status of three digits. They are compared as a whole, without a step for each byte.

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

    /// Where it ends, if it matches at `at`.
    #[inline]
    pub(super) fn end(&self, classes: &Classes, text: &[u8], at: usize) -> Option<usize> {
        let end = at + self.masks.len();
        let bytes = text.get(at..end)?;
        let (first, first_mask) = (*bytes.first()?, *self.masks.first()?);
        if first_mask & classes.of_byte[usize::from(first)] == 0 {
            return None;
        }
        if bytes.len() == 1 {
            return Some(end);
        }
        let missing = |(&byte, &mask): (&u8, &u64)| mask & !classes.of_byte[usize::from(byte)];
        let (by_four, rest) = bytes.as_chunks::<4>();
        let (masks_by_four, rest_of_masks) = self.masks.as_chunks::<4>();
        let mut all = 0;
        for (bytes, masks) in by_four.iter().zip(masks_by_four) {
            for pair in bytes.iter().zip(masks) {
                all |= missing(pair);
            }
        }
        for pair in rest.iter().zip(rest_of_masks) {
            all |= missing(pair);
        }
        (all == 0).then_some(end)
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
        let fixed = fixed.behind(colon, 1).unwrap().behind(again, 2).unwrap().saving(0);
        assert_eq!((&fixed.saves[..], fixed.next), (&[(0, 0), (1, 3)][..], 7));
        assert_eq!(fixed.end(&classes, b"x12:34", 1), Some(6));
        assert_eq!(fixed.end(&classes, b"x12:3", 1), None);
        assert_eq!(fixed.end(&classes, b"x12.34", 1), None);
        assert_eq!(fixed.prefix(), b"");
        assert_eq!(fixed.behind(colon, 2).unwrap().prefix(), b"::");
        assert!(fixed.behind(digit, 64).is_none());
    }
}
