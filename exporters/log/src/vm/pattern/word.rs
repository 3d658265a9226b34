//! Sets of bytes as a few ranges, asked for eight bytes at once.
//!
//! Where a run of characters ends is different in every line, so that a loop over its bytes is
//! mispredicted once for each run. Eight bytes in one word are compared without such a branch.

/// Bytes that are looked at together.
const WORD_BYTES: usize = size_of::<u64>();

/// A set that needs more ranges is asked byte by byte.
const RANGES_MAX: usize = 6;

/// Widest range that stands for several.
const AROUND_MAX: u8 = 0x20;

/// The highest bit of each byte.
const HIGH_BITS: u64 = repeat(0x80);

/// A range of ASCII bytes: what is to be added to each byte so that its highest bit says whether it
/// is at least the first, and whether it is beyond the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    to_first: u64,
    beyond_last: u64,
}

/// A set of bytes as ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ranges {
    /// Those that are not used hold nothing.
    ranges: [Range; RANGES_MAX],
    used: usize,
    /// The highest bits, where bytes beyond ASCII are what the ranges describe.
    wide: u64,
    /// The highest bits, where what the ranges describe is the set itself.
    flip: u64,
}

impl Ranges {
    /// `None` where the set has too many ranges, or some bytes beyond ASCII but not all.
    pub(super) fn new(bytes: &[bool; 256]) -> Option<Ranges> {
        let (ascii, wide) = bytes.split_at(0x80);
        if wide.iter().any(|held| *held != wide[0]) {
            return None;
        }
        let (inside, outside) = (ranges(ascii, true), ranges(ascii, false));
        let inverted = outside.len() < inside.len();
        let found = if inverted { outside } else { inside };
        let mut ranges = [Range { to_first: 0, beyond_last: 0 }; RANGES_MAX];
        ranges.get_mut(..found.len())?.copy_from_slice(&found);
        let wide = if wide[0] == inverted { 0 } else { HIGH_BITS };
        let flip = if inverted { 0 } else { HIGH_BITS };
        Some(Ranges { ranges, used: found.len(), wide, flip })
    }

    /// A set that lacks all that this one lacks, in one range, and little else: the white space and
    /// the control characters instead of the white space. `None` where that would not be less.
    pub(super) fn around(bytes: &[bool; 256]) -> Option<Ranges> {
        let mut missing = (0..=u8::MAX).filter(|&byte| !bytes[usize::from(byte)]);
        let (first, last) = (missing.next()?, missing.next_back()?);
        let pieces = ranges(&bytes[..0x80], false).len();
        if pieces < 2 || last - first > AROUND_MAX {
            return None;
        }
        let is_in = |byte: usize| byte < usize::from(first) || byte > usize::from(last);
        Ranges::new(&std::array::from_fn(is_in))
    }

    /// Where the first byte stands that is not in the set, or the end.
    #[inline]
    pub(super) fn end(&self, text: &[u8], from: usize) -> usize {
        match self.used {
            0 | 1 => self.end_by::<1>(text, from),
            2 => self.end_by::<2>(text, from),
            3 | 4 => self.end_by::<4>(text, from),
            _ => self.end_by::<RANGES_MAX>(text, from),
        }
    }

