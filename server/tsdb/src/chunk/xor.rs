//! The XOR encoding of float samples (Prometheus' `tsdb/chunkenc/xor.go`, after Facebook's Gorilla).
//!
//! Two bytes number of samples; the first sample whole; the second as difference of time and XOR of
//! value; every later one as the change of that difference and the XOR.

use super::ChunkError;
use super::bits::{BitReader, BitWriter, FIRST_BYTES};

/// Leading zeros before any value was XORed: no window to reuse.
const NO_WINDOW: u8 = 0xff;

/// Most samples the two counting bytes can say.
pub const SAMPLES_MAX: u16 = u16::MAX;

/// A chunk that is being written. An empty one owns no memory.
#[derive(Clone, Debug)]
pub struct XorWriter {
    bytes: Vec<u8>,
    time: i64,
    delta: u64,
    value: u64,
    /// What the first two bytes say, where it is at hand.
    count: u16,
    free: u8,
    leading: u8,
    trailing: u8,
}

impl Default for XorWriter {
    fn default() -> XorWriter {
        XorWriter {
            bytes: Vec::new(),
            time: 0,
            delta: 0,
            value: 0,
            count: 0,
            free: 0,
            leading: NO_WINDOW,
            trailing: 0,
        }
    }
}

impl XorWriter {
    /// Adds a sample; times must ascend and [`SAMPLES_MAX`] must not be reached, the caller sees to
    /// both.
    pub fn append(&mut self, time: i64, value: f64) {
        let value = value.to_bits();
        match self.count {
            0 => {
                self.bytes.reserve_exact(FIRST_BYTES);
                self.bytes.extend_from_slice(&[0, 0]);
                self.bits().put_varint(time);
                self.bits().put(value, 64);
            }
            1 => {
                self.delta = time.wrapping_sub(self.time) as u64;
                let delta = self.delta;
                self.bits().put_uvarint(delta);
                self.put_value(value, 0);
            }
            _ => {
                let delta = time.wrapping_sub(self.time) as u64;
                let change = delta.wrapping_sub(self.delta) as i64;
                self.delta = delta;
                match change {
                    0 => self.put_value(value, 1),
                    _ => {
                        self.put_change(change);
                        self.put_value(value, 0);
                    }
                }
            }
        }
        self.time = time;
        self.value = value;
        self.count = self.count.saturating_add(1);
        self.bytes[..2].copy_from_slice(&self.count.to_be_bytes());
    }

    /// How many samples there are.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Time of the newest sample; zero when there is none.
    #[must_use]
    pub fn last_time(&self) -> i64 {
        self.time
    }

    /// Value of the newest sample; zero when there is none.
    #[must_use]
    pub fn last_value(&self) -> f64 {
        f64::from_bits(self.value)
    }

    /// The chunk so far: always complete and readable.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes taken from the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives the finished chunk away, as small as it can be, and starts an empty one.
    pub fn finish(&mut self) -> Box<[u8]> {
        std::mem::take(self).bytes.into_boxed_slice()
    }

    fn bits(&mut self) -> BitWriter<'_> {
        BitWriter { bytes: &mut self.bytes, free: &mut self.free }
    }

    /// Writes a change that is not zero.
    fn put_change(&mut self, change: i64) {
        let mut bits = self.bits();
        let (code, code_bits, width) = match change {
            c if fits(c, 14) => (0b10, 2, 14),
            c if fits(c, 17) => (0b110, 3, 17),
            c if fits(c, 20) => (0b1110, 4, 20),
            _ => (0b1111, 4, 64),
        };
        bits.put_two((code, code_bits), (change as u64, width));
    }

    /// Writes a value behind so many zeros, which are what no change of the difference is.
    fn put_value(&mut self, value: u64, zeros: u32) {
        let xor = value ^ self.value;
        if xor == 0 {
            self.bits().put(0, 1 + zeros);
            return;
        }
        // Five bits hold at most 31.
        let leading = xor.leading_zeros().min(31) as u8;
        let trailing = xor.trailing_zeros() as u8;
        if self.leading != NO_WINDOW && leading >= self.leading && trailing >= self.trailing {
            let (shift, width) = (self.trailing, 64 - self.leading - self.trailing);
            self.bits().put_two((0b10, 2 + zeros), (xor >> shift, u32::from(width)));
            return;
        }
        (self.leading, self.trailing) = (leading, trailing);
        let width = 64 - leading - trailing;
        // 64 does not fit in six bits and is written as 0, which no XOR but zero needs.
        let window = 0b11 << 11 | u64::from(leading) << 6 | u64::from(width) & 63;
        self.bits().put_two((window, 13 + zeros), (xor >> trailing, u32::from(width)));
    }
}

