//! Reads the histograms of a chunk one by one.

use common_model::{CounterReset, is_stale_marker};

use super::super::bits::BitReader;
use super::super::starts::StartsReader;
use super::super::varbit::{self, XorSlot};
use super::super::{ChunkError, samples};
use super::layout::{self, Layout};
use super::{Count, Histogram};

/// What the head of a chunk says of counter resets, in the two highest bits of its third byte; of its
/// first one where there are starts.
pub(super) const HEADERS: [(u8, CounterReset); 4] = [
    (0b00, CounterReset::Unknown),
    (0b10, CounterReset::Reset),
    (0b01, CounterReset::NotReset),
    (0b11, CounterReset::Gauge),
];

/// Reads the samples of a chunk one by one.
#[derive(Clone, Debug)]
pub struct HistogramReader<'a, T: Count> {
    bits: BitReader<'a>,
    samples: u16,
    read: u16,
    header: CounterReset,
    layout: Layout,
    time: i64,
    delta: i64,
    slots: Option<Slots<T>>,
    starts: StartsReader,
}

#[derive(Clone, Debug)]
struct Slots<T: Count> {
    count: T::Slot,
    zero_count: T::Slot,
    sum: XorSlot,
    positive: Vec<T::Slot>,
    negative: Vec<T::Slot>,
}

impl<'a, T: Count> HistogramReader<'a, T> {
    /// Reads the head of a chunk without starts.
    pub fn new(chunk: &'a [u8]) -> Result<HistogramReader<'a, T>, ChunkError> {
        HistogramReader::open(chunk, false)
    }

    /// Reads the head of a chunk with starts.
    pub fn with_starts(chunk: &'a [u8]) -> Result<HistogramReader<'a, T>, ChunkError> {
        HistogramReader::open(chunk, true)
    }

    fn open(chunk: &'a [u8], with_starts: bool) -> Result<HistogramReader<'a, T>, ChunkError> {
        let Some((&[first, _, third], rest)) = chunk.split_first_chunk::<3>() else {
            let empty = chunk.iter().all(|byte| *byte == 0);
            return if empty { Ok(HistogramReader::empty()) } else { Err(ChunkError::Layout) };
        };
        let mut reader = HistogramReader::empty();
        reader.bits = BitReader::new(rest);
        if with_starts {
            reader.samples = samples(T::ENCODING_WITH_STARTS, chunk);
            reader.header = header(first);
            reader.starts = StartsReader::new(third);
        } else {
            reader.samples = samples(T::ENCODING, chunk);
            reader.header = header(third);
        }
        if reader.samples == 0 {
            return Ok(reader);
        }
        reader.layout = Layout::read(&mut reader.bits).ok_or(ChunkError::Layout)?;
        // Every bucket of the first sample takes a bit at least.
        let layout = &reader.layout;
        let buckets = layout::buckets(&layout.positive) + layout::buckets(&layout.negative);
        if buckets > rest.len() * 8 {
            return Err(ChunkError::Layout);
        }
        Ok(reader)
    }

    fn empty() -> HistogramReader<'a, T> {
        HistogramReader {
            bits: BitReader::new(&[]),
            samples: 0,
            read: 0,
            header: CounterReset::Unknown,
            layout: Layout::default(),
            time: 0,
            delta: 0,
            slots: None,
            starts: StartsReader::default(),
        }
    }

    /// What the chunk says of a reset between the chunk before and this one; or that it holds gauges.
    #[must_use]
    pub fn header(&self) -> CounterReset {
        self.header
    }

    /// Moves to the next sample and gives its time; `None` after the last one.
    pub fn next_time(&mut self) -> Result<Option<i64>, ChunkError> {
        if self.read == self.samples {
            return Ok(None);
        }
        let (sample, before) = (self.read, self.time);
        let sound = match self.slots.take() {
            None => self.first().map(|slots| (slots, true)),
            Some(slots) => self.later(slots),
        };
        let (slots, sound) = sound.ok_or(ChunkError::Short { sample })?;
        if !sound {
            return Err(ChunkError::Window { sample });
        }
        self.slots = Some(slots);
        let before = if sample == 0 { self.time } else { before };
        let start = self.starts.read(&mut self.bits, sample, before);
        start.ok_or(ChunkError::Short { sample })?;
        self.read += 1;
        Ok(Some(self.time))
    }

    fn first(&mut self) -> Option<Slots<T>> {
        let bits = &mut self.bits;
        self.time = varbit::int(bits)?;
        let (count, zero_count) = (T::total(bits)?, T::total(bits)?);
        let sum = XorSlot::first(f64::from_bits(bits.bits(64)?));
        let mut side = |spans| -> Option<Vec<T::Slot>> {
            (0..layout::buckets(spans)).map(|_| T::bucket(bits)).collect()
        };
        let positive = side(&self.layout.positive)?;
        let negative = side(&self.layout.negative)?;
        Some(Slots { count, zero_count, sum, positive, negative })
    }

    fn later(&mut self, mut slots: Slots<T>) -> Option<(Slots<T>, bool)> {
        let bits = &mut self.bits;
        self.delta = self.delta.wrapping_add(varbit::int(bits)?);
        self.time = self.time.wrapping_add(self.delta);
        let mut sound = T::next(&mut slots.count, bits)?;
        sound &= T::next(&mut slots.zero_count, bits)?;
        sound &= slots.sum.read(bits)?.is_some();
        // Stale markers have no buckets.
        if sound && !is_stale_marker(slots.sum.value()) {
            for slot in slots.positive.iter_mut().chain(&mut slots.negative) {
                sound = sound && T::next(slot, bits)?;
            }
        }
        Some((slots, sound))
    }

    /// Since when the sample whose time was given last counts; zero where that is not known.
    #[must_use]
    pub fn start(&self) -> i64 {
        self.starts.start()
    }

    /// The sample whose time was given last; an empty histogram before the first.
    #[must_use]
    pub fn histogram(&self) -> Histogram<T> {
        let Some(slots) = &self.slots else { return Histogram::default() };
        if is_stale_marker(slots.sum.value()) {
            return Histogram::stale(slots.sum.value());
        }
        Histogram {
            counter_reset: match self.header {
                CounterReset::Gauge => CounterReset::Gauge,
                _ if self.read > 1 => CounterReset::NotReset,
                // The header speaks of the chunk before, which may be gone.
                _ => CounterReset::Unknown,
            },
            layout: self.layout.clone(),
            count: T::value(&slots.count),
            zero_count: T::value(&slots.zero_count),
            sum: slots.sum.value(),
            positive: absolute::<T>(&slots.positive),
            negative: absolute::<T>(&slots.negative),
        }
    }
}

/// What the byte that says it says of counter resets.
pub(super) fn header(byte: u8) -> CounterReset {
    let header = HEADERS.iter().find(|(bits, _)| *bits == byte >> 6);
    header.map_or(CounterReset::Unknown, |(_, header)| *header)
}

/// The counts behind slots.
pub(super) fn absolute<T: Count>(slots: &[T::Slot]) -> Vec<T> {
    let mut below = T::default();
    let count = |slot| {
        below = T::value(slot).unstep(below);
        below
    };
    slots.iter().map(count).collect()
}
