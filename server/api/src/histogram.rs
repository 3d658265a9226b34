//! Native histograms in JSON: count, sum and the buckets that hold something.

use common_model::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span};

use crate::json::Json;

/// Which of a bucket's bounds belong to it, as the API numbers them.
const OPEN_LEFT: u8 = 0;
const OPEN_RIGHT: u8 = 1;
const CLOSED: u8 = 3;

/// Writes `{"count":"3","sum":"4","buckets":[[0,"1","2","3"]]}`.
pub(crate) fn write(json: &mut Json, histogram: &FloatHistogram) {
    json.raw("{\"count\":").value(histogram.count).raw(",\"sum\":").value(histogram.sum);
    let mut buckets = Vec::new();
    for (index, count) in indexed(&histogram.negative_spans, &histogram.negative_buckets) {
        let (lower, upper) = bounds(histogram, index);
        buckets.push((OPEN_RIGHT, -upper, -beside_zero(histogram, lower), count));
    }
    buckets.reverse();
    if histogram.zero_count > 0.0 {
        let width = histogram.zero_threshold;
        buckets.push((CLOSED, -width, width, histogram.zero_count));
    }
    for (index, count) in indexed(&histogram.positive_spans, &histogram.positive_buckets) {
        let (lower, upper) = bounds(histogram, index);
        // Minus infinity belongs to the first of listed buckets.
        let is_first = histogram.schema == CUSTOM_BUCKETS_SCHEMA && index == 0;
        let kind = if is_first { CLOSED } else { OPEN_LEFT };
        buckets.push((kind, beside_zero(histogram, lower), upper, count));
    }
    buckets.retain(|bucket| bucket.3 != 0.0);
    if !buckets.is_empty() {
        json.raw(",\"buckets\":");
        json.list(buckets, |json, (kind, lower, upper, count)| {
            json.raw("[").number(kind).raw(",").value(lower).raw(",").value(upper);
            json.raw(",").value(count).raw("]");
        });
    }
    json.raw("}");
}

/// Bucket numbers with their counts.
fn indexed<'a>(spans: &'a [Span], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut next = 0_i32;
    let indexes = spans.iter().flat_map(move |span| {
        let start = next.saturating_add(span.offset);
        next = start.saturating_add_unsigned(span.length);
        start..next
    });
    indexes.zip(counts.iter().copied())
}

/// The bound nearer to zero of a bucket, which ends where the zero bucket begins.
fn beside_zero(histogram: &FloatHistogram, bound: f64) -> f64 {
    if bound > 0.0 { bound.max(histogram.zero_threshold) } else { bound }
}

/// Lower and upper bound of a positive bucket.
fn bounds(histogram: &FloatHistogram, index: i32) -> (f64, f64) {
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA {
        let bound = |index: i32| match usize::try_from(index) {
            Ok(index) => histogram.custom_values.get(index).copied().unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        };
        return (bound(index.saturating_sub(1)), bound(index));
    }
    let bound = |index: i32| (f64::from(index) * (-f64::from(histogram.schema)).exp2()).exp2();
    (bound(index.saturating_sub(1)), bound(index))
}
