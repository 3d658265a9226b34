//! Which parts of a chunk are plain: nothing but what ASCII has to be printed, and ends of lines.
//!
//! Most logs are, nearly everywhere. In a plain line a run of `[[:print:]]` or `.` goes to the end,
//! whatever stands there, and nobody need look whether it is UTF-8.

use std::ops::RangeInclusive;

/// The bytes of a plain line.
pub(crate) const PLAIN: RangeInclusive<u8> = b' '..=b'~';

/// Bytes of which it is known together whether they are plain.
const BLOCK_BYTES: usize = 2048;

/// What is known of a chunk.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// Whether each block is.
    blocks: Vec<bool>,
}

impl Plain {
    /// Looks at a chunk.
    pub(super) fn look(&mut self, chunk: &[u8]) {
        self.blocks.clear();
        self.blocks.extend(chunk.chunks(BLOCK_BYTES).map(is_plain));
    }

    /// Whether all of the chunk is.
    pub(super) fn is_all(&self) -> bool {
        self.blocks.iter().all(|is| *is)
    }

    /// Whether a part of the chunk is, as far as it is known.
    #[inline]
    pub(super) fn is(&self, start: usize, end: usize) -> bool {
        let (first, last) = (start / BLOCK_BYTES, end / BLOCK_BYTES);
        match self.blocks.get(first..=last) {
            Some(blocks) => blocks.iter().all(|is| *is),
            // It ends where the chunk does.
            None => self.blocks.get(first..).is_some_and(|blocks| blocks.iter().all(|is| *is)),
        }
    }
}

/// Without a way out in the middle, so that many bytes are looked at together.
fn is_plain(block: &[u8]) -> bool {
    block.iter().fold(true, |is, byte| is & (PLAIN.contains(byte) | (*byte == b'\n')))
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, Plain};

    #[test]
    fn a_line_is_plain_where_all_blocks_that_it_is_in_are() {
        let mut chunk = b"a line of a log\n".repeat(BLOCK_BYTES / 4);
        let (mut plain, whole) = (Plain::default(), chunk.len());
        plain.look(&chunk);
        assert!(plain.is_all() && plain.is(0, whole) && plain.is(whole, whole));
        for (odd, byte) in [(0, b'\t'), (BLOCK_BYTES, 0x7f), (whole - 1, 0xff), (77, b'\r')] {
            let before = std::mem::replace(&mut chunk[odd], byte);
            plain.look(&chunk);
            assert!(!plain.is_all());
            for start in (0..whole).step_by(97) {
                let end = whole.min(start + 300);
                assert!(!(start..end).contains(&odd) || !plain.is(start, end), "{odd} {start}");
            }
            assert!(!plain.is(0, whole));
            let elsewhere = (odd + 2 * BLOCK_BYTES) % (2 * BLOCK_BYTES) + 2 * BLOCK_BYTES;
            assert!(odd >= 2 * BLOCK_BYTES || plain.is(elsewhere, elsewhere + 10), "{odd}");
            chunk[odd] = before;
        }
    }
}
