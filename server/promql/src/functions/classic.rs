//! Quantiles and fractions of classic histograms: cumulative counts up to bounds.

/// A bucket: how many observations are at most `upper`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassicBucket {
    pub(super) upper: f64,
    pub(super) count: f64,
}

/// Relative difference of counts that is taken for rounding.
const ROUNDING: f64 = 1e-12;

/// Sorts buckets and adds those of equal bounds up; nothing unless the last one is +Inf.
fn ordered(buckets: &mut [ClassicBucket]) -> Option<&mut [ClassicBucket]> {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    if buckets.last()?.upper != f64::INFINITY {
        return None;
    }
    let mut kept = 0;
    for at in 1..buckets.len() {
        #[expect(clippy::float_cmp, reason = "equal bounds are equal in every bit")]
        if buckets[at].upper == buckets[kept].upper {
            buckets[kept].count += buckets[at].count;
        } else {
            kept += 1;
            buckets[kept] = buckets[at];
        }
    }
    Some(&mut buckets[..=kept])
}

/// Makes counts rise with the bounds; tells whether more than rounding was wrong.
fn force_monotonic(buckets: &mut [ClassicBucket]) -> bool {
    let mut forced = false;
    let Some(first) = buckets.first() else { return false };
    let mut before = first.count;
    for bucket in &mut buckets[1..] {
        if almost_equal(before, bucket.count) {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            forced = true;
        } else {
            before = bucket.count;
        }
    }
    forced
}

fn almost_equal(a: f64, b: f64) -> bool {
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    difference == 0.0 || difference / sum.min(f64::MAX) < ROUNDING
}

/// The quantile, and whether the counts had to be forced to rise.
pub(super) fn quantile(quantile: f64, buckets: &mut [ClassicBucket]) -> (f64, bool) {
    if quantile.is_nan() {
        return (f64::NAN, false);
    }
    if quantile < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if quantile > 1.0 {
        return (f64::INFINITY, false);
    }
    let Some(buckets) = ordered(buckets) else { return (f64::NAN, false) };
    let forced = force_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 || observations.is_nan() {
        return (f64::NAN, false);
    }
    let mut rank = quantile * observations;
    let at = buckets[..last].iter().position(|b| b.count >= rank).unwrap_or(last);
    if at == last {
        return (buckets[last - 1].upper, forced);
    }
    if at == 0 && buckets[0].upper <= 0.0 {
        return (buckets[0].upper, forced);
    }
    let (mut start, mut count) = (0.0, buckets[at].count);
    if at > 0 {
        start = buckets[at - 1].upper;
        count -= buckets[at - 1].count;
        rank -= buckets[at - 1].count;
    }
    (start + (buckets[at].upper - start) * (rank / count), forced)
}

/// The part of the observations between two values.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut [ClassicBucket]) -> f64 {
    let Some(buckets) = ordered(buckets) else { return f64::NAN };
    let count = buckets.last().map_or(0.0, |b| b.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets).min(count) - rank_of(lower, buckets).min(count)) / count
}

/// How many observations are below a value.
fn rank_of(value: f64, buckets: &[ClassicBucket]) -> f64 {
    let (mut rank, mut start) = (0.0, f64::NEG_INFINITY);
    for bucket in buckets {
        if start == f64::NEG_INFINITY && bucket.upper > 0.0 {
            start = 0.0;
        }
        if start >= value {
            return rank;
        }
        if bucket.upper > value {
            // In a bucket without an end nothing says how far the value is into it.
            if start == f64::NEG_INFINITY || bucket.upper == f64::INFINITY {
                return rank;
            }
            return rank + (bucket.count - rank) * (value - start) / (bucket.upper - start);
        }
        rank = bucket.count;
        start = bucket.upper;
    }
    rank
}
