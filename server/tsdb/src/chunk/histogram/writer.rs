//! Writes histograms to a chunk, and says which ones belong into another.

use common_model::CounterReset;

use super::super::bits::BitWriter;
use super::super::starts::StartsWriter;
use super::super::varbit::{self, XorSlot};
use super::super::{Encoding, samples};
use super::layout::{self, Layout};
use super::reader::{HEADERS, HistogramReader, absolute, header};
use super::{Count, Histogram, STARTS_SAMPLES_MAX};
use common_model::Span;

/// Most samples the two counting bytes can say.
const SAMPLES_MAX: u16 = u16::MAX;

/// How a histogram goes with those of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub enum Fit {
    /// The chunk has all its buckets.
    Inside,
    /// It has buckets that the chunk has not; with this layout there would be room for all.
    Wider(Layout),
    /// It must go to another chunk.
    Apart {
        /// Because a counter was reset.
        reset: bool,
    },
}

/// A chunk that is being written, with at least one sample.
#[derive(Clone, Debug)]
pub struct HistogramWriter<T: Count> {
    bytes: Vec<u8>,
    free: u8,
    layout: Layout,
    time: i64,
    delta: i64,
    count: T::Slot,
    zero_count: T::Slot,
    sum: XorSlot,
    positive: Vec<T::Slot>,
    negative: Vec<T::Slot>,
    /// Where samples have starts.
    starts: Option<StartsWriter>,
}

impl<T: Count> HistogramWriter<T> {
    /// Starts a chunk without starts; `header` says what is known of a reset between the chunk before
    /// and this one.
    #[must_use]
    pub fn begin(header: CounterReset, time: i64, first: &Histogram<T>) -> HistogramWriter<T> {
        HistogramWriter::begin_either(header, time, None, first)
    }

    /// Starts a chunk with starts; that of the first sample is zero where it is not known.
    #[must_use]
    pub fn begin_with_start(
        header: CounterReset,
        time: i64,
        start: i64,
        first: &Histogram<T>,
    ) -> HistogramWriter<T> {
        HistogramWriter::begin_either(header, time, Some(start), first)
    }

    fn begin_either(
        header: CounterReset,
        time: i64,
        start: Option<i64>,
        first: &Histogram<T>,
    ) -> HistogramWriter<T> {
        let stale = Histogram::stale(first.sum);
        let first = if first.is_stale() { &stale } else { first };
        let flags = HEADERS.iter().find(|(_, h)| *h == header).map_or(0, |(bits, _)| bits << 6);
        let mut bytes = if start.is_some() { vec![flags, 1, 0] } else { vec![0, 1, flags] };
        let mut free = 0;
        let mut bits = BitWriter { bytes: &mut bytes, free: &mut free };
        first.layout.put(&mut bits);
        varbit::put_int(&mut bits, time);
        let count = first.count.put_total(&mut bits);
        let zero_count = first.zero_count.put_total(&mut bits);
        bits.put(first.sum.to_bits(), 64);
        let mut side = |counts: &[T]| {
            let mut below = T::default();
            let put = |count: &T| {
                let step = count.step(below);
                below = *count;
                step.put_bucket(&mut bits)
            };
            counts.iter().map(put).collect::<Vec<_>>()
        };
        let (positive, negative) = (side(&first.positive), side(&first.negative));
        let starts = start.map(|start| {
            let mut starts = StartsWriter::default();
            starts.put(&mut bits, 0, time, start);
            starts
        });
        HistogramWriter {
            layout: first.layout.clone(),
            time,
            delta: 0,
            count,
            zero_count,
            sum: XorSlot::first(first.sum),
            positive,
            negative,
            starts,
            bytes,
            free,
        }
    }

