//! `</` and `>/`: observations above or below a value are taken out of a histogram.

use std::sync::Arc;

use common_model::FloatHistogram;

use super::buckets::{Bucket, negative_buckets, positive_buckets};
use super::{compact, is_custom};

/// Where to cut, and which side stays.
#[derive(Clone, Copy)]
struct Cut {
    at: f64,
    /// What is below stays.
    keeps_lower: bool,
}

/// How the observations of a bucket lie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// Evenly, as in custom buckets and the zero bucket.
    Linear,
    /// Evenly on a logarithmic scale.
    Exponential,
}

/// What stays in all.
#[derive(Default)]
struct Kept {
    count: f64,
    sum: f64,
    /// Whether anything went.
    less: bool,
}

/// Keeps the observations below or above a value. Those of a bucket that is cut are taken to be
/// spread as quantiles take them, and the sum is what the middles of the kept parts make it;
/// where nothing goes it stays exact.
pub(crate) fn trimmed(histogram: &FloatHistogram, at: f64, upper: bool) -> Arc<FloatHistogram> {
    let mut result = histogram.clone();
    let cut = Cut { at, keeps_lower: upper };
    let mut kept = Kept::default();
    let spread = if is_custom(histogram) { Spread::Linear } else { Spread::Exponential };
    for (bucket, count) in positive_buckets(histogram).into_iter().zip(&mut result.positive_buckets)
    {
        *count = keep(bucket, cut, spread, &mut kept);
    }
    for (bucket, count) in negative_buckets(histogram).into_iter().zip(&mut result.negative_buckets)
    {
        *count = keep(bucket, cut, spread, &mut kept);
    }
    if histogram.zero_count != 0.0 {
        let (lower, upper) = zero_bounds(histogram);
        let zero = Bucket { lower, upper, count: histogram.zero_count, index: 0 };
        result.zero_count = keep(zero, cut, Spread::Linear, &mut kept);
    }
    if kept.less {
        result.count = kept.count;
        result.sum = if kept.count == 0.0 { 0.0 } else { kept.sum };
    }
    compact(&mut result);
    Arc::new(result)
}

/// A zero bucket beside buckets of one sign holds observations of that sign.
fn zero_bounds(histogram: &FloatHistogram) -> (f64, f64) {
    let threshold = histogram.zero_threshold;
    match (histogram.positive_buckets.is_empty(), histogram.negative_buckets.is_empty()) {
        (false, true) => (0.0, threshold),
        (true, false) => (-threshold, 0.0),
        _ => (-threshold, threshold),
    }
}

/// What stays of a bucket.
fn keep(mut bucket: Bucket, cut: Cut, spread: Spread, kept: &mut Kept) -> f64 {
    if bucket.count == 0.0 {
        return 0.0;
    }
    if bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 && bucket.upper.is_finite() {
        // Custom buckets that begin nowhere and end above zero are read as from zero.
        bucket.lower = 0.0;
    }
    let (lower, upper) = if cut.keeps_lower {
        (bucket.lower, bucket.upper.min(cut.at))
    } else {
        (bucket.lower.max(cut.at), bucket.upper)
    };
    let whole = if cut.keeps_lower { bucket.upper <= cut.at } else { bucket.lower >= cut.at };
    let inside = bucket.lower < cut.at && cut.at < bucket.upper;
    let count = if whole {
        bucket.count
    } else if !inside {
        0.0
    } else if bucket.lower.is_infinite() || bucket.upper.is_infinite() {
        // Nothing is known of how far they reach: they stay together at the cut, unless the open
        // end is what is cut off.
        let open_end_goes = if cut.keeps_lower { bucket.upper } else { bucket.lower };
        if open_end_goes.is_infinite() { 0.0 } else { bucket.count }
    } else {
        let below = bucket.count * part_below(&bucket, cut.at, spread);
        if cut.keeps_lower { below } else { bucket.count - below }
    };
    kept.less |= !whole;
    if count != 0.0 {
        kept.count += count;
        kept.sum += count * middle(lower, upper, spread);
    }
    count
}

fn middle(lower: f64, upper: f64, spread: Spread) -> f64 {
    if lower.is_infinite() {
        upper
    } else if upper.is_infinite() {
        lower
    } else if spread == Spread::Linear {
        f64::midpoint(lower, upper)
    } else {
        (lower * upper).sqrt().copysign(lower + upper)
    }
}

/// Which part of a bucket lies below a value inside it.
fn part_below(bucket: &Bucket, value: f64, spread: Spread) -> f64 {
    if spread == Spread::Linear {
        return (value - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    (value.abs().log2() - lower) / (upper - lower)
}
