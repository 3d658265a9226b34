//! Adding and subtracting histograms of different resolutions, zero buckets and custom bounds.

use common_model::{CounterReset, FloatHistogram};

use super::buckets::{negative_buckets, positive_buckets};
use super::{compact, from_pairs, is_custom, pairs};

/// Index and count of buckets.
type Pairs = Vec<(i32, f64)>;

/// Exponential and custom buckets do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incompatible;

/// A sum or difference, and what was odd about it.
#[derive(Clone, Debug)]
pub(crate) struct Sum {
    pub(crate) histogram: FloatHistogram,
    /// One said there was a reset, the other that there was none.
    pub(crate) resets_collide: bool,
    /// Custom bounds differed; the result has those that both have.
    pub(crate) reconciled: bool,
}

/// `a + b`
pub(crate) fn added(a: &FloatHistogram, b: &FloatHistogram) -> Result<Sum, Incompatible> {
    combined(a, b, 1.0)
}

/// `a - b`, a gauge.
pub(crate) fn subtracted(a: &FloatHistogram, b: &FloatHistogram) -> Result<Sum, Incompatible> {
    let mut sum = combined(a, b, -1.0)?;
    sum.histogram.counter_reset = CounterReset::Gauge;
    Ok(sum)
}

fn combined(a: &FloatHistogram, b: &FloatHistogram, sign: f64) -> Result<Sum, Incompatible> {
    if is_custom(a) != is_custom(b) {
        return Err(Incompatible);
    }
    let (counter_reset, resets_collide) = common_reset(a.counter_reset, b.counter_reset);
    let mut histogram = FloatHistogram {
        counter_reset,
        schema: a.schema.min(b.schema),
        count: a.count + sign * b.count,
        sum: a.sum + sign * b.sum,
        ..FloatHistogram::default()
    };
    if is_custom(a) {
        let reconciled = a.custom_values != b.custom_values;
        histogram.custom_values = if reconciled {
            common_bounds(&a.custom_values, &b.custom_values)
        } else {
            a.custom_values.clone()
        };
        let left = onto_bounds(a, &histogram.custom_values);
        let right = onto_bounds(b, &histogram.custom_values);
        let merged = merge(&left, &right, sign);
        (histogram.positive_spans, histogram.positive_buckets) = from_pairs(&merged);
        return Ok(Sum { histogram, resets_collide, reconciled });
    }
    let (mut a, mut b) = (a.clone(), b.clone());
    reconcile_zero_buckets(&mut a, &mut b);
    histogram.zero_threshold = a.zero_threshold;
    histogram.zero_count = a.zero_count + sign * b.zero_count;
    let side = |h: &FloatHistogram, positive: bool| {
        let all = if positive {
            pairs(&h.positive_spans, &h.positive_buckets)
        } else {
            pairs(&h.negative_spans, &h.negative_buckets)
        };
        coarser(&all, h.schema, histogram.schema)
    };
    let positive = merge(&side(&a, true), &side(&b, true), sign);
    let negative = merge(&side(&a, false), &side(&b, false), sign);
    (histogram.positive_spans, histogram.positive_buckets) = from_pairs(&positive);
    (histogram.negative_spans, histogram.negative_buckets) = from_pairs(&negative);
    Ok(Sum { histogram, resets_collide, reconciled: false })
}

/// What the reset hints of two summands say of the sum.
fn common_reset(a: CounterReset, b: CounterReset) -> (CounterReset, bool) {
    match (a, b) {
        _ if a == b => (a, false),
        (CounterReset::Gauge, _) | (_, CounterReset::Gauge) => (CounterReset::Gauge, false),
        (CounterReset::Unknown, _) | (_, CounterReset::Unknown) => (CounterReset::Unknown, false),
        _ => (CounterReset::Unknown, true),
    }
}

/// Buckets of a lower resolution: pairs of neighbours fall together, again and again.
pub(crate) fn coarser(buckets: &[(i32, f64)], from: i32, to: i32) -> Vec<(i32, f64)> {
    let shift = u32::try_from(from.saturating_sub(to)).unwrap_or(0).min(31);
    let mut result: Vec<(i32, f64)> = Vec::with_capacity(buckets.len());
    for &(index, count) in buckets {
        let index = (index.saturating_sub(1) >> shift).saturating_add(1);
        match result.last_mut() {
            Some(last) if last.0 == index => last.1 += count,
            _ => result.push((index, count)),
        }
    }
    result
}

