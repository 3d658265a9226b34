//! Spans and counts to buckets with bounds, and back.

use common_model::{FloatHistogram, Span};

use super::is_custom;

/// A bucket with its bounds; exponential buckets exclude the bound nearer to zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) count: f64,
    /// Index among the exponential or custom buckets; zero for the zero bucket.
    pub(crate) index: i32,
}

/// Index and count of every bucket of the spans, empty ones included.
pub(crate) fn pairs(spans: &[Span], counts: &[f64]) -> Vec<(i32, f64)> {
    let mut result = Vec::with_capacity(counts.len());
    let mut counts = counts.iter();
    let mut index = 0_i32;
    for span in spans {
        index = index.saturating_add(span.offset);
        for _ in 0..span.length {
            // Spans that promise more buckets than there are counts end with the counts.
            let Some(&count) = counts.next() else { return result };
            result.push((index, count));
            index = index.saturating_add(1);
        }
    }
    result
}

/// Spans and counts of the buckets that are not empty.
pub(crate) fn from_pairs(pairs: &[(i32, f64)]) -> (Vec<Span>, Vec<f64>) {
    let (mut spans, mut counts): (Vec<Span>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut next = 0_i32;
    for &(index, count) in pairs.iter().filter(|(_, count)| *count != 0.0) {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(Span { offset: index.saturating_sub(next), length: 1 }),
        }
        counts.push(count);
        next = index.saturating_add(1);
    }
    (spans, counts)
}

/// The upper bound of an exponential bucket: 2^(index · 2^−schema).
pub(crate) fn bound(index: i32, schema: i32) -> f64 {
    if schema <= 0 {
        let exponent = i64::from(index) << schema.unsigned_abs().min(31);
        return match exponent {
            // The bucket that holds the largest floats ends with the largest float.
            1024 => f64::MAX,
            1025.. => f64::INFINITY,
            _ => 2_f64.powi(i32::try_from(exponent).unwrap_or(i32::MIN)),
        };
    }
    let schema = schema.min(30);
    let (whole, part) = (index >> schema, index & ((1 << schema) - 1));
    if part == 0 && whole == 1024 {
        return f64::MAX;
    }
    let fraction = (f64::from(part) / f64::from(1 << schema)).exp2();
    // Two factors, so that neither the smallest nor the largest bounds lose their way.
    fraction * 2_f64.powi(whole / 2) * 2_f64.powi(whole - whole / 2)
}

fn custom_bucket(histogram: &FloatHistogram, index: i32, count: f64) -> Bucket {
    let bound =
        |at: i32| usize::try_from(at).ok().and_then(|at| histogram.custom_values.get(at)).copied();
    let lower =
        if index == 0 { f64::NEG_INFINITY } else { bound(index - 1).unwrap_or(f64::INFINITY) };
    Bucket { lower, upper: bound(index).unwrap_or(f64::INFINITY), count, index }
}

/// The positive (or custom) buckets in order of their bounds.
pub(crate) fn positive_buckets(histogram: &FloatHistogram) -> Vec<Bucket> {
    pairs(&histogram.positive_spans, &histogram.positive_buckets)
        .into_iter()
        .map(|(index, count)| {
            if is_custom(histogram) {
                return custom_bucket(histogram, index, count);
            }
            let lower = bound(index.saturating_sub(1), histogram.schema);
            Bucket { lower, upper: bound(index, histogram.schema), count, index }
        })
        .collect()
}

/// The negative buckets in order of their index, that is going away from zero.
pub(crate) fn negative_buckets(histogram: &FloatHistogram) -> Vec<Bucket> {
    pairs(&histogram.negative_spans, &histogram.negative_buckets)
        .into_iter()
        .map(|(index, count)| Bucket {
            lower: -bound(index, histogram.schema),
            upper: -bound(index.saturating_sub(1), histogram.schema),
            count,
            index,
        })
        .collect()
}

/// All buckets in order of their bounds, the zero bucket included where it is not empty. Buckets
/// that reach into the zero bucket end at its bounds.
pub(crate) fn all_buckets(histogram: &FloatHistogram) -> Vec<Bucket> {
    let threshold = histogram.zero_threshold;
    let mut buckets = negative_buckets(histogram);
    buckets.reverse();
    if let Some(last) = buckets.last_mut()
        && last.upper > -threshold
    {
        last.upper = -threshold;
    }
    if histogram.zero_count > 0.0 {
        let count = histogram.zero_count;
        buckets.push(Bucket { lower: -threshold, upper: threshold, count, index: 0 });
    }
    let positive_from = buckets.len();
    buckets.extend(positive_buckets(histogram));
    if let Some(first) = buckets.get_mut(positive_from)
        && !is_custom(histogram)
        && first.lower < threshold
    {
        first.lower = threshold;
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_powers_of_the_base() {
        for (index, schema, wanted) in [
            (0, 0, 1.0),
            (3, 0, 8.0),
            (-2, 0, 0.25),
            (1, 1, std::f64::consts::SQRT_2),
            (-1, 1, std::f64::consts::FRAC_1_SQRT_2),
            (1, -1, 4.0),
            (1024, 0, f64::MAX),
            (i32::MAX, 0, f64::INFINITY),
            (i32::MIN, 0, 0.0),
            (i32::MIN, -4, 0.0),
        ] {
            let got = bound(index, schema);
            assert!(
                (got - wanted).abs() <= wanted * 1e-15 || got == wanted,
                "{index} {schema}: {got}"
            );
        }
    }

    #[test]
    fn pairs_survive_the_way_to_spans_and_back_without_the_empty_ones() {
        let given = [(-2, 1.0), (-1, 2.0), (0, 0.0), (5, 3.0)];
        let (spans, counts) = from_pairs(&given);
        assert_eq!(spans, [Span { offset: -2, length: 2 }, Span { offset: 5, length: 1 }]);
        assert_eq!(pairs(&spans, &counts), [(-2, 1.0), (-1, 2.0), (5, 3.0)]);
    }
}
