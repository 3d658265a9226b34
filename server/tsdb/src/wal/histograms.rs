//! Records of histogram samples: integer and float counts, with exponential or custom buckets.
//!
//! A record has number and time of its first sample whole; every sample then has its differences
//! from those, and the histogram. Kinds 7 and 8 are integers and floats, 9 and 10 the same with
//! custom bounds behind each. Kinds 12 and 13 are integers and floats with start times, with bounds
//! behind those that have some.

use common_model::{CUSTOM_BUCKETS_SCHEMA, CounterReset, Span};

use super::started::Places;
use crate::chunk::histogram::{AnyHistogram, Count, Histogram, Layout};
use crate::codec::{Cursor, push_uvarint, push_varint};

/// First bytes of such records.
pub const KINDS: [u8; 6] = [7, 8, 9, 10, INTEGERS_STARTED, FLOATS_STARTED];
const INTEGERS_STARTED: u8 = 12;
const FLOATS_STARTED: u8 = 13;

/// Hints in the order of their numbers.
const HINTS: [CounterReset; 4] =
    [CounterReset::Unknown, CounterReset::Reset, CounterReset::NotReset, CounterReset::Gauge];

/// One histogram sample of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct RefHistogram {
    /// Number of the series.
    pub series: u64,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// Since when it counts; zero where that is not known.
    pub start: i64,
    /// The value.
    pub histogram: AnyHistogram,
}

/// The first byte of the record a histogram belongs into that counts since `start`.
#[must_use]
pub fn kind_of(histogram: &AnyHistogram, start: i64) -> u8 {
    let (kind, schema) = match histogram {
        AnyHistogram::Integer(_) if start != 0 => return INTEGERS_STARTED,
        AnyHistogram::Float(_) if start != 0 => return FLOATS_STARTED,
        AnyHistogram::Integer(h) => (7, h.layout.schema),
        AnyHistogram::Float(h) => (8, h.layout.schema),
    };
    if schema == CUSTOM_BUCKETS_SCHEMA { kind + 2 } else { kind }
}

/// A record that is being written; what is added must be of its kind.
#[derive(Debug)]
pub struct HistogramRecord {
    bytes: Vec<u8>,
    kind: u8,
    /// Place of the first sample, where they have no starts.
    first: Option<(u64, i64)>,
    /// Places of samples that have.
    places: Places,
}

impl HistogramRecord {
    /// Starts a record.
    #[must_use]
    pub fn new(kind: u8) -> HistogramRecord {
        HistogramRecord { bytes: vec![kind], kind, first: None, places: Places::default() }
    }

    /// Adds a sample.
    pub fn push(&mut self, sample: &RefHistogram) {
        self.push_place(sample.series, sample.time, sample.start);
        match &sample.histogram {
            AnyHistogram::Integer(h) => self.push_value(h),
            AnyHistogram::Float(h) => self.push_value(h),
        }
    }

    /// Adds a sample whose histogram is written already.
    pub(super) fn push_raw(&mut self, sample: &RefHistogram, histogram: &[u8]) {
        self.push_place(sample.series, sample.time, sample.start);
        self.bytes.extend_from_slice(histogram);
    }

    fn push_place(&mut self, series: u64, time: i64, start: i64) {
        if has_starts(self.kind) {
            self.places.push(&mut self.bytes, (series, time, start));
            return;
        }
        let (first_series, first_time) = *self.first.get_or_insert_with(|| {
            self.bytes.extend_from_slice(&series.to_be_bytes());
            self.bytes.extend_from_slice(&time.to_be_bytes());
            (series, time)
        });
        push_varint(&mut self.bytes, series.wrapping_sub(first_series) as i64);
        push_varint(&mut self.bytes, time.wrapping_sub(first_time));
    }

    fn push_value<T: Logged>(&mut self, h: &Histogram<T>) {
        let (out, layout) = (&mut self.bytes, &h.layout);
        out.push(HINTS.iter().position(|hint| *hint == h.counter_reset).unwrap_or(0) as u8);
        push_varint(out, i64::from(layout.schema));
        out.extend_from_slice(&layout.zero_threshold.to_bits().to_be_bytes());
        h.zero_count.push_total(out);
        h.count.push_total(out);
        out.extend_from_slice(&h.sum.to_bits().to_be_bytes());
        for spans in [&layout.positive, &layout.negative] {
            push_uvarint(out, spans.len() as u64);
            for span in spans {
                push_varint(out, i64::from(span.offset));
                push_uvarint(out, u64::from(span.length));
            }
        }
        for counts in [&h.positive, &h.negative] {
            push_uvarint(out, counts.len() as u64);
            let mut below = T::default();
            for count in counts {
                count.step(below).push_bucket(out);
                below = *count;
            }
        }
        if has_bounds(self.kind, layout.schema) {
            push_uvarint(out, layout.custom.len() as u64);
            for bound in &layout.custom {
                out.extend_from_slice(&bound.to_bits().to_be_bytes());
            }
        }
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == 1
    }

    /// The whole record.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn has_starts(kind: u8) -> bool {
    matches!(kind, INTEGERS_STARTED | FLOATS_STARTED)
}