fn merge(a: &[(i32, f64)], b: &[(i32, f64)], sign: f64) -> Vec<(i32, f64)> {
    let mut result = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    loop {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                result.push((x.0, x.1 + sign * y.1));
                i += 1;
                j += 1;
            }
            (Some(x), Some(y)) if x.0 < y.0 => {
                result.push(*x);
                i += 1;
            }
            (_, Some(y)) => {
                result.push((y.0, sign * y.1));
                j += 1;
            }
            (Some(x), None) => {
                result.push(*x);
                i += 1;
            }
            (None, None) => return result,
        }
    }
}

fn common_bounds(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().copied().filter(|bound| b.contains(bound)).collect()
}

/// Custom buckets brought onto fewer bounds, each into the bucket that contains it.
fn onto_bounds(histogram: &FloatHistogram, bounds: &[f64]) -> Vec<(i32, f64)> {
    let own = pairs(&histogram.positive_spans, &histogram.positive_buckets);
    if histogram.custom_values == bounds {
        return own;
    }
    let mut result: Vec<(i32, f64)> = Vec::with_capacity(own.len());
    for (index, count) in own {
        let upper = usize::try_from(index).ok().and_then(|at| histogram.custom_values.get(at));
        let target = upper.map_or(bounds.len(), |upper| bounds.partition_point(|b| b < upper));
        let target = i32::try_from(target).unwrap_or(i32::MAX);
        match result.last_mut() {
            Some(last) if last.0 == target => last.1 += count,
            _ => result.push((target, count)),
        }
    }
    result
}

/// Widens the narrower zero bucket until both are alike, taking the buckets it covers in.
pub(crate) fn reconcile_zero_buckets(a: &mut FloatHistogram, b: &mut FloatHistogram) {
    // Widening may overshoot to the bound of a populated bucket, then the other follows; every
    // round swallows a bucket, so there are no more rounds than buckets.
    for _ in 0..a.positive_buckets.len()
        + a.negative_buckets.len()
        + b.positive_buckets.len()
        + b.negative_buckets.len()
        + 2
    {
        if a.zero_threshold < b.zero_threshold {
            widen_zero_bucket(a, b.zero_threshold);
        } else if b.zero_threshold < a.zero_threshold {
            widen_zero_bucket(b, a.zero_threshold);
        } else {
            return;
        }
    }
}

fn widen_zero_bucket(histogram: &mut FloatHistogram, threshold: f64) {
    let positive = positive_buckets(histogram);
    let negative = negative_buckets(histogram);
    let mut threshold = threshold;
    // A populated bucket that the threshold would cut is taken in whole.
    loop {
        let cut = positive.iter().map(|b| (b.lower, b.upper, b.count));
        let cut = cut.chain(negative.iter().map(|b| (-b.upper, -b.lower, b.count)));
        let wider = cut
            .filter(|(near, far, count)| *near < threshold && *far > threshold && *count != 0.0)
            .map(|(_, far, _)| far)
            .fold(threshold, f64::max);
        if wider <= threshold {
            break;
        }
        threshold = wider;
    }
    for (bucket, count) in positive.iter().zip(&mut histogram.positive_buckets) {
        if bucket.lower < threshold {
            histogram.zero_count += bucket.count;
            *count = 0.0;
        }
    }
    for (bucket, count) in negative.iter().zip(&mut histogram.negative_buckets) {
        if -bucket.upper < threshold {
            histogram.zero_count += bucket.count;
            *count = 0.0;
        }
    }
    histogram.zero_threshold = threshold;
    compact(histogram);
}

/// Brings exponential buckets to a lower resolution.
pub(crate) fn lower_resolution(histogram: &mut FloatHistogram, schema: i32) {
    if schema >= histogram.schema || is_custom(histogram) {
        return;
    }
    let positive = pairs(&histogram.positive_spans, &histogram.positive_buckets);
    let negative = pairs(&histogram.negative_spans, &histogram.negative_buckets);
    let from = histogram.schema;
    (histogram.positive_spans, histogram.positive_buckets) =
        from_pairs(&coarser(&positive, from, schema));
    (histogram.negative_spans, histogram.negative_buckets) =
        from_pairs(&coarser(&negative, from, schema));
    histogram.schema = schema;
}

/// Buckets of two custom histograms on the bounds that both have.
pub(crate) fn on_common_bounds(a: &FloatHistogram, b: &FloatHistogram) -> (Pairs, Pairs) {
    let bounds = common_bounds(&a.custom_values, &b.custom_values);
    (onto_bounds(a, &bounds), onto_bounds(b, &bounds))
}
