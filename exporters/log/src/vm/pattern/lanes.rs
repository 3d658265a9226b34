//! Sets of bytes as a few ranges, asked for sixteen bytes at once.
//!
//! Where a run of characters ends is different in every line, so that a loop over its bytes is
//! mispredicted once for each run; most end within sixteen bytes. What is done with each of sixteen
//! bytes, without a branch, the compiler does with all of them.

/// Bytes that are looked at together.
pub(super) const BLOCK_BYTES: usize = 16;

/// A set that needs more ranges is asked byte by byte.
const RANGES_MAX: usize = 6;

/// Widest range that stands for several.
const AROUND_MAX: u8 = 0x20;

type Bytes = [u8; BLOCK_BYTES];

/// For each of sixteen bytes the first one of a range, and how many more there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    first: Bytes,
    more: Bytes,
}

impl Block {
    /// The first and the last byte that each place may hold; of places that are missing nothing is
    /// asked.
    pub(super) fn new(ranges: impl Iterator<Item = (u8, u8)>) -> Block {
        let mut block = Block { first: [0; BLOCK_BYTES], more: [u8::MAX; BLOCK_BYTES] };
        for (place, (first, last)) in ranges.take(BLOCK_BYTES).enumerate() {
            (block.first[place], block.more[place]) = (first, last - first);
        }
        block
    }

    /// Whether every byte is in its range.
    #[inline]
    pub(super) fn holds(&self, bytes: &Bytes) -> bool {
        let is_in = |place: usize| bytes[place].wrapping_sub(self.first[place]) <= self.more[place];
        (0..BLOCK_BYTES).fold(true, |all, place| all & is_in(place))
    }

    /// Sets all bits of each byte that is in its range.
    #[inline]
    fn mark(&self, bytes: &Bytes, found: &mut Bytes) {
        for place in 0..BLOCK_BYTES {
            let beyond_first = bytes[place].wrapping_sub(self.first[place]);
            found[place] |= if beyond_first <= self.more[place] { u8::MAX } else { 0 };
        }
    }
}

/// A set of bytes as ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ranges {
    /// Those that are not used are the first one again.
    ranges: [Block; RANGES_MAX],
    used: usize,
    /// All bits, where what the ranges describe is the set and not what it lacks.
    flip: u128,
}

impl Ranges {
    /// `None` where the set has too many ranges.
    pub(super) fn new(bytes: &[bool; 256]) -> Option<Ranges> {
        let (inside, outside) = (ranges(bytes, true), ranges(bytes, false));
        // One of them holds something.
        let fewer = !outside.is_empty() && outside.len() < inside.len();
        let inverted = fewer || inside.is_empty();
        let found = if inverted { outside } else { inside };
        let block = |(first, last): (u8, u8)| Block::new(std::iter::repeat((first, last)));
        let mut ranges = [block(*found.first()?); RANGES_MAX];
        for (range, &found) in ranges.get_mut(..found.len())?.iter_mut().zip(&found) {
            *range = block(found);
        }
        let flip = if inverted { 0 } else { u128::MAX };
        Some(Ranges { ranges, used: found.len(), flip })
    }

    /// A set that lacks all that this one lacks, in one range, and little else: the white space and
    /// the control characters instead of the white space. `None` where that would not be less.
    pub(super) fn around(bytes: &[bool; 256]) -> Option<Ranges> {
        let missing = ranges(bytes, false);
        let (&(first, _), &(_, last)) = (missing.first()?, missing.last()?);
        if missing.len() < 2 || last - first > AROUND_MAX {
            return None;
        }
        Ranges::new(&std::array::from_fn(|byte| {
            byte < usize::from(first) || byte > usize::from(last)
        }))
    }

    /// Where the first byte stands that is not in the set, or the end.
    #[inline]
    pub(super) fn end(&self, text: &[u8], from: usize) -> usize {
        match self.used {
            1 => self.end_by::<1>(text, from),
            2 => self.end_by::<2>(text, from),
            3 | 4 => self.end_by::<4>(text, from),
            _ => self.end_by::<RANGES_MAX>(text, from),
        }
    }

