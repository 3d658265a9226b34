//! Whether results are those expected, up to rounding.

use std::sync::Arc;

use common_model::{FloatHistogram, Labels, is_stale_marker};
use server_storage::SampleColumns;

use super::load::series;
use super::script::{Eval, When};
use crate::engine::QueryOutput;
use crate::parser::SequenceValue;
use crate::value::{Sample, SampleValue, Series, Value, histogram};

/// Relative difference that is taken for rounding.
const TOLERANCE: f64 = 1e-6;

/// Whether two floats are equal up to rounding.
fn almost_equal(a: f64, b: f64) -> bool {
    if is_stale_marker(a) || is_stale_marker(b) {
        return is_stale_marker(a) && is_stale_marker(b);
    }
    if a.is_nan() && b.is_nan() {
        return true;
    }
    #[expect(clippy::float_cmp, reason = "infinities are equal only exactly")]
    if a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

/// Compares a query's result.
pub(super) fn check(eval: &Eval<'_>, output: &QueryOutput) -> Result<(), String> {
    if let Some(wanted) = eval.string {
        return match &output.value {
            Value::String { value, .. } if format!("\"{value}\"") == wanted || value == wanted => {
                Ok(())
            }
            Value::String { value, .. } if unquoted(wanted).as_deref() == Some(value) => Ok(()),
            other => Err(format!("expected string {wanted}, got {other:?}")),
        };
    }
    if let [line] = eval.lines.as_slice()
        && let Ok(wanted) = number(line)
    {
        return match &output.value {
            Value::Scalar { value, .. } if almost_equal(wanted, *value) => Ok(()),
            Value::Scalar { value, .. } => Err(format!("expected scalar {wanted}, got {value}")),
            Value::Matrix(_) => matrix(eval, &output.value),
            other => Err(format!("expected scalar {wanted}, got {}", other.type_name())),
        };
    }
    match &output.value {
        Value::Vector(samples) => vector(eval, samples),
        Value::Matrix(_) => matrix(eval, &output.value),
        other => Err(format!("unexpected {}: {other:?}", other.type_name())),
    }
}

/// A text in Go's double quotes, single quotes or backticks, read as the query language reads it.
fn unquoted(text: &str) -> Option<String> {
    match crate::parser::parse(text, &crate::parser::Options::default()) {
        Ok(crate::ast::Expr::String(literal)) => Some(literal.value),
        _ => None,
    }
}

/// A line that is nothing but a number.
fn number(line: &str) -> Result<f64, String> {
    let description = series(&format!("x {line}"))?;
    match description.values.as_slice() {
        [SequenceValue::Float(value)] if !line.starts_with('{') => Ok(*value),
        _ => Err("not one number".to_owned()),
    }
}

/// Compares an instant vector; `ordered` asks for the order of the lines.
pub(super) fn vector(eval: &Eval<'_>, samples: &[Sample]) -> Result<(), String> {
    let mut wanted = Vec::new();
    for line in &eval.lines {
        let description = series(line)?;
        match <[SequenceValue; 1]>::try_from(description.values) {
            Ok([value]) => wanted.push((description.labels, value)),
            Err(_) => return Err(format!("expected one value in \"{line}\"")),
        }
    }
    for (at, sample) in samples.iter().enumerate() {
        if samples[..at].iter().any(|other| other.labels == sample.labels) {
            return Err(format!("duplicate series {}", sample.labels));
        }
        let Some(place) = wanted.iter().position(|(labels, _)| *labels == sample.labels) else {
            return Err(format!(
                "unexpected metric {} in result: {:?}",
                sample.labels, sample.value
            ));
        };
        if eval.ordered && place != at {
            return Err(format!("expected {} at position {place}, got {at}", sample.labels));
        }
        value(&wanted[place].1, &sample.value, &sample.labels)?;
    }
    let found = |labels: &Labels| samples.iter().any(|s| s.labels == *labels);
    match wanted.iter().find(|(labels, _)| !found(labels)) {
        Some((labels, value)) => Err(format!("expected metric {labels} with {value:?} not found")),
        None => Ok(()),
    }
}

fn matrix(eval: &Eval<'_>, result: &Value) -> Result<(), String> {
    let Value::Matrix(result) = result else { return Err("expected a range vector".to_owned()) };
    let (start, step_ms) = match eval.range_vector.unwrap_or(eval.when) {
        When::Range { start, step_ms, .. } => (start, step_ms),
        When::Instant(_) => return Err("unexpected range vector".to_owned()),
    };
    if !result.windows(2).all(|pair| pair[0].labels <= pair[1].labels) {
        return Err("the result is not in order of the labels".to_owned());
    }
    let mut wanted: Vec<(Labels, Vec<(i64, SequenceValue)>)> = Vec::new();
    for line in &eval.lines {
        let description = series(line)?;
        let times = (0..).map(|at: i64| start + at * step_ms);
        let points = times
            .zip(description.values)
            .filter(|(_, value)| *value != SequenceValue::Omitted)
            .collect::<Vec<_>>();
        if !points.is_empty() {
            wanted.push((description.labels, points));
        }
    }
    for one in result {
        let Some((_, points)) = wanted.iter().find(|(labels, _)| *labels == one.labels) else {
            return Err(format!("unexpected metric {} in result", one.labels));
        };
        series_points(points, one)?;
    }
    let found = |labels: &Labels| result.iter().any(|s| s.labels == *labels);
    match wanted.iter().find(|(labels, _)| !found(labels)) {
        Some((labels, _)) => Err(format!("expected metric {labels} not found")),
        None => Ok(()),
    }
}

fn series_points(wanted: &[(i64, SequenceValue)], got: &Series) -> Result<(), String> {
    let times: Vec<i64> = wanted.iter().map(|(time, _)| *time).collect();
    if times != got.points.timestamps {
        return Err(format!(
            "expected points of {} at {times:?}, got {:?}",
            got.labels, got.points.timestamps
        ));
    }
    for (at, (_, wanted)) in wanted.iter().enumerate() {
        value(wanted, &point(&got.points, at), &got.labels)?;
    }
    Ok(())
}

/// A sample of columns.
pub(super) fn point(points: &SampleColumns, at: usize) -> SampleValue {
    match points.histogram(at) {
        Some(histogram) => SampleValue::Histogram(histogram.clone()),
        None => SampleValue::Float(points.values[at]),
    }
}

fn value(wanted: &SequenceValue, got: &SampleValue, labels: &Labels) -> Result<(), String> {
    match (wanted, got) {
        (SequenceValue::Float(wanted), SampleValue::Float(got)) if almost_equal(*wanted, *got) => {
            Ok(())
        }
        (SequenceValue::Float(wanted), SampleValue::Float(got)) => {
            Err(format!("expected {wanted} for {labels}, got {got}"))
        }
        (SequenceValue::Histogram { histogram, hint_is_set }, SampleValue::Histogram(got)) => {
            histograms(histogram, *hint_is_set, got)
                .map_err(|what| format!("{what} for {labels}: expected {histogram:?}, got {got:?}"))
        }
        _ => Err(format!("expected {wanted:?} for {labels}, got {got:?}")),
    }
}

fn histograms(
    wanted: &Arc<FloatHistogram>,
    hint_is_set: bool,
    got: &Arc<FloatHistogram>,
) -> Result<(), &'static str> {
    let (mut a, mut b) = (FloatHistogram::clone(wanted), FloatHistogram::clone(got));
    histogram::compact(&mut a);
    histogram::compact(&mut b);
    #[expect(clippy::float_cmp, reason = "the threshold is compared exactly")]
    let thresholds = a.zero_threshold == b.zero_threshold;
    let buckets = |x: &[f64], y: &[f64]| {
        x.len() == y.len() && x.iter().zip(y).all(|(x, y)| almost_equal(*x, *y))
    };
    let checks = [
        (a.schema == b.schema, "schema differs"),
        (almost_equal(a.count, b.count), "count differs"),
        (almost_equal(a.sum, b.sum), "sum differs"),
        (thresholds, "zero threshold differs"),
        (almost_equal(a.zero_count, b.zero_count), "zero count differs"),
        (a.positive_spans == b.positive_spans, "positive spans differ"),
        (a.negative_spans == b.negative_spans, "negative spans differ"),
        (buckets(&a.positive_buckets, &b.positive_buckets), "positive buckets differ"),
        (buckets(&a.negative_buckets, &b.negative_buckets), "negative buckets differ"),
        (buckets(&a.custom_values, &b.custom_values), "custom values differ"),
        (!hint_is_set || a.counter_reset == b.counter_reset, "counter reset hint differs"),
    ];
    match checks.iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(what),
        None => Ok(()),
    }
}
