//! Decodes chunks of floats straight into columns: the inner loop of every query.
//!
//! [`XorReader`](super::xor::XorReader) tells the format sample by sample. Here eight bytes are loaded
//! at whatever bit stands next, so that a sample costs one or two loads and predicted branches.

use server_storage::SampleColumns;

use super::ChunkError;
use super::xor::count;
use crate::codec::{uvarint_from, zigzag_decode};

/// Bits that [`Bits::peek`] has at least.
const PEEKED: u32 = 57;
/// Bits of a value that are left of a peek behind the shortest prefixes of time and value.
const VALUE_PEEKED: u32 = PEEKED - 3;

/// Appends the samples of `[start, end]`, if the chunk has its samples in order of time.
pub fn decode(
    chunk: &[u8],
    start: i64,
    end: i64,
    columns: &mut SampleColumns,
) -> Result<(), ChunkError> {
    let mut decoder = Decoder::new(chunk);
    loop {
        if let Some(before) = start.checked_sub(1) {
            decoder.run::<false>(before, &mut [], &mut []);
        }
        if decoder.read == decoder.count {
            return Ok(());
        }
        decoder.step()?;
        if decoder.time >= start {
            break;
        }
    }
    if decoder.time > end {
        return Ok(());
    }
    let before = columns.timestamps.len();
    let room = before + 1 + usize::from(decoder.count - decoder.read);
    columns.timestamps.resize(room, 0);
    columns.values.resize(room, 0.0);
    let (mut filled, mut result) = (before, Ok(()));
    loop {
        columns.timestamps[filled] = decoder.time;
        columns.values[filled] = f64::from_bits(decoder.value);
        filled += 1;
        let (times, values) = (&mut columns.timestamps[filled..], &mut columns.values[filled..]);
        filled += decoder.run::<true>(end, times, values);
        if filled == room {
            break;
        }
        result = decoder.step();
        if result.is_err() || decoder.time > end {
            break;
        }
    }
    columns.timestamps.truncate(filled);
    columns.values.truncate(filled);
    if !columns.histograms.is_empty() {
        columns.histograms.resize(filled, None);
    }
    if !columns.starts.is_empty() {
        columns.starts.resize(filled, 0);
    }
    result
}

/// Widest window of a value that [`Decoder::run`] reads.
const RUN_WIDTH_MAX: u32 = PEEKED - 3;

/// The next bits, [`PEEKED`] of them at least, where eight whole bytes follow.
#[inline(always)]
fn whole(bytes: &[u8], at: usize) -> Option<u64> {
    let eight = bytes.get(at / 8..)?.first_chunk::<8>()?;
    Some(u64::from_be_bytes(*eight) << (at % 8))
}

/// A place among bits, most significant first. Behind the end there are zeros.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits on the left, [`PEEKED`] of them at least.
    #[inline(always)]
    fn peek(&self) -> u64 {
        let from = self.at / 8;
        let word = match self.bytes.get(from..from + 8).and_then(<[u8]>::first_chunk::<8>) {
            Some(eight) => u64::from_be_bytes(*eight),
            None => last_bytes(self.bytes, from),
        };
        word << (self.at % 8)
    }

    /// The next 1 to 64 bits.
    #[inline(always)]
    fn take(&mut self, count: u32) -> u64 {
        if count <= PEEKED {
            let bits = self.peek() >> (64 - count);
            self.at += count as usize;
            return bits;
        }
        let high = self.peek() >> 32;
        self.at += 32;
        let low = self.peek() >> (96 - count);
        self.at += count as usize - 32;
        high << (count - 32) | low
    }

    fn uvarint(&mut self) -> Option<u64> {
        let end = self.bytes.len() * 8;
        uvarint_from(|| (self.at + 8 <= end).then(|| self.take(8) as u8))
    }
}