    #[inline]
    fn end_by<const COUNT: usize>(&self, text: &[u8], from: usize) -> usize {
        let Some(rest) = text.get(from..) else { return from };
        let (blocks, tail) = rest.as_chunks();
        for (index, block) in blocks.iter().enumerate() {
            let outside = self.outside::<COUNT>(block);
            if outside != 0 {
                return from + index * BLOCK_BYTES + outside.trailing_zeros() as usize / 8;
            }
        }
        self.end_in_tail(text, tail.len())
    }

    /// As [`Ranges::end`], from where less than a block is left.
    #[inline(never)]
    fn end_in_tail(&self, text: &[u8], length: usize) -> usize {
        let at = text.len() - length;
        let found = match text.last_chunk() {
            _ if length == 0 => return at,
            Some(last) => self.outside::<RANGES_MAX>(last) >> (8 * (BLOCK_BYTES - length)),
            None => {
                let mut last = [0; BLOCK_BYTES];
                last[..length].copy_from_slice(&text[at..]);
                self.outside::<RANGES_MAX>(&last)
            }
        };
        at + (found.trailing_zeros() as usize / 8).min(length)
    }

    /// All bits of each byte that is not in the set.
    #[inline(always)]
    fn outside<const COUNT: usize>(&self, bytes: &Bytes) -> u128 {
        let mut found = [0; BLOCK_BYTES];
        for range in self.ranges.iter().take(COUNT) {
            range.mark(bytes, &mut found);
        }
        u128::from_le_bytes(found) ^ self.flip
    }
}

/// The ranges of bytes that are in a set, or that are not.
fn ranges(bytes: &[bool; 256], held: bool) -> Vec<(u8, u8)> {
    let mut found: Vec<(u8, u8)> = Vec::new();
    for (byte, _) in (0..=u8::MAX).zip(bytes).filter(|(_, is_held)| **is_held == held) {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == byte => *last = byte,
            _ => found.push((byte, byte)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Block, Ranges};

    fn bytes(is_in: impl Fn(u8) -> bool) -> [bool; 256] {
        std::array::from_fn(|byte| is_in(u8::try_from(byte).unwrap()))
    }

    #[test]
    fn the_end_of_a_run_is_where_a_byte_by_byte_look_finds_it() {
        fn check(is_in: impl Fn(u8) -> bool) {
            let ranges = Ranges::new(&bytes(&is_in)).unwrap();
            for byte in 0..=u8::MAX {
                let text = [byte; 19];
                let wanted = if is_in(byte) { 19 } else { 0 };
                assert_eq!(ranges.end(&text, 0), wanted, "{byte}");
            }
            let text: Vec<u8> = (0..600_u32).map(|n| (n * n / 7 % 256).to_le_bytes()[0]).collect();
            for length in (0..60).chain([600]) {
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
        assert!(Ranges::new(&bytes(|byte| byte < 0x80 && byte % 2 == 0)).is_none());
        assert!(Ranges::new(&bytes(|byte| byte < 0x90)).is_some());
        assert!(Ranges::new(&[true; 256]).is_some());
    }

    #[test]
    fn white_space_is_looked_for_among_the_control_characters() {
        let check = |is_in: fn(u8) -> bool, wanted: Option<usize>| {
            let ranges = Ranges::around(&bytes(is_in));
            assert_eq!(ranges.map(|ranges| ranges.end(b"abcdefgh\x0bij\tk", 0)), wanted);
        };
        check(|byte| !b" \t\n\r\x0c".contains(&byte), Some(8));
        check(|byte| byte != b'"', None);
        check(|byte| !b" z".contains(&byte), None);
        check(|_| true, None);
    }

    #[test]
    fn a_block_holds_bytes_that_are_in_their_ranges() {
        let ranges = [(b'0', b'9'), (b':', b':'), (b'a', b'f')];
        let check = |text: &[u8; 16], wanted: bool| {
            assert_eq!(Block::new(ranges.into_iter()).holds(text), wanted, "{text:?}");
        };
        check(b"7:c\x00\xff-----------", true);
        check(b"0:a             ", true);
        check(b"/:a             ", false);
        check(b"0;a             ", false);
        check(b"0:g             ", false);
        check(b"0:\xe1             ", false);
        check(b"\xb0:a             ", false);
    }
}
