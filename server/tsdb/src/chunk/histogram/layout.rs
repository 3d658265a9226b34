//! Where the buckets of a chunk's histograms lie: its head, and how two layouts become one.

use common_model::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span};

use super::super::bits::{BitReader, BitWriter};
use super::super::varbit;
use super::{BUCKET_INDEX_MAX, BUCKETS_MAX};

/// Custom bounds of at most three decimals up to that, times a thousand, are stored as integers.
const SHORT_BOUND_MAX: f64 = 33_554_430.0;

/// Everything about a histogram that does not change from sample to sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Resolution, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Positive, or custom, buckets.
    pub positive: Vec<Span>,
    /// Negative buckets.
    pub negative: Vec<Span>,
    /// Upper bounds of custom buckets.
    pub custom: Vec<f64>,
}

impl Layout {
    /// The layout of a histogram.
    #[must_use]
    pub fn of(histogram: &FloatHistogram) -> Layout {
        Layout {
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            positive: histogram.positive_spans.clone(),
            negative: histogram.negative_spans.clone(),
            custom: histogram.custom_values.clone(),
        }
    }

    /// Whether buckets with the same number mean the same in both.
    #[must_use]
    pub fn same_scale(&self, other: &Layout) -> bool {
        self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && (self.schema != CUSTOM_BUCKETS_SCHEMA || same_bits(&self.custom, &other.custom))
    }

    /// Writes the head of a chunk behind its first three bytes.
    pub(super) fn put(&self, out: &mut BitWriter<'_>) {
        match threshold_exponent(self.zero_threshold) {
            Some(code) => out.put(u64::from(code), 8),
            None => {
                out.put(255, 8);
                out.put(self.zero_threshold.to_bits(), 64);
            }
        }
        varbit::put_int(out, i64::from(self.schema));
        for spans in [&self.positive, &self.negative] {
            varbit::put_uint(out, spans.len() as u64);
            for span in spans {
                varbit::put_uint(out, u64::from(span.length));
                varbit::put_int(out, i64::from(span.offset));
            }
        }
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            varbit::put_uint(out, self.custom.len() as u64);
            for bound in &self.custom {
                put_bound(out, *bound);
            }
        }
    }

    /// Reads what [`Layout::put`] wrote. `None` when the bits end, or the spans make no sense.
    pub(super) fn read(bits: &mut BitReader<'_>) -> Option<Layout> {
        let zero_threshold = match bits.bits(8)? {
            0 => 0.0,
            255 => f64::from_bits(bits.bits(64)?),
            code => 2_f64.powi(code as i32 - 244),
        };
        let schema = i32::try_from(varbit::int(bits)?).ok()?;
        let (positive, negative) = (read_spans(bits)?, read_spans(bits)?);
        let mut custom = Vec::new();
        if schema == CUSTOM_BUCKETS_SCHEMA {
            for _ in 0..varbit::uint(bits)? {
                custom.push(match varbit::uint(bits)? {
                    0 => f64::from_bits(bits.bits(64)?),
                    code => (code - 1) as f64 / 1000.0,
                });
            }
        }
        Some(Layout { schema, zero_threshold, positive, negative, custom })
    }
}

/// The byte that says a threshold which is a power of two; 0 for none at all.
fn threshold_exponent(threshold: f64) -> Option<u8> {
    if threshold == 0.0 {
        return Some(0);
    }
    let exponent = threshold.log2() as i32 + 244;
    ((1..=254).contains(&exponent) && 2_f64.powi(exponent - 244) == threshold)
        .then_some(exponent as u8)
}

fn put_bound(out: &mut BitWriter<'_>, bound: f64) {
    let thousandths = bound * 1000.0;
    let whole = thousandths.round();
    if (0.0..=SHORT_BOUND_MAX).contains(&thousandths) && whole / 1000.0 == bound {
        varbit::put_uint(out, whole as u64 + 1);
        return;
    }
    out.put(0, 1);
    out.put(bound.to_bits(), 64);
}

fn read_spans(bits: &mut BitReader<'_>) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for _ in 0..varbit::uint(bits)? {
        let length = u32::try_from(varbit::uint(bits)?).ok()?;
        let offset = i32::try_from(varbit::int(bits)?).ok()?;
        spans.push(Span { offset, length });
    }
    are_sound(&spans).then_some(spans)
}

/// Whether buckets ascend, and are neither too many nor out of all bounds.
pub(super) fn are_sound(spans: &[Span]) -> bool {
    let (mut next, mut count) = (0_i64, 0_u64);
    spans.iter().enumerate().all(|(at, span)| {
        next = next.saturating_add(i64::from(span.offset)).saturating_add(i64::from(span.length));
        count = count.saturating_add(u64::from(span.length));
        let start = next - i64::from(span.length);
        (at == 0 || span.offset >= 0)
            && (-BUCKET_INDEX_MAX..=BUCKET_INDEX_MAX).contains(&start)
            && next <= BUCKET_INDEX_MAX
            && count <= BUCKETS_MAX as u64
    })
}

/// How many buckets spans have.
#[must_use]
pub(crate) fn buckets(spans: &[Span]) -> usize {
    spans.iter().fold(0, |sum, span| usize::saturating_add(sum, span.length as usize))
}

/// The numbers of the buckets of spans, ascending.
pub(super) fn numbers(spans: &[Span]) -> impl Iterator<Item = i64> + '_ {
    let mut next = 0_i64;
    spans.iter().flat_map(move |span| {
        let start = next + i64::from(span.offset);
        next = start + i64::from(span.length);
        start..next
    })
}

/// Spans with the buckets of both.
pub(super) fn merge(a: &[Span], b: &[Span]) -> Vec<Span> {
    let (mut a, mut b) = (numbers(a).peekable(), numbers(b).peekable());
    let mut merged: Vec<Span> = Vec::new();
    let mut end = 0_i64;
    while let Some(number) = a.peek().into_iter().chain(b.peek()).copied().min() {
        a.next_if_eq(&number);
        b.next_if_eq(&number);
        match merged.last_mut().filter(|_| number == end) {
            Some(span) => span.length += 1,
            // Numbers are within bounds whose difference fits.
            None => merged.push(Span { offset: (number - end) as i32, length: 1 }),
        }
        end = number + 1;
    }
    merged
}

/// Counts of the buckets of `wide`, from those of `narrow`, all of which `wide` has.
pub(super) fn spread<T: Copy + Default>(narrow: &[Span], counts: &[T], wide: &[Span]) -> Vec<T> {
    let mut known = numbers(narrow).zip(counts.iter().copied()).peekable();
    let mut count = |number| known.next_if(|(n, _)| *n == number).map(|(_, count)| count);
    numbers(wide).map(|number| count(number).unwrap_or_default()).collect()
}

/// Whether floats are the same, bit by bit.
fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