/// Whether custom bounds stand behind a histogram in a record of that kind.
fn has_bounds(kind: u8, schema: i32) -> bool {
    matches!(kind, 9 | 10) || has_starts(kind) && schema == CUSTOM_BUCKETS_SCHEMA
}

/// Reads a record of histograms, calling `each` with samples and the bytes of their histograms.
/// One whose buckets contradict its spans ends the reading, like one that ends early.
pub fn decode(record: &[u8], mut each: impl FnMut(RefHistogram, &[u8])) -> Result<(), String> {
    let Some((kind, rest)) = record.split_first().filter(|(kind, _)| KINDS.contains(kind)) else {
        return Err("not a record of histograms".to_owned());
    };
    let mut cursor = Cursor { rest };
    let mut places = Places::default();
    let mut first = (0, 0);
    if !has_starts(*kind) && !cursor.rest.is_empty() {
        let (Some(series), Some(time)) = (cursor.be64(), cursor.be64()) else {
            return Err("histograms record ends inside its head".to_owned());
        };
        first = (series, time as i64);
    }
    while !cursor.rest.is_empty() {
        let place = if has_starts(*kind) {
            places.next(&mut cursor)
        } else {
            let (series, time) = first;
            let mut more = || Some((cursor.varint()? as u64, cursor.varint()?));
            more().map(|more| (series.wrapping_add(more.0), time.wrapping_add(more.1), 0))
        };
        let (series, time, start) = place.ok_or("histograms record ends inside a sample")?;
        let before = cursor.rest;
        let histogram = match *kind {
            7 | 9 | INTEGERS_STARTED => histogram(&mut cursor, *kind).map(AnyHistogram::Integer),
            _ => histogram(&mut cursor, *kind).map(AnyHistogram::Float),
        };
        let histogram = histogram.ok_or("histograms record holds an impossible histogram")?;
        let sample = RefHistogram { series, time, start, histogram };
        each(sample, &before[..before.len() - cursor.rest.len()]);
    }
    Ok(())
}

fn histogram<T: Logged>(cursor: &mut Cursor<'_>, kind: u8) -> Option<Histogram<T>> {
    let counter_reset = *HINTS.get(usize::from(cursor.byte()?))?;
    let schema = i32::try_from(cursor.varint()?).ok()?;
    let zero_threshold = f64::from_bits(cursor.be64()?);
    let (zero_count, count) = (T::read_total(cursor)?, T::read_total(cursor)?);
    let sum = f64::from_bits(cursor.be64()?);
    let (positive_spans, negative_spans) = (spans(cursor)?, spans(cursor)?);
    let (positive, negative) = (buckets::<T>(cursor)?, buckets::<T>(cursor)?);
    let mut custom = Vec::new();
    if has_bounds(kind, schema) {
        for _ in 0..cursor.uvarint()? {
            custom.push(f64::from_bits(cursor.be64()?));
        }
    }
    let layout = Layout {
        schema,
        zero_threshold,
        positive: positive_spans,
        negative: negative_spans,
        custom,
    };
    let histogram = Histogram { counter_reset, layout, count, zero_count, sum, positive, negative };
    histogram.is_sound().then_some(histogram)
}

fn spans(cursor: &mut Cursor<'_>) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for _ in 0..cursor.uvarint()? {
        let offset = i32::try_from(cursor.varint()?).ok()?;
        spans.push(Span { offset, length: u32::try_from(cursor.uvarint()?).ok()? });
    }
    Some(spans)
}

fn buckets<T: Logged>(cursor: &mut Cursor<'_>) -> Option<Vec<T>> {
    let (mut counts, mut below) = (Vec::new(), T::default());
    for _ in 0..cursor.uvarint()? {
        below = T::read_bucket(cursor)?.unstep(below);
        counts.push(below);
    }
    Some(counts)
}

/// How counts stand in the log.
trait Logged: Count {
    fn push_total(self, out: &mut Vec<u8>);
    fn push_bucket(self, out: &mut Vec<u8>);
    fn read_total(cursor: &mut Cursor<'_>) -> Option<Self>;
    fn read_bucket(cursor: &mut Cursor<'_>) -> Option<Self>;
}

impl Logged for i64 {
    fn push_total(self, out: &mut Vec<u8>) {
        push_uvarint(out, self as u64);
    }

    fn push_bucket(self, out: &mut Vec<u8>) {
        push_varint(out, self);
    }

    fn read_total(cursor: &mut Cursor<'_>) -> Option<i64> {
        cursor.uvarint().map(|count| count as i64)
    }

    fn read_bucket(cursor: &mut Cursor<'_>) -> Option<i64> {
        cursor.varint()
    }
}

impl Logged for f64 {
    fn push_total(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bits().to_be_bytes());
    }

    fn push_bucket(self, out: &mut Vec<u8>) {
        self.push_total(out);
    }

    fn read_total(cursor: &mut Cursor<'_>) -> Option<f64> {
        cursor.be64().map(f64::from_bits)
    }

    fn read_bucket(cursor: &mut Cursor<'_>) -> Option<f64> {
        cursor.be64().map(f64::from_bits)
    }
}
