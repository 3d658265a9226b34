//! What a query gives, against what it should give.

use std::cmp::Ordering;

use common_config::unit_test::{ExpectedSample, ExprTest};
use common_model::Labels;
use server_promql::lexer::go_quote;
use server_promql::parser;
use server_promql::promqltest::{histogram_expression, parse_histogram};
use server_promql::value::{SampleValue, Value};

/// One sample; a histogram is compared by how it is written.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    labels: Labels,
    value: f64,
    histogram: String,
}

/// The samples of a result.
pub(super) fn vector(value: Value) -> Result<Vec<Shown>, String> {
    match value {
        Value::Vector(samples) => Ok(samples
            .into_iter()
            .map(|sample| match sample.value {
                SampleValue::Float(value) => {
                    Shown { labels: sample.labels, value, histogram: String::new() }
                }
                SampleValue::Histogram(histogram) => Shown {
                    labels: sample.labels,
                    value: 0.0,
                    histogram: histogram_expression(&histogram),
                },
            })
            .collect()),
        Value::Scalar { value, .. } => {
            Ok(vec![Shown { labels: Labels::empty(), value, histogram: String::new() }])
        }
        _ => Err("rule result is not a vector or scalar".to_owned()),
    }
}

/// Compares the result of a query; what differs.
pub(super) fn check(
    test: &ExprTest,
    got: Result<Vec<Shown>, String>,
    fuzzy: bool,
) -> Option<String> {
    let (expr, time) = (go_quote(&test.expr), common_config::duration::format(test.eval_time));
    let both = got.and_then(|got| {
        let expected: Result<Vec<Shown>, String> = test.expected.iter().map(expected).collect();
        Ok((expected?, got))
    });
    let (mut expected, mut got) = match both {
        Ok(both) => both,
        Err(error) => return Some(format!("    expr: {expr}, time: {time}, err: {error}")),
    };
    expected.sort_by(by_labels);
    got.sort_by(by_labels);
    let same = expected.len() == got.len()
        && expected.iter().zip(&got).all(|(expected, got)| is_same(expected, got, fuzzy));
    (!same).then(|| {
        let (expected, got) = (texts(&expected), texts(&got));
        format!("    expr: {expr}, time: {time},\n        exp: {expected}\n        got: {got}")
    })
}

fn by_labels(a: &Shown, b: &Shown) -> Ordering {
    a.labels.cmp(&b.labels)
}

fn expected(sample: &ExpectedSample) -> Result<Shown, String> {
    let complain = |error: String| format!("labels {}: {error}", go_quote(&sample.labels));
    let labels = if sample.labels.trim().is_empty() {
        Labels::empty()
    } else {
        parser::parse_metric(&sample.labels).map_err(|errors| complain(errors.to_string()))?
    };
    let histogram = if sample.histogram.is_empty() {
        String::new()
    } else {
        histogram_expression(&*parse_histogram(&sample.histogram).map_err(complain)?)
    };
    Ok(Shown { labels, value: sample.value, histogram })
}

/// Whether both are the same; with `fuzzy`, neighbouring floats are. NaN is never expected.
#[expect(clippy::float_cmp, reason = "the comparison is exact unless it is asked to be fuzzy")]
fn is_same(a: &Shown, b: &Shown, fuzzy: bool) -> bool {
    let is_equal = a.value == b.value
        || fuzzy && (a.value.next_down() == b.value || a.value.next_up() == b.value);
    is_equal && a.labels == b.labels && a.histogram == b.histogram
}

fn texts(samples: &[Shown]) -> String {
    if samples.is_empty() {
        return "nil".to_owned();
    }
    let one = |sample: &Shown| {
        let value = if sample.histogram.is_empty() {
            scientific(sample.value)
        } else {
            sample.histogram.clone()
        };
        format!("{} {value}", sample.labels)
    };
    samples.iter().map(one).collect::<Vec<String>>().join(", ")
}

/// `strconv.FormatFloat(v, 'E', -1, 64)`: `1E+00`.
fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return common_model::format_float(value);
    }
    let text = format!("{value:E}");
    // The form always has an exponent.
    let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
    format!("{digits}E{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_go_writes_them() {
        for (value, wanted) in [
            (0.0, "0E+00"),
            (1.0, "1E+00"),
            (-2.999_999_999_999_998_7, "-2.9999999999999987E+00"),
            (1e-7, "1E-07"),
            (1.5e300, "1.5E+300"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(scientific(value), wanted);
        }
    }
}