    /// How a histogram goes with those in the chunk, by Prometheus' rules: a chunk of counters holds
    /// no reset, one of gauges nothing else, and behind a stale marker there are only stale markers.
    #[must_use]
    pub fn fit(&self, next: &Histogram<T>) -> Fit {
        let gauge = next.counter_reset == CounterReset::Gauge;
        let apart = Fit::Apart { reset: false };
        if gauge != (self.header() == CounterReset::Gauge) || self.is_full() {
            return apart;
        }
        let reset = Fit::Apart { reset: true };
        if next.counter_reset == CounterReset::Reset {
            return reset;
        }
        let stale = common_model::is_stale_marker(self.sum.value());
        if next.is_stale() || stale {
            return if next.is_stale() { Fit::Inside } else { apart };
        }
        if !gauge && next.count < T::value(&self.count) {
            return reset;
        }
        if !self.layout.same_scale(&next.layout) {
            return apart;
        }
        if !gauge && next.zero_count < T::value(&self.zero_count) {
            return reset;
        }
        let (layout, other) = (&self.layout, &next.layout);
        let positive = compare(&layout.positive, &self.positive, &other.positive, &next.positive);
        let negative = compare(&layout.negative, &self.negative, &other.negative, &next.negative);
        if !gauge && (positive.fell || negative.fell) {
            return reset;
        }
        if !positive.new && !negative.new {
            return Fit::Inside;
        }
        let side = |compared: &Compared, old: &[Span], new: &[Span]| match compared {
            Compared { new: false, .. } => old.to_vec(),
            Compared { missing: false, .. } => new.to_vec(),
            _ => layout::merge(old, new),
        };
        Fit::Wider(Layout {
            positive: side(&positive, &layout.positive, &other.positive),
            negative: side(&negative, &layout.negative, &other.negative),
            ..layout.clone()
        })
    }

    /// Adds a sample to which [`HistogramWriter::fit`] answered `fit`; another one is not taken. Among
    /// samples with starts its own is not known.
    pub fn append(&mut self, fit: &Fit, time: i64, next: &Histogram<T>) {
        self.append_with_start(fit, time, 0, next);
    }

    /// Adds a sample and since when it counts, zero where that is not known. A chunk without starts
    /// forgets it: whoever has one to keep begins a chunk with starts.
    pub fn append_with_start(&mut self, fit: &Fit, time: i64, start: i64, next: &Histogram<T>) {
        match fit {
            Fit::Apart { .. } => return,
            Fit::Wider(layout) => self.widen(layout),
            Fit::Inside => {}
        }
        let (sample, before) = (self.samples(), self.time);
        self.put(time, next);
        let mut bits = BitWriter { bytes: &mut self.bytes, free: &mut self.free };
        if let Some(starts) = &mut self.starts {
            starts.put(&mut bits, sample, before, start);
        }
        if !self.is_full() {
            self.bytes[1] = self.bytes[1].wrapping_add(1);
            // What is known of resets may stand above the high byte, and stays.
            self.bytes[0] += u8::from(self.bytes[1] == 0);
        }
    }

    /// Writes a sample without its start.
    fn put(&mut self, time: i64, next: &Histogram<T>) {
        let (delta, stale) = (time.wrapping_sub(self.time), next.is_stale());
        let mut bits = BitWriter { bytes: &mut self.bytes, free: &mut self.free };
        varbit::put_int(&mut bits, delta.wrapping_sub(self.delta));
        (self.time, self.delta) = (time, delta);
        if stale {
            T::put_stale(&mut self.count, &mut bits);
            T::put_stale(&mut self.zero_count, &mut bits);
        } else {
            next.count.put_next(&mut self.count, &mut bits);
            next.zero_count.put_next(&mut self.zero_count, &mut bits);
        }
        self.sum.put(&mut bits, next.sum);
        if !stale {
            let (mine, theirs) = (&self.layout, &next.layout);
            put_side(
                &mine.positive,
                &mut self.positive,
                &theirs.positive,
                &next.positive,
                &mut bits,
            );
            put_side(
                &mine.negative,
                &mut self.negative,
                &theirs.negative,
                &next.negative,
                &mut bits,
            );
        }
    }

    /// Writes the chunk again with room for more buckets.
    fn widen(&mut self, layout: &Layout) {
        let wider = |mut histogram: Histogram<T>| {
            let old = std::mem::replace(&mut histogram.layout, layout.clone());
            let (positive, negative) = (&histogram.positive, &histogram.negative);
            histogram.positive = layout::spread(&old.positive, positive, &layout.positive);
            histogram.negative = layout::spread(&old.negative, negative, &layout.negative);
            histogram
        };
        let header = self.header();
        let mut wide: Option<HistogramWriter<T>> = None;
        // The bytes are our own; there is no stale marker among them, behind which nothing fits.
        let reader = match self.starts {
            Some(_) => HistogramReader::<T>::with_starts(&self.bytes),
            None => HistogramReader::<T>::new(&self.bytes),
        };
        if let Ok(mut reader) = reader {
            while let Ok(Some(time)) = reader.next_time() {
                let (start, histogram) = (reader.start(), wider(reader.histogram()));
                match &mut wide {
                    None => {
                        let start = self.starts.is_some().then_some(start);
                        wide = Some(HistogramWriter::begin_either(header, time, start, &histogram));
                    }
                    Some(wide) => wide.append_with_start(&Fit::Inside, time, start, &histogram),
                }
            }
        }
        if let Some(wide) = wide {
            *self = wide;
        }
    }

