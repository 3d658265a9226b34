//! Whether a histogram contradicts itself; the texts are Prometheus'.

use common_model::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span, format_float, is_stale_marker};

use super::layout::{are_sound, buckets};

/// Exponential schemas there are.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// Says what is wrong with a histogram. Nothing is wrong with a stale marker.
pub fn validate(histogram: &FloatHistogram) -> Result<(), String> {
    let FloatHistogram { positive_spans, positive_buckets, .. } = histogram;
    let FloatHistogram { negative_spans, negative_buckets, .. } = histogram;
    if is_stale_marker(histogram.sum) {
        return Ok(());
    }
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA {
        let at = |problem| format!("custom buckets: {problem}");
        bounds(&histogram.custom_values).map_err(at)?;
        side(positive_spans, positive_buckets).map_err(at)?;
        if histogram.zero_count != 0.0 {
            return Err("custom buckets: must have zero count of 0".to_owned());
        }
        if histogram.zero_threshold != 0.0 {
            return Err("custom buckets: must have zero threshold of 0".to_owned());
        }
        if !negative_spans.is_empty() || !negative_buckets.is_empty() {
            return Err("custom buckets: must not have negative spans or buckets".to_owned());
        }
        if buckets_end(positive_spans) > histogram.custom_values.len() as i64 + 1 {
            let bounds = histogram.custom_values.len();
            return Err(format!("custom buckets: only {bounds} custom bounds defined"));
        }
        return Ok(());
    }
    if !SCHEMAS.contains(&histogram.schema) {
        return Err(format!("schema {}: unknown", histogram.schema));
    }
    side(positive_spans, positive_buckets)
        .map_err(|problem| format!("positive side: {problem}"))?;
    side(negative_spans, negative_buckets)
        .map_err(|problem| format!("negative side: {problem}"))?;
    if !histogram.custom_values.is_empty() {
        return Err("histogram with exponential schema must not have custom bounds".to_owned());
    }
    Ok(())
}

fn bounds(bounds: &[f64]) -> Result<(), String> {
    let mut before = f64::NEG_INFINITY;
    for (at, bound) in bounds.iter().enumerate() {
        // The first may be minus infinity; none is NaN.
        if !(*bound > before || at == 0 && *bound == before) {
            let (before, bound) = (format_float(before), format_float(*bound));
            return Err(format!("previous bound is {before} and current is {bound}"));
        }
        before = *bound;
    }
    match before == f64::INFINITY && !bounds.is_empty() {
        true => Err("last +Inf bound must not be explicitly defined".to_owned()),
        false => Ok(()),
    }
}

fn side(spans: &[Span], counts: &[f64]) -> Result<(), String> {
    for (at, span) in spans.iter().enumerate().skip(1) {
        if span.offset < 0 {
            return Err(format!(
                "span number {} with offset {}: negative offset",
                at + 1,
                span.offset
            ));
        }
    }
    if buckets(spans) != counts.len() {
        let (needed, there) = (buckets(spans), counts.len());
        return Err(format!("spans need {needed} buckets, have {there} buckets"));
    }
    if !are_sound(spans) {
        return Err("more buckets than can be stored, or out of all bounds".to_owned());
    }
    match counts.iter().enumerate().find(|(_, count)| **count < 0.0) {
        Some((at, count)) => {
            let count = format_float(*count);
            Err(format!("bucket number {} has observation count of {count}: negative", at + 1))
        }
        None => Ok(()),
    }
}

/// The number behind the last bucket.
fn buckets_end(spans: &[Span]) -> i64 {
    spans.iter().map(|span| i64::from(span.offset) + i64::from(span.length)).sum()
}
