//! Quantiles and fractions of native histograms.

use common_model::FloatHistogram;

use super::buckets::{Bucket, all_buckets};
use super::is_custom;

/// A result, and what observations of NaN did to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NanEffect {
    /// There are none, or they do not matter.
    None,
    /// The result is NaN because of them.
    Result,
    /// The quantile comes out higher than without them.
    Skew,
}

/// Interpolated inside buckets: linearly in custom ones and the zero bucket, on a logarithmic
/// scale in exponential ones.
pub(crate) fn quantile(histogram: &FloatHistogram, quantile: f64) -> (f64, NanEffect) {
    let none = |value| (value, NanEffect::None);
    if quantile < 0.0 {
        return none(f64::NEG_INFINITY);
    }
    if quantile > 1.0 {
        return none(f64::INFINITY);
    }
    if histogram.count == 0.0 || quantile.is_nan() {
        return none(f64::NAN);
    }
    let mut buckets = all_buckets(histogram);
    let total: f64 = buckets.iter().map(|b| b.count).sum();
    // NaN is counted but lies in no bucket; it is taken to be larger than all buckets.
    let has_nan = histogram.sum.is_nan() && total < histogram.count;
    let forward = histogram.sum.is_nan() || quantile < 0.5;
    if !forward {
        buckets.reverse();
    }
    let rank = if forward { quantile } else { 1.0 - quantile } * histogram.count;
    let mut count = 0.0;
    let mut found: Option<Bucket> = None;
    for bucket in buckets.iter().filter(|b| b.count != 0.0) {
        count += bucket.count;
        found = Some(*bucket);
        if count >= rank {
            break;
        }
    }
    let Some(mut bucket) = found else {
        return (f64::NAN, if has_nan { NanEffect::Result } else { NanEffect::None });
    };
    if is_custom(histogram) {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return none(bucket.upper);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            if count < rank && has_nan {
                return (f64::NAN, NanEffect::Result);
            }
            return (bucket.lower, if has_nan { NanEffect::Skew } else { NanEffect::None });
        }
    } else {
        fit_zero_bucket(histogram, &mut bucket);
    }
    let count = count.min(histogram.count);
    if count < rank {
        let effect = if has_nan { NanEffect::Result } else { NanEffect::None };
        return (if has_nan { f64::NAN } else { bucket.upper }, effect);
    }
    let effect = if has_nan { NanEffect::Skew } else { NanEffect::None };
    let into = if forward { rank - (count - bucket.count) } else { count - rank };
    (interpolated(histogram, &bucket, into / bucket.count), effect)
}

fn interpolated(histogram: &FloatHistogram, bucket: &Bucket, fraction: f64) -> f64 {
    if is_custom(histogram) || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 {
        (lower + (upper - lower) * fraction).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - fraction)).exp2()
    }
}

/// Where all other observations have one sign, those of the zero bucket have it too.
fn fit_zero_bucket(histogram: &FloatHistogram, bucket: &mut Bucket) {
    if bucket.lower < 0.0 && bucket.upper > 0.0 {
        let positive = !histogram.positive_buckets.is_empty();
        let negative = !histogram.negative_buckets.is_empty();
        if positive && !negative {
            bucket.lower = 0.0;
        } else if negative && !positive {
            bucket.upper = 0.0;
        }
    }
}

/// Which part of the observations lies between two values; the flag says that there are NaN
/// observations, which lie nowhere.
pub(crate) fn fraction(histogram: &FloatHistogram, lower: f64, upper: f64) -> (f64, bool) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, false);
    }
    if lower >= upper {
        return (0.0, false);
    }
    let buckets = all_buckets(histogram);
    let total: f64 = buckets.iter().map(|b| b.count).sum();
    let has_nan = histogram.sum.is_nan() && total < histogram.count;
    let most = if has_nan { total } else { histogram.count };
    let upper_rank = rank_of(histogram, &buckets, upper).unwrap_or(most).min(most);
    let lower_rank = rank_of(histogram, &buckets, lower).unwrap_or(most).min(most);
    ((upper_rank - lower_rank) / histogram.count, has_nan)
}

/// How many observations lie below a value; nothing when all buckets do.
fn rank_of(histogram: &FloatHistogram, buckets: &[Bucket], value: f64) -> Option<f64> {
    let mut rank = 0.0;
    for bucket in buckets {
        let mut bucket = *bucket;
        let zero = !is_custom(histogram) && bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if zero {
            fit_zero_bucket(histogram, &mut bucket);
        }
        if is_custom(histogram) && bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 {
            bucket.lower = 0.0;
        }
        if bucket.lower >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            if bucket.lower == f64::NEG_INFINITY {
                return Some(rank);
            }
            if bucket.upper == f64::INFINITY {
                return Some(rank);
            }
            let part = if is_custom(histogram) || zero {
                (value - bucket.lower) / (bucket.upper - bucket.lower)
            } else {
                logarithmic_part(&bucket, value)
            };
            return Some(rank + bucket.count * part);
        }
        rank += bucket.count;
    }
    None
}

fn logarithmic_part(bucket: &Bucket, value: f64) -> f64 {
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let value_log = value.abs().log2();
    if value > 0.0 {
        (value_log - lower) / (upper - lower)
    } else {
        1.0 - (value_log - upper) / (lower - upper)
    }
}