    /// What the head of the chunk says of resets.
    #[must_use]
    pub fn header(&self) -> CounterReset {
        header(if self.starts.is_some() { self.bytes[0] } else { self.bytes[2] })
    }

    /// Whether the newest sample says that the series ended.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        common_model::is_stale_marker(self.sum.value())
    }

    /// How the chunk is laid out.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        if self.starts.is_some() { T::ENCODING_WITH_STARTS } else { T::ENCODING }
    }

    /// How many samples there are.
    #[must_use]
    pub fn samples(&self) -> u16 {
        samples(self.encoding(), &self.bytes)
    }

    fn is_full(&self) -> bool {
        let max = if self.starts.is_some() { STARTS_SAMPLES_MAX } else { SAMPLES_MAX };
        self.samples() == max
    }

    /// Time of the newest sample.
    #[must_use]
    pub fn last_time(&self) -> i64 {
        self.time
    }

    /// The newest sample.
    #[must_use]
    pub fn last(&self) -> Histogram<T> {
        if common_model::is_stale_marker(self.sum.value()) {
            return Histogram::stale(self.sum.value());
        }
        Histogram {
            counter_reset: self.header(),
            layout: self.layout.clone(),
            count: T::value(&self.count),
            zero_count: T::value(&self.zero_count),
            sum: self.sum.value(),
            positive: absolute::<T>(&self.positive),
            negative: absolute::<T>(&self.negative),
        }
    }

    /// The chunk so far: always complete and readable.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes taken from the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let slots = (self.positive.capacity() + self.negative.capacity()) * size_of::<T::Slot>();
        let spans = self.layout.positive.capacity() + self.layout.negative.capacity();
        self.bytes.capacity()
            + slots
            + spans * size_of::<Span>()
            + self.layout.custom.capacity() * size_of::<f64>()
    }

    /// The finished chunk, as small as it can be.
    #[must_use]
    pub fn finish(self) -> Box<[u8]> {
        self.bytes.into_boxed_slice()
    }
}

/// Writes the buckets of one side; those the histogram lacks are empty.
fn put_side<T: Count>(
    spans: &[Span],
    slots: &mut [T::Slot],
    other: &[Span],
    counts: &[T],
    bits: &mut BitWriter<'_>,
) {
    let spread = (spans != other).then(|| layout::spread(other, counts, spans));
    let counts = spread.as_deref().unwrap_or(counts);
    let mut below = T::default();
    for (slot, count) in slots.iter_mut().zip(counts) {
        count.step(below).put_next(slot, bits);
        below = *count;
    }
}

/// How the buckets of a histogram compare with those of the chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Compared {
    /// A bucket has a smaller count than before, or a filled one is gone.
    fell: bool,
    /// There are buckets that the chunk lacks.
    new: bool,
    /// It lacks buckets of the chunk.
    missing: bool,
}

fn compare<T: Count>(old: &[Span], slots: &[T::Slot], new: &[Span], counts: &[T]) -> Compared {
    let before = absolute::<T>(slots);
    let mut compared = Compared::default();
    if old == new {
        compared.fell = counts.iter().zip(&before).any(|(now, before)| now < before);
        return compared;
    }
    let mut old = layout::numbers(old).zip(before).peekable();
    for (number, now) in layout::numbers(new).zip(counts) {
        while let Some((_, before)) = old.next_if(|(old, _)| *old < number) {
            compared.missing = true;
            compared.fell |= before != T::default();
        }
        match old.next_if(|(old, _)| *old == number) {
            Some((_, before)) => compared.fell |= *now < before,
            None => compared.new = true,
        }
    }
    for (_, before) in old {
        compared.missing = true;
        compared.fell |= before != T::default();
    }
    compared
}
