//! Computing with native histograms: buckets as pairs of index and count, in order of the index.

mod buckets;
mod quantile;
mod reset;
mod running;
mod sum;
mod text;
mod trim;

use std::sync::Arc;

use common_model::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram};

pub(crate) use buckets::{all_buckets, from_pairs, pairs};
pub(crate) use quantile::{NanEffect, fraction, quantile};
pub(crate) use reset::is_reset;
pub(crate) use running::Running;
pub(crate) use sum::{Incompatible, Sum, added, lower_resolution, subtracted};
pub(crate) use text::text;
pub(crate) use trim::trimmed;

/// Whether bounds are listed rather than exponential.
pub(crate) fn is_custom(histogram: &FloatHistogram) -> bool {
    histogram.schema == CUSTOM_BUCKETS_SCHEMA
}

/// Every count times a factor; a negative factor makes it a gauge.
pub(crate) fn scaled(histogram: &FloatHistogram, factor: f64) -> Arc<FloatHistogram> {
    let mut result = histogram.clone();
    each_count(&mut result, |count| count * factor);
    if factor < 0.0 {
        result.counter_reset = common_model::CounterReset::Gauge;
    }
    Arc::new(result)
}

/// Every count divided. Division by zero empties the buckets: they would all be NaN or infinite.
pub(crate) fn divided(histogram: &FloatHistogram, divisor: f64) -> Arc<FloatHistogram> {
    let mut result = histogram.clone();
    each_count(&mut result, |count| count / divisor);
    if divisor == 0.0 {
        result.positive_spans.clear();
        result.negative_spans.clear();
        result.positive_buckets.clear();
        result.negative_buckets.clear();
    }
    if divisor < 0.0 {
        result.counter_reset = common_model::CounterReset::Gauge;
    }
    Arc::new(result)
}

fn each_count(histogram: &mut FloatHistogram, f: impl Fn(f64) -> f64) {
    histogram.count = f(histogram.count);
    histogram.sum = f(histogram.sum);
    histogram.zero_count = f(histogram.zero_count);
    histogram.positive_buckets.iter_mut().for_each(|count| *count = f(*count));
    histogram.negative_buckets.iter_mut().for_each(|count| *count = f(*count));
}

/// Leaves out empty buckets and joins spans that touch.
pub(crate) fn compact(histogram: &mut FloatHistogram) {
    let positive = pairs(&histogram.positive_spans, &histogram.positive_buckets);
    (histogram.positive_spans, histogram.positive_buckets) = from_pairs(&positive);
    let negative = pairs(&histogram.negative_spans, &histogram.negative_buckets);
    (histogram.negative_spans, histogram.negative_buckets) = from_pairs(&negative);
}

/// Whether two histograms have the same buckets with the same counts, in whatever spans, and the
/// same totals. NaN equals NaN here, bit for bit.
pub(crate) fn equal(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    let same = |x: f64, y: f64| x.to_bits() == y.to_bits();
    let same_all =
        |x: &[f64], y: &[f64]| x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(*x, *y));
    let same_pairs = |x: &[(i32, f64)], y: &[(i32, f64)]| {
        x.len() == y.len() && x.iter().zip(y).all(|(x, y)| x.0 == y.0 && same(x.1, y.1))
    };
    #[expect(clippy::float_cmp, reason = "equality is exact")]
    let totals =
        a.zero_threshold == b.zero_threshold && a.zero_count == b.zero_count && a.count == b.count;
    a.schema == b.schema
        && totals
        && same(a.sum, b.sum)
        && (!is_custom(a) || same_all(&a.custom_values, &b.custom_values))
        && same_pairs(
            &pairs(&a.positive_spans, &a.positive_buckets),
            &pairs(&b.positive_spans, &b.positive_buckets),
        )
        && same_pairs(
            &pairs(&a.negative_spans, &a.negative_buckets),
            &pairs(&b.negative_spans, &b.negative_buckets),
        )
}