#[cold]
#[inline(never)]
fn last_bytes(bytes: &[u8], from: usize) -> u64 {
    let missing = from + 8 - bytes.len();
    if let Some(last) = bytes.last_chunk::<8>().filter(|_| missing < 8) {
        return u64::from_be_bytes(*last) << (8 * missing);
    }
    let rest = bytes.get(from..).unwrap_or_default();
    let mut eight = [0; 8];
    eight[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(eight)
}

struct Decoder<'a> {
    bits: Bits<'a>,
    count: u16,
    read: u16,
    time: i64,
    delta: u64,
    value: u64,
    /// Width of the values' window in bits, and the zeros behind it.
    width: u32,
    trailing: u32,
}

impl<'a> Decoder<'a> {
    fn new(chunk: &'a [u8]) -> Decoder<'a> {
        let bits = Bits { bytes: chunk.get(2..).unwrap_or_default(), at: 0 };
        let (time, delta, value) = (0, 0, 0);
        Decoder { bits, count: count(chunk), read: 0, time, delta, value, width: 64, trailing: 0 }
    }

    /// Reads what nearly all samples are: the time as expected, the value unchanged, in the window
    /// as before, or in a narrow new one. Ends before a sample of another kind, after `end`, or near
    /// the end of the bytes, and says how many it read; with `KEEP` they are put down.
    ///
    /// Only what a sample needs is held here, so that all of it is in registers.
    fn run<const KEEP: bool>(&mut self, end: i64, times: &mut [i64], values: &mut [f64]) -> usize {
        if self.read < 2 {
            return 0;
        }
        let left = usize::from(self.count - self.read);
        let (bytes, delta) = (self.bits.bytes, self.delta as i64);
        let (mut at, mut time, mut value) = (self.bits.at, self.time, self.value);
        let (mut width, mut trailing) = (self.width, self.trailing);
        let mut count = 0;
        while count < left {
            let Some(mut word) = whole(bytes, at) else { break };
            let next = time.wrapping_add(delta);
            if next > end {
                break;
            }
            let kind = word >> 61;
            if kind < 0b010 {
                at += 2;
            } else if kind == 0b010 && width <= RUN_WIDTH_MAX {
                at += 3 + width as usize;
                value ^= ((word << 3) >> (64 - width)) << trailing;
            } else if kind == 0b011 {
                let (leading, new) = ((word >> 56) as u32 & 31, (word >> 50) as u32 & 63);
                if new == 0 || new > RUN_WIDTH_MAX || leading + new > 64 {
                    break;
                }
                let Some(bits) = whole(bytes, at + 14) else { break };
                word = bits;
                (width, trailing) = (new, 64 - leading - new);
                at += 14 + width as usize;
                value ^= (word >> (64 - width)) << trailing;
            } else {
                break;
            }
            time = next;
            if KEEP {
                times[count] = time;
                values[count] = f64::from_bits(value);
            }
            count += 1;
        }
        self.bits.at = at;
        (self.time, self.value) = (time, value);
        (self.width, self.trailing) = (width, trailing);
        // No more than were left, which fits.
        self.read += count as u16;
        count
    }

    /// Reads a sample into `time` and `value`.
    fn step(&mut self) -> Result<(), ChunkError> {
        let mut word = self.bits.peek();
        if self.read < 2 {
            word = self.first_times().ok_or(ChunkError::Short { sample: self.read })?;
        } else if word >> 63 == 0 {
            self.bits.at += 1;
            word <<= 1;
        } else {
            let change = self.change(word);
            self.delta = self.delta.wrapping_add(change as u64);
            word = self.bits.peek();
        }
        self.time = self.time.wrapping_add(self.delta as i64);
        self.take_value(word)?;
        self.check_end()?;
        self.read += 1;
        Ok(())
    }

    /// Whether what was read is there.
    #[inline(always)]
    fn check_end(&self) -> Result<(), ChunkError> {
        if self.bits.at > self.bits.bytes.len() * 8 {
            return Err(ChunkError::Short { sample: self.read });
        }
        Ok(())
    }

    /// The whole first time, or the first difference; gives the bits behind it.
    #[cold]
    fn first_times(&mut self) -> Option<u64> {
        if self.read == 0 {
            self.time = zigzag_decode(self.bits.uvarint()?);
            // The first value stands whole.
            return Some(0);
        }
        self.delta = self.bits.uvarint()?;
        Some(self.bits.peek())
    }

    /// The change of the difference of times, where it is not zero.
    #[inline(always)]
    fn change(&mut self, word: u64) -> i64 {
        let (prefix, width) = match (word >> 60) & 0b111 {
            0b000..=0b011 => (2, 14),
            0b100..=0b101 => (3, 17),
            0b110 => (4, 20),
            _ => {
                self.bits.at += 4;
                return self.bits.take(64) as i64;
            }
        };
        self.bits.at += prefix + width as usize;
        let bits = ((word << prefix) >> (64 - width)) as i64;
        // Shifted by one from two's complement.
        if bits > 1 << (width - 1) { bits - (1 << width) } else { bits }
    }

    /// The change of the value; `word` begins with it.
    #[inline(always)]
    fn take_value(&mut self, word: u64) -> Result<(), ChunkError> {
        if self.read == 0 {
            self.value = self.bits.take(64);
            return Ok(());
        }
        if word >> 63 == 0 {
            self.bits.at += 1;
            return Ok(());
        }
        let bits = if (word >> 62) & 1 == 0 {
            if self.width <= VALUE_PEEKED {
                self.bits.at += 2 + self.width as usize;
                (word << 2) >> (64 - self.width)
            } else {
                self.bits.at += 2;
                self.bits.take(self.width)
            }
        } else {
            let leading = (word >> 57) as u32 & 31;
            self.width = match (word >> 51) as u32 & 63 {
                0 => 64,
                width => width,
            };
            self.bits.at += 13;
            let Some(trailing) = 64_u32.checked_sub(leading + self.width) else {
                self.check_end()?;
                return Err(ChunkError::Window { sample: self.read });
            };
            self.trailing = trailing;
            self.bits.take(self.width)
        };
        self.value ^= bits << self.trailing;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::xor::{XorReader, XorWriter};
    use super::*;

    /// What the slow reader finds.
    fn plain(chunk: &[u8], start: i64, end: i64) -> (Vec<(i64, u64)>, Result<(), ChunkError>) {
        let mut reader = XorReader::new(chunk);
        let mut samples = Vec::new();
        loop {
            match reader.next_sample() {
                Ok(Some((time, value))) if time <= end => {
                    if time >= start {
                        samples.push((time, value.to_bits()));
                    }
                }
                Ok(_) => return (samples, Ok(())),
                Err(error) => return (samples, Err(error)),
            }
        }
    }

    fn check(chunk: &[u8], start: i64, end: i64) {
        let mut columns = SampleColumns::default();
        let result = decode(chunk, start, end, &mut columns);
        let bits = columns.values.iter().map(|value| value.to_bits());
        let samples: Vec<_> = columns.timestamps.iter().copied().zip(bits).collect();
        assert_eq!((samples, result), plain(chunk, start, end));
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (0..100_u32).prop_map(f64::from),
            (0..10_000_u32).prop_map(|n| f64::from(n) / 100.0),
        ]
    }

    fn step() -> impl Strategy<Value = i64> {
        prop_oneof![Just(15_000_i64), 14_000..16_000_i64, 1..200_000_i64, 1..1_i64 << 40]
    }

    proptest! {
        #[test]
        fn columns_hold_what_the_reader_reads_one_by_one(
            first in -(1_i64 << 50)..1 << 50,
            samples in prop::collection::vec((step(), value()), 0..150),
            from in 0_usize..150,
            to in 0_usize..150,
        ) {
            let mut writer = XorWriter::default();
            let (mut time, mut times) = (first, vec![first]);
            for (step, value) in samples {
                time += step;
                times.push(time);
                writer.append(time, value);
            }
            let at = |place: usize| times[place.min(times.len() - 1)];
            check(writer.bytes(), at(from), at(to));
            check(writer.bytes(), i64::MIN, i64::MAX);
        }

        #[test]
        fn broken_chunks_are_refused_where_the_reader_refuses_them(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut columns = SampleColumns::default();
            let result = decode(&bytes, i64::MIN, i64::MAX, &mut columns);
            let (samples, expected) = plain(&bytes, i64::MIN, i64::MAX);
            prop_assert_eq!(result, expected);
            prop_assert_eq!(columns.len(), samples.len());
        }
    }
}