    #[inline]
    fn end_by<const COUNT: usize>(&self, text: &[u8], from: usize) -> usize {
        let (Some(ranges), Some(rest)) = (self.ranges.first_chunk(), text.get(from..)) else {
            return from;
        };
        let (ranges, wide, flip): ([Range; COUNT], u64, u64) = (*ranges, self.wide, self.flip);
        // The highest bit of each byte that is not in the set.
        let outside = |word: u64| {
            let low = word & !HIGH_BITS;
            let mut found = 0;
            for range in ranges {
                // Neither sum is above 0xff, so that bytes do not disturb each other.
                found |= (low + range.to_first) & !(low + range.beyond_last);
            }
            (((found & !word) | (word & wide)) ^ flip) & HIGH_BITS
        };
        let (words, tail) = rest.as_chunks();
        for (index, word) in words.iter().enumerate() {
            let outside = outside(u64::from_le_bytes(*word));
            if outside != 0 {
                return from + index * WORD_BYTES + outside.trailing_zeros() as usize / 8;
            }
        }
        let at = text.len() - tail.len();
        if tail.is_empty() {
            return at;
        }
        let last = match text.last_chunk() {
            Some(last) => u64::from_le_bytes(*last) >> (8 * (WORD_BYTES - tail.len())),
            None => {
                let mut last = [0; WORD_BYTES];
                last[..tail.len()].copy_from_slice(tail);
                u64::from_le_bytes(last)
            }
        };
        let length = outside(last).trailing_zeros() as usize / 8;
        at + length.min(tail.len())
    }
}

/// A byte in each byte of a word.
const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD_BYTES])
}

/// The ranges of ASCII bytes that are in a set, or that are not.
fn ranges(ascii: &[bool], held: bool) -> Vec<Range> {
    let mut found: Vec<(u8, u8)> = Vec::new();
    for (byte, _) in (0..0x80_u8).zip(ascii).filter(|(_, is_held)| **is_held == held) {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == byte => *last = byte,
            _ => found.push((byte, byte)),
        }
    }
    let range = |(first, last): (u8, u8)| Range {
        to_first: repeat(0x80 - first),
        beyond_last: repeat(0x7f - last),
    };
    found.into_iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::Ranges;

    #[test]
    fn the_end_of_a_run_is_where_a_byte_by_byte_look_finds_it() {
        fn check(is_in: impl Fn(u8) -> bool) {
            let bytes = std::array::from_fn(|byte| is_in(u8::try_from(byte).unwrap()));
            let ranges = Ranges::new(&bytes).unwrap();
            for byte in 0..=u8::MAX {
                let text = [byte; 9];
                let wanted = if is_in(byte) { 9 } else { 0 };
                assert_eq!(ranges.end(&text, 0), wanted, "{byte}");
            }
            let text: Vec<u8> = (0..600_u32).map(|n| (n * n / 7 % 256).to_le_bytes()[0]).collect();
            for length in (0..40).chain([600]) {
                for from in 0..=length {
                    let text = &text[600 - length..];
                    let found = text[from..].iter().position(|&byte| !is_in(byte));
                    let wanted = found.map_or(length, |found| from + found);
                    assert_eq!(ranges.end(text, from), wanted, "{from} of {length}");
                }
            }
        }
        check(|byte| byte.is_ascii_digit());
        check(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte));
        check(|byte| !b" \t\n\r\x0c".contains(&byte));
        check(|byte| byte != b'"');
        check(|byte| byte != 0 && byte < 0x7f);
        check(|_| true);
        check(|_| false);
        check(|byte| byte >= 0x80);
        check(|byte| byte >= 0x80 || (b' '..=b'~').contains(&byte));
    }

    #[test]
    fn a_set_in_many_pieces_has_no_ranges() {
        assert!(Ranges::new(&std::array::from_fn(|byte| byte < 0x80 && byte % 2 == 0)).is_none());
        assert!(Ranges::new(&std::array::from_fn(|byte| byte < 0x90)).is_none());
        assert!(Ranges::new(&[true; 256]).is_some());
    }

    #[test]
    fn white_space_is_looked_for_among_the_control_characters() {
        let around = |is_in: fn(u8) -> bool| {
            let bytes = std::array::from_fn(|byte| is_in(u8::try_from(byte).unwrap()));
            Ranges::around(&bytes).map(|ranges| ranges.end(b"abcdefgh\x0bij\tk", 0))
        };
        assert_eq!(around(|byte| !b" \t\n\r\x0c".contains(&byte)), Some(8));
        assert_eq!(around(|byte| byte != b'"'), None);
        assert_eq!(around(|byte| !b" z".contains(&byte)), None);
        assert_eq!(around(|_| true), None);
    }
}