/// Whether a change of difference fits in `width` bits; the range is shifted by one from two's
/// complement, as Prometheus has it.
fn fits(change: i64, width: u32) -> bool {
    let half = 1_i64 << (width - 1);
    (1 - half..=half).contains(&change)
}

/// How many samples a chunk says it has.
#[must_use]
pub fn count(chunk: &[u8]) -> u16 {
    chunk.first_chunk::<2>().map_or(0, |two| u16::from_be_bytes(*two))
}

/// Reads the samples of a chunk one by one.
#[derive(Clone, Debug)]
pub struct XorReader<'a> {
    bits: BitReader<'a>,
    count: u16,
    read: u16,
    time: i64,
    delta: u64,
    value: u64,
    leading: u8,
    trailing: u8,
}

impl<'a> XorReader<'a> {
    /// Starts at the first sample.
    #[must_use]
    pub fn new(chunk: &'a [u8]) -> XorReader<'a> {
        XorReader {
            bits: BitReader::new(chunk.get(2..).unwrap_or_default()),
            count: count(chunk),
            read: 0,
            time: 0,
            delta: 0,
            value: 0,
            leading: 0,
            trailing: 0,
        }
    }

    /// The next sample; `None` after the last one.
    #[inline]
    pub fn next_sample(&mut self) -> Result<Option<(i64, f64)>, ChunkError> {
        if self.read == self.count {
            return Ok(None);
        }
        let short = ChunkError::Short { sample: self.read };
        self.step().ok_or(short)??;
        self.read += 1;
        Ok(Some((self.time, f64::from_bits(self.value))))
    }

    #[inline]
    fn step(&mut self) -> Option<Result<(), ChunkError>> {
        match self.read {
            0 => {
                self.time = self.bits.varint()?;
                self.value = self.bits.bits(64)?;
                return Some(Ok(()));
            }
            1 => self.delta = self.bits.uvarint()?,
            _ => self.delta = self.delta.wrapping_add(self.change()? as u64),
        }
        self.time = self.time.wrapping_add(self.delta as i64);
        self.read_value()
    }

    #[inline]
    fn change(&mut self) -> Option<i64> {
        if !self.bits.bit()? {
            return Some(0);
        }
        let width = if !self.bits.bit()? {
            14
        } else if !self.bits.bit()? {
            17
        } else if !self.bits.bit()? {
            20
        } else {
            return self.bits.bits(64).map(|bits| bits as i64);
        };
        let bits = self.bits.bits(width)? as i64;
        Some(if bits > 1 << (width - 1) { bits - (1 << width) } else { bits })
    }

    #[inline]
    fn read_value(&mut self) -> Option<Result<(), ChunkError>> {
        if !self.bits.bit()? {
            return Some(Ok(()));
        }
        if self.bits.bit()? {
            let leading = self.bits.bits(5)? as u8;
            let width = match self.bits.bits(6)? as u8 {
                0 => 64,
                width => width,
            };
            if leading + width > 64 {
                return Some(Err(ChunkError::Window { sample: self.read }));
            }
            (self.leading, self.trailing) = (leading, 64 - leading - width);
        }
        let width = 64 - self.leading - self.trailing;
        let bits = self.bits.bits(u32::from(width))?;
        self.value ^= bits << self.trailing;
        Some(Ok(()))
    }
}
