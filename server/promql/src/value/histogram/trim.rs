//! `</` and `>/`: observations above or below a value are taken out of a histogram.

use std::sync::Arc;

use common_model::FloatHistogram;

use super::buckets::{Bucket, negative_buckets, positive_buckets};
use super::{compact, is_custom};

/// Sums up what stays and what goes.
#[derive(Default)]
struct Balance {
    kept: f64,
    removed_sum: f64,
    has_positive: bool,
    has_negative: bool,
}

/// Keeps the observations below (`upper`) or above a value. Inside a bucket they are taken to be
/// spread as quantiles take them; of buckets without end nothing is known, so they go.
pub(crate) fn trimmed(histogram: &FloatHistogram, at: f64, upper: bool) -> Arc<FloatHistogram> {
    let mut result = histogram.clone();
    let custom = is_custom(histogram);
    let mut balance = Balance::default();
    for (bucket, count) in positive_buckets(histogram).iter().zip(&mut result.positive_buckets) {
        if bucket.count != 0.0 {
            balance.has_negative |= custom && (bucket.upper <= 0.0 || bucket.lower < 0.0);
            balance.has_positive |= !custom || bucket.upper > 0.0;
            *count = keep(bucket, at, upper, true, custom, &mut balance);
        }
    }
    for (bucket, count) in negative_buckets(histogram).iter().zip(&mut result.negative_buckets) {
        if bucket.count != 0.0 {
            balance.has_negative = true;
            *count = keep(bucket, at, upper, false, custom, &mut balance);
        }
    }
    if histogram.zero_count > 0.0 {
        let threshold = histogram.zero_threshold;
        let count = histogram.zero_count;
        let zero = Bucket { lower: -threshold, upper: threshold, count, index: 0 };
        let below = split(&zero, at, true, true);
        result.zero_count = if upper { below } else { histogram.zero_count - below };
        balance.kept += result.zero_count;
    }
    result.count = balance.kept;
    result.sum = if balance.kept == 0.0 { 0.0 } else { histogram.sum - balance.removed_sum };
    if (!balance.has_negative && result.sum < 0.0) || (!balance.has_positive && result.sum > 0.0) {
        result.sum = 0.0;
    }
    compact(&mut result);
    Arc::new(result)
}

/// What stays of a bucket.
fn keep(
    bucket: &Bucket,
    at: f64,
    upper: bool,
    positive: bool,
    custom: bool,
    balance: &mut Balance,
) -> f64 {
    let (kept, middle) = cut(bucket, at, upper, positive, custom);
    let whole = if upper { bucket.upper <= at } else { bucket.lower >= at };
    let inside = if upper { bucket.lower < at } else { bucket.upper > at };
    if whole {
        balance.kept += bucket.count;
        return bucket.count;
    }
    if inside {
        balance.removed_sum += (bucket.count - kept) * middle;
        balance.kept += kept;
        return kept;
    }
    let middle = if custom { middle } else { (bucket.lower * bucket.upper).sqrt() };
    balance.removed_sum += bucket.count * middle;
    0.0
}

/// The count that stays, and the value that stands for what goes.
fn cut(bucket: &Bucket, at: f64, upper: bool, positive: bool, custom: bool) -> (f64, f64) {
    if bucket.lower.is_infinite() || bucket.upper.is_infinite() {
        return cut_endless(bucket, at, upper);
    }
    let below = split(bucket, at, positive, custom);
    let other_end = if upper { bucket.lower } else { bucket.upper };
    let middle = if custom {
        f64::midpoint(bucket.lower, bucket.upper)
    } else {
        let root = (other_end.abs() * at.abs()).sqrt();
        if positive { root } else { -root }
    };
    (if upper { below } else { bucket.count - below }, middle)
}

fn cut_endless(bucket: &Bucket, at: f64, upper: bool) -> (f64, f64) {
    if bucket.lower == f64::NEG_INFINITY {
        if (upper && at >= bucket.upper) || (!upper && at <= bucket.lower) {
            return (bucket.count, 0.0);
        }
        // Custom buckets that begin at minus infinity and end above zero are read as from zero.
        if at >= 0.0 && bucket.upper > at && bucket.upper.is_finite() {
            let below = at / bucket.upper;
            return if upper {
                (bucket.count * below, f64::midpoint(at, bucket.upper))
            } else {
                (bucket.count * (1.0 - below), at / 2.0)
            };
        }
        return (0.0, bucket.upper);
    }
    if !upper && at <= bucket.lower { (bucket.count, 0.0) } else { (0.0, bucket.lower) }
}

/// How much of a bucket lies at or below a value.
fn split(bucket: &Bucket, at: f64, positive: bool, linear: bool) -> f64 {
    if at <= bucket.lower {
        return 0.0;
    }
    if at >= bucket.upper {
        return bucket.count;
    }
    let fraction = if linear {
        (at - bucket.lower) / (bucket.upper - bucket.lower)
    } else {
        let (low, high, value) =
            (bucket.lower.abs().log2(), bucket.upper.abs().log2(), at.abs().log2());
        if positive { (value - low) / (high - low) } else { 1.0 - (value - high) / (low - high) }
    };
    bucket.count * fraction
}
