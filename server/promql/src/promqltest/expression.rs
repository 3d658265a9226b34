//! Histograms in series notation, `{{count:4 sum:3 buckets:[1 3]}}`, written and read.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram, Span, format_float};

use super::load::series;
use crate::parser::SequenceValue;
use crate::value::histogram;

/// Most buckets between the first and the last one that is not empty.
const BUCKETS_MAX: i64 = 1 << 16;

/// A histogram as a query result shows it: `{count:4, sum:3, (1,2]:3}`.
#[must_use]
pub fn histogram_text(histogram: &FloatHistogram) -> String {
    histogram::text(histogram)
}

/// A histogram in series notation.
#[must_use]
pub fn histogram_expression(histogram: &FloatHistogram) -> String {
    let mut parts = Vec::new();
    if histogram.schema != 0 {
        parts.push(format!("schema:{}", histogram.schema));
    }
    for (key, value) in [
        ("count", histogram.count),
        ("sum", histogram.sum),
        ("z_bucket", histogram.zero_count),
        ("z_bucket_w", histogram.zero_threshold),
    ] {
        if value != 0.0 {
            parts.push(format!("{key}:{}", go_g(value)));
        }
    }
    if histogram::is_custom(histogram) {
        parts.push(format!("custom_values:{}", list(histogram.custom_values.iter().copied())));
    }
    match histogram.counter_reset {
        CounterReset::Unknown => {}
        CounterReset::Reset => parts.push("counter_reset_hint:reset".to_owned()),
        CounterReset::NotReset => parts.push("counter_reset_hint:not_reset".to_owned()),
        CounterReset::Gauge => parts.push("counter_reset_hint:gauge".to_owned()),
    }
    push_buckets(&mut parts, "", &histogram.positive_spans, &histogram.positive_buckets);
    push_buckets(&mut parts, "n_", &histogram.negative_spans, &histogram.negative_buckets);
    format!("{{{{{}}}}}", parts.join(" "))
}

/// Offset and counts of one side, from the first bucket that is not empty to the last.
fn push_buckets(parts: &mut Vec<String>, prefix: &str, spans: &[Span], counts: &[f64]) {
    let mut buckets = histogram::pairs(spans, counts);
    buckets.retain(|(_, count)| *count != 0.0);
    let (Some(&(first, _)), Some(&(last, _))) = (buckets.first(), buckets.last()) else { return };
    if first != 0 {
        parts.push(format!("{prefix}offset:{first}"));
    }
    if i64::from(last) - i64::from(first) >= BUCKETS_MAX {
        // Nobody writes such a list; the pairs tell as much.
        let pairs: Vec<String> =
            buckets.iter().map(|(at, count)| format!("{at}:{}", go_g(*count))).collect();
        parts.push(format!("{prefix}buckets:[{}]", pairs.join(" ")));
        return;
    }
    let mut given = buckets.into_iter().peekable();
    let all =
        (first..=last).map(|at| given.next_if(|(index, _)| *index == at).map_or(0.0, |b| b.1));
    parts.push(format!("{prefix}buckets:{}", list(all)));
}

fn list(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<String> = values.map(go_g).collect();
    format!("[{}]", values.join(" "))
}

/// `%g`: an exponent from 1e+21 on only, unlike the wire's form.
fn go_g(value: f64) -> String {
    if value.is_finite() && (1e6..1e21).contains(&value.abs()) {
        return value.to_string();
    }
    format_float(value)
}

/// Reads one histogram in series notation.
///
/// # Errors
/// What is wrong with it, in upstream's words.
pub fn parse_histogram(text: &str) -> Result<Arc<FloatHistogram>, String> {
    let read = series(&format!("{{}} {text}"))?;
    match read.values.as_slice() {
        [SequenceValue::Histogram { histogram, .. }] => Ok(histogram.clone()),
        [SequenceValue::Float(value)] => Err(format!("expected histogram, got {value:.6}")),
        [SequenceValue::Omitted] => Err("expected histogram, got _".to_owned()),
        values => Err(format!("expected 1 value, got {}", values.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_written_as_they_are_read() {
        for text in [
            "{{}}",
            "{{count:4 sum:3 buckets:[1 2 0 1]}}",
            "{{schema:1 count:32.1 sum:-0.3 z_bucket:7.1 z_bucket_w:0.05 offset:-3 \
             buckets:[5.1 10 7] n_offset:-5 n_buckets:[4.1 5]}}",
            "{{schema:-53 count:1e+21 sum:1000000 custom_values:[5 10] \
             counter_reset_hint:gauge buckets:[1 4]}}",
            "{{count:1 counter_reset_hint:reset}}",
            "{{count:1 counter_reset_hint:not_reset}}",
        ] {
            assert_eq!(histogram_expression(&parse_histogram(text).unwrap()), text);
        }
        let trimmed = parse_histogram("{{offset:-1 buckets:[0 0 3 0] count:3}}").unwrap();
        assert_eq!(histogram_expression(&trimmed), "{{count:3 offset:1 buckets:[3]}}");
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        for (text, wanted) in [
            ("1", "expected histogram, got 1.000000"),
            ("_", "expected histogram, got _"),
            ("1 2", "expected 1 value, got 2"),
        ] {
            assert_eq!(parse_histogram(text).unwrap_err(), wanted);
        }
    }
}
