//! The XOR2 encoding of float samples (Prometheus' `tsdb/chunkenc/xor2.go`): XOR with fewer bits for
//! what is common, and a start for samples that have one.
//!
//! Two bytes number of samples, one about [`starts`](super::starts); the first sample whole; the
//! second as difference of time and XOR of value. Every later one begins with a code that tells of
//! time and value together. Stale markers have codes of their own, and are never XORed: a value is
//! compared with the last one that is none.

use common_model::{is_stale_marker, stale_marker};

use super::ChunkError;
use super::bits::{BitReader, BitWriter, FIRST_BYTES};
use super::starts::{HEADER_AT, StartsReader, StartsWriter};
use super::varbit::{Code, Window};
use super::xor::count;

/// What stands before an XOR, in the window as before and in a new one: behind a time that came as
/// expected, and behind any other.
const XOR_ON_TIME: [Code; 2] = [(0b100, 3), (0b101, 3)];
const XOR: [Code; 2] = [(0b10, 2), (0b110, 3)];

/// A chunk that is being written. An empty one owns no memory.
#[derive(Clone, Debug)]
pub struct Xor2Writer {
    bytes: Vec<u8>,
    time: i64,
    delta: u64,
    /// The newest value that is no stale marker.
    base: u64,
    starts: StartsWriter,
    /// What the first two bytes say, where it is at hand.
    count: u16,
    free: u8,
    window: Window,
    /// Whether the newest sample is a stale marker.
    is_stale: bool,
}

impl Default for Xor2Writer {
    fn default() -> Xor2Writer {
        Xor2Writer {
            bytes: Vec::new(),
            time: 0,
            delta: 0,
            base: 0,
            starts: StartsWriter::default(),
            count: 0,
            free: 0,
            window: Window::NONE,
            is_stale: false,
        }
    }
}

