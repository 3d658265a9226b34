//! Native histograms in chunks (Prometheus' `tsdb/chunkenc/{histogram,float_histogram}.go`, and with
//! starts `{histogram,float_histogram}_st.go`).
//!
//! All histograms of a chunk have one layout of buckets, which its head says once. Two bytes number
//! of samples, a byte with what is known of counter resets, the layout, and then sample by sample
//! time, count, zero count, sum and buckets. Integer counts are changes of changes, float counts
//! XORs with the value before; the rest is the same, and written once for both. Where samples have
//! starts, the third byte is about these, and what is known of resets takes two bits of the number.

mod count;
mod layout;
mod reader;
mod validate;
mod writer;

pub use count::Count;
pub use layout::Layout;
pub use reader::HistogramReader;
pub use validate::validate;
pub use writer::{Fit, HistogramWriter};

use common_model::{CounterReset, FloatHistogram, is_stale_marker};

use super::Encoding;

/// Most buckets of one side; Prometheus' scraper refuses far fewer, its encoding knows no limit.
pub const BUCKETS_MAX: usize = 1 << 18;
/// Buckets are numbered from minus that to that; schema 8 needs a quarter of a million.
pub const BUCKET_INDEX_MAX: i64 = 1 << 30;
/// Most samples that a chunk with starts can say it has, in what counter resets leave of two bytes.
pub const STARTS_SAMPLES_MAX: u16 = 0x3fff;

/// A histogram with counts of one kind: `i64` or `f64`. Buckets are absolute counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram<T> {
    /// What is known of resets before it.
    pub counter_reset: CounterReset,
    /// Where its buckets lie.
    pub layout: Layout,
    /// All observations.
    pub count: T,
    /// Observations in the zero bucket.
    pub zero_count: T,
    /// Sum of all observations.
    pub sum: f64,
    /// Counts of the positive, or custom, buckets.
    pub positive: Vec<T>,
    /// Counts of the negative buckets.
    pub negative: Vec<T>,
}

/// A histogram with counts of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyHistogram {
    /// As applications count.
    Integer(Histogram<i64>),
    /// As queries compute.
    Float(Histogram<f64>),
}

impl AnyHistogram {
    /// How many buckets it has.
    #[must_use]
    pub fn buckets(&self) -> usize {
        match self {
            AnyHistogram::Integer(h) => h.positive.len() + h.negative.len(),
            AnyHistogram::Float(h) => h.positive.len() + h.negative.len(),
        }
    }

    /// A stale marker for series whose samples have this encoding; floats have one of their own.
    #[must_use]
    pub fn stale(encoding: Encoding, sum: f64) -> Option<AnyHistogram> {
        match encoding {
            Encoding::Xor | Encoding::Xor2 => None,
            Encoding::Histogram | Encoding::HistogramStarts => {
                Some(AnyHistogram::Integer(Histogram::stale(sum)))
            }
            Encoding::FloatHistogram | Encoding::FloatHistogramStarts => {
                Some(AnyHistogram::Float(Histogram::stale(sum)))
            }
        }
    }
}

impl<T: Count> Histogram<T> {
    /// A stale marker in the place of a histogram.
    #[must_use]
    pub fn stale(sum: f64) -> Histogram<T> {
        Histogram { sum, ..Histogram::default() }
    }

    /// Whether it says that the series ended.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        is_stale_marker(self.sum)
    }

    /// Whether the buckets are as many as the spans say, ascending and within bounds.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let side = |spans: &[common_model::Span], counts: &[T]| {
            layout::are_sound(spans) && layout::buckets(spans) == counts.len()
        };
        side(&self.layout.positive, &self.positive) && side(&self.layout.negative, &self.negative)
    }

    /// The form that queries compute with.
    #[must_use]
    pub fn into_float(self) -> FloatHistogram {
        let floats = |counts: Vec<T>| counts.into_iter().map(Count::to_float).collect();
        FloatHistogram {
            counter_reset: self.counter_reset,
            schema: self.layout.schema,
            zero_threshold: self.layout.zero_threshold,
            zero_count: self.zero_count.to_float(),
            count: self.count.to_float(),
            sum: self.sum,
            positive_spans: self.layout.positive,
            negative_spans: self.layout.negative,
            positive_buckets: floats(self.positive),
            negative_buckets: floats(self.negative),
            custom_values: self.layout.custom,
        }
    }

    /// Whether both say the same, however their spans are cut; the hint does not count.
    #[must_use]
    pub fn same_counts(&self, other: &Histogram<T>) -> bool {
        self.sum.to_bits() == other.sum.to_bits()
            && (self.is_stale()
                || self.count == other.count
                    && self.zero_count == other.zero_count
                    && self.layout.same_scale(&other.layout)
                    && filled(&self.layout.positive, &self.positive)
                        .eq(filled(&other.layout.positive, &other.positive))
                    && filled(&self.layout.negative, &self.negative)
                        .eq(filled(&other.layout.negative, &other.negative)))
    }
}

/// Numbers and counts of the buckets that are not empty.
fn filled<'a, T: Count>(
    spans: &'a [common_model::Span],
    counts: &'a [T],
) -> impl Iterator<Item = (i64, T)> + 'a {
    layout::numbers(spans).zip(counts.iter().copied()).filter(|(_, n)| *n != T::default())
}

impl From<&FloatHistogram> for Histogram<f64> {
    fn from(histogram: &FloatHistogram) -> Histogram<f64> {
        Histogram {
            counter_reset: histogram.counter_reset,
            layout: Layout::of(histogram),
            count: histogram.count,
            zero_count: histogram.zero_count,
            sum: histogram.sum,
            positive: histogram.positive_buckets.clone(),
            negative: histogram.negative_buckets.clone(),
        }
    }
}

impl Histogram<i64> {
    /// The histogram with integer counts, where all counts are integers that a float holds exactly.
    #[must_use]
    pub fn from_float(histogram: &FloatHistogram) -> Option<Histogram<i64>> {
        const EXACT_MAX: f64 = (1_u64 << 53) as f64;
        let integer = |count: f64| {
            ((0.0..=EXACT_MAX).contains(&count) && count.fract() == 0.0).then_some(count as i64)
        };
        let all = |counts: &[f64]| counts.iter().map(|n| integer(*n)).collect::<Option<Vec<i64>>>();
        Some(Histogram {
            counter_reset: histogram.counter_reset,
            layout: Layout::of(histogram),
            count: integer(histogram.count)?,
            zero_count: integer(histogram.zero_count)?,
            sum: histogram.sum,
            positive: all(&histogram.positive_buckets)?,
            negative: all(&histogram.negative_buckets)?,
        })
    }
}
