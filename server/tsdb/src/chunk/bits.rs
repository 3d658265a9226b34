//! Bits in a byte vector, most significant first.

use crate::codec::{uvarint_from, zigzag_decode};

/// Appends bits to bytes. `free` counts the bits still unused in the last byte. The two are kept by
/// the caller, who lays them out to save memory.
pub struct BitWriter<'a> {
    /// Bytes written so far.
    pub bytes: &'a mut Vec<u8>,
    /// Unused low bits of the last byte.
    pub free: &'a mut u8,
}

/// Chunk buffers begin with so many bytes, which is what the first sample takes, and grow by twice
/// as many at first: a million series have one each. Later by more, for all grow at the same time,
/// and every size they pass through leaves pages of it with few in use. All are sizes that the
/// allocator has.
pub(super) const FIRST_BYTES: usize = 16;
const SECOND_BYTES: usize = 2 * FIRST_BYTES;

impl BitWriter<'_> {
    /// Appends the low `count` bits of `value`, at most 64.
    #[inline]
    pub fn put(&mut self, value: u64, count: u32) {
        if count == 0 {
            return;
        }
        // The first of the bits at the top.
        let bits = value << (64 - count);
        let free = u32::from(*self.free);
        if let Some(last) = self.bytes.last_mut().filter(|_| free > 0) {
            *last |= (bits >> (64 - free)) as u8;
            if count <= free {
                *self.free -= count as u8;
                return;
            }
        }
        let (bits, left) = (bits << free, count - free);
        let bytes = left.div_ceil(8);
        self.make_room(bytes as usize);
        self.extend(bits.to_be_bytes(), bytes as usize);
        *self.free = (bytes * 8 - left) as u8;
    }

    /// Appends the first of eight bytes, all of them at first where there is room: copying a number
    /// of bytes that is known is one instruction.
    #[inline]
    fn extend(&mut self, eight: [u8; 8], count: usize) {
        let len = self.bytes.len();
        if self.bytes.capacity() - len >= eight.len() {
            self.bytes.extend_from_slice(&eight);
            self.bytes.truncate(len + count);
        } else {
            self.bytes.extend_from_slice(&eight[..count]);
        }
    }

    /// Appends two values, each with its count of bits; the first is within its count.
    #[inline]
    pub(super) fn put_two(&mut self, first: (u64, u32), second: (u64, u32)) {
        let count = first.1 + second.1;
        if count > 64 {
            self.put(first.0, first.1);
            self.put(second.0, second.1);
            return;
        }
        let low = second.0 & mask(second.1);
        self.put(first.0 << second.1 | low, count);
    }

    /// Appends whole bytes.
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.put(u64::from(*byte), 8);
        }
    }

    /// Appends an unsigned varint.
    pub(super) fn put_uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.put(value, 8);
    }

    /// Appends a signed varint.
    pub(super) fn put_varint(&mut self, value: i64) {
        self.put_uvarint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// Makes room in small steps; doubling would waste half of every open chunk.
    #[inline]
    fn make_room(&mut self, more: usize) {
        let len = self.bytes.len();
        if self.bytes.capacity() - len < more {
            let step = match len + more {
                ..=FIRST_BYTES => FIRST_BYTES,
                17..=64 => SECOND_BYTES,
                65..=256 => 2 * SECOND_BYTES,
                _ => 4 * SECOND_BYTES,
            };
            self.bytes.reserve_exact((len + more).next_multiple_of(step) - len);
        }
    }
}

/// Reads bits from bytes.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    rest: &'a [u8],
    /// Bits taken from `rest` and not yet read, in the low `valid` bits.
    window: u64,
    valid: u32,
}

impl<'a> BitReader<'a> {
    /// Starts at the first bit.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> BitReader<'a> {
        BitReader { rest: bytes, window: 0, valid: 0 }
    }

    /// One bit.
    #[inline]
    pub fn bit(&mut self) -> Option<bool> {
        if self.valid == 0 {
            self.refill()?;
        }
        self.valid -= 1;
        Some((self.window >> self.valid) & 1 == 1)
    }

    /// The next `count` bits, at most 64.
    #[inline]
    pub fn bits(&mut self, count: u32) -> Option<u64> {
        if count <= self.valid {
            self.valid -= count;
            return Some((self.window >> self.valid) & mask(count));
        }
        let missing = count - self.valid;
        let high = self.window & mask(self.valid);
        self.valid = 0;
        self.refill()?;
        if self.valid < missing {
            return self.bits_across(high, missing);
        }
        self.valid -= missing;
        let low = (self.window >> self.valid) & mask(missing);
        Some(if missing == 64 { low } else { (high << missing) | low })
    }

    /// The slow way near the end, where a refill brings fewer than 64 bits.
    #[cold]
    fn bits_across(&mut self, high: u64, missing: u32) -> Option<u64> {
        let mut value = high;
        for _ in 0..missing {
            value = (value << 1) | u64::from(self.bit()?);
        }
        Some(value)
    }

    /// A Go varint that need not start at a byte.
    pub fn varint(&mut self) -> Option<i64> {
        self.uvarint().map(zigzag_decode)
    }

    /// A Go uvarint that need not start at a byte.
    pub fn uvarint(&mut self) -> Option<u64> {
        uvarint_from(|| self.bits(8).map(|byte| byte as u8))
    }

    fn refill(&mut self) -> Option<()> {
        if let Some((eight, rest)) = self.rest.split_first_chunk::<8>() {
            self.window = u64::from_be_bytes(*eight);
            self.valid = 64;
            self.rest = rest;
            return Some(());
        }
        if self.rest.is_empty() {
            return None;
        }
        self.window = self.rest.iter().fold(0, |window, byte| (window << 8) | u64::from(*byte));
        self.valid = self.rest.len() as u32 * 8;
        self.rest = &[];
        Some(())
    }
}

fn mask(count: u32) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}