impl Xor2Writer {
    /// Adds a sample and since when it counts, zero where that is not known; times must ascend and
    /// [`SAMPLES_MAX`](super::xor::SAMPLES_MAX) must not be reached, the caller sees to both.
    pub fn append(&mut self, time: i64, start: i64, value: f64) {
        let delta = time.wrapping_sub(self.time) as u64;
        let mut before = self.time;
        match self.count {
            0 => {
                // Count, header, time and value have 17 bytes where times are those of these years.
                self.bytes.reserve_exact(2 * FIRST_BYTES);
                self.bytes.extend_from_slice(&[0, 0, 0]);
                self.bits().put_varint(time);
                self.bits().put(value.to_bits(), 64);
                before = time;
            }
            1 => {
                self.bits().put_uvarint(delta);
                self.put_value(value);
            }
            _ => match delta.wrapping_sub(self.delta) as i64 {
                0 => self.put_on_time(value),
                change => {
                    self.put_change(change);
                    self.put_value(value);
                }
            },
        }
        let mut bits = BitWriter { bytes: &mut self.bytes, free: &mut self.free };
        self.starts.put(&mut bits, self.count, before, start);
        (self.time, self.delta) = (time, delta);
        self.is_stale = is_stale_marker(value);
        if !self.is_stale {
            self.base = value.to_bits();
        }
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

    /// Value of the newest sample, which may be a stale marker; zero when there is none.
    #[must_use]
    pub fn last_value(&self) -> f64 {
        if self.is_stale { stale_marker() } else { f64::from_bits(self.base) }
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

    /// Writes a change of the difference of times that is not zero.
    fn put_change(&mut self, change: i64) {
        let (code, width) = match change {
            -0x1000..=0xfff => ((0b110, 3), 13),
            -0x8_0000..=0x7_ffff => ((0b1110, 4), 20),
            _ => ((0b1_1110, 5), 64),
        };
        self.bits().put_two(code, (change as u64, width));
    }

    /// Writes a value whose time came as expected.
    fn put_on_time(&mut self, value: f64) {
        if is_stale_marker(value) {
            self.bits().put(0b1_1111, 5);
        } else {
            self.put_xor(value, XOR_ON_TIME);
        }
    }

    /// Writes any other value.
    fn put_value(&mut self, value: f64) {
        if is_stale_marker(value) {
            self.bits().put(0b111, 3);
        } else {
            self.put_xor(value, XOR);
        }
    }

    /// Writes a value that is no stale marker, with what stands before an XOR.
    fn put_xor(&mut self, value: f64, codes: [Code; 2]) {
        let xor = value.to_bits() ^ self.base;
        if xor == 0 {
            self.bits().put(0, 1);
            return;
        }
        let mut bits = BitWriter { bytes: &mut self.bytes, free: &mut self.free };
        self.window.put(&mut bits, xor, codes);
    }
}

/// Reads the samples of a chunk one by one.
#[derive(Clone, Debug)]
pub struct Xor2Reader<'a> {
    bits: BitReader<'a>,
    count: u16,
    read: u16,
    time: i64,
    delta: u64,
    /// The newest value that was XORed, or came first and is no stale marker.
    base: u64,
    window: Window,
    starts: StartsReader,
}

impl<'a> Xor2Reader<'a> {
    /// Starts at the first sample.
    #[must_use]
    pub fn new(chunk: &'a [u8]) -> Xor2Reader<'a> {
        Xor2Reader {
            bits: BitReader::new(chunk.get(HEADER_AT + 1..).unwrap_or_default()),
            count: count(chunk),
            read: 0,
            time: 0,
            delta: 0,
            base: 0,
            window: Window::NONE,
            starts: StartsReader::new(chunk.get(HEADER_AT).copied().unwrap_or_default()),
        }
    }

    /// Time, start and value of the next sample, the start zero where it is not known; `None` after
    /// the last one.
    #[inline]
    pub fn next_sample(&mut self) -> Result<Option<(i64, i64, f64)>, ChunkError> {
        if self.read == self.count {
            return Ok(None);
        }
        let short = ChunkError::Short { sample: self.read };
        let before = self.time;
        let value = self.step().ok_or(short)??;
        let before = if self.read == 0 { self.time } else { before };
        let start = self.starts.read(&mut self.bits, self.read, before).ok_or(short)?;
        self.read += 1;
        Ok(Some((self.time, start, value)))
    }

    /// Reads time and value of a sample.
    #[inline]
    fn step(&mut self) -> Option<Result<f64, ChunkError>> {
        let width = match self.read {
            0 => return self.first().map(Ok),
            1 => {
                self.delta = self.bits.uvarint()?;
                self.pass(0);
                return self.value();
            }
            _ => match self.ones(5)? {
                0 => {
                    self.pass(0);
                    return Some(Ok(f64::from_bits(self.base)));
                }
                1 => {
                    self.pass(0);
                    let anew = self.bits.bit()?;
                    return self.xored(anew);
                }
                2 => 13,
                3 => 20,
                4 => 64,
                _ => {
                    self.pass(0);
                    return Some(Ok(stale_marker()));
                }
            },
        };
        let change = self.bits.bits(width)?;
        // The highest bit is the sign.
        self.pass((change << (64 - width)) as i64 >> (64 - width));
        self.value()
    }

    fn first(&mut self) -> Option<f64> {
        self.time = self.bits.varint()?;
        let value = f64::from_bits(self.bits.bits(64)?);
        if !is_stale_marker(value) {
            self.base = value.to_bits();
        }
        Some(value)
    }

    /// Moves to the next time, whose difference changed so much.
    #[inline]
    fn pass(&mut self, change: i64) {
        self.delta = self.delta.wrapping_add(change as u64);
        self.time = self.time.wrapping_add(self.delta as i64);
    }

    /// How many ones come before a zero, which is read too; behind `max` ones there is none.
    #[inline]
    fn ones(&mut self, max: u32) -> Option<u32> {
        for ones in 0..max {
            if !self.bits.bit()? {
                return Some(ones);
            }
        }
        Some(max)
    }

    /// Reads a value whose time did not come as expected.
    fn value(&mut self) -> Option<Result<f64, ChunkError>> {
        match self.ones(3)? {
            0 => Some(Ok(f64::from_bits(self.base))),
            ones @ (1 | 2) => self.xored(ones == 2),
            _ => Some(Ok(stale_marker())),
        }
    }

    /// Reads an XOR, in the window as before or in a new one.
    #[inline]
    fn xored(&mut self, anew: bool) -> Option<Result<f64, ChunkError>> {
        let Some(xor) = self.window.read(&mut self.bits, anew)? else {
            return Some(Err(ChunkError::Window { sample: self.read }));
        };
        self.base ^= xor;
        Some(Ok(f64::from_bits(self.base)))
    }
}
