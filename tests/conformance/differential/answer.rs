//! Answers of both sides in one form, and whether two are equal.

use std::collections::{BTreeMap, BTreeSet};

use common_model::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Labels, Span, parse_float};
use serde_json::Value as Json;
use server_promql::engine::QueryOutput;
use server_promql::value::{SampleValue, Value};

/// Relative difference that is taken for rounding.
const TOLERANCE: f64 = 1e-9;

/// What a query gave.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The kind of error and its text.
    Error(String, String),
    Result(Output),
}

/// The result of a query that did not fail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// `scalar`, `string`, `vector` or `matrix`.
    pub(crate) kind: String,
    /// In the order of the answer.
    pub(crate) rows: Vec<Row>,
    pub(crate) warnings: BTreeSet<String>,
    pub(crate) infos: BTreeSet<String>,
}

/// One series; scalars and strings are one without labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) points: Vec<(i64, Cell)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Float(f64),
    Text(String),
    /// Count, sum, and lower bound, upper bound and count of the buckets that hold something.
    Histogram(f64, f64, Vec<[f64; 3]>),
}

impl Answer {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Answer::Result(output) if output.rows.is_empty())
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Answer::Error(..))
    }
}

/// Our answer.
pub(crate) fn ours(output: QueryOutput) -> Output {
    let row = |labels: &Labels, points| {
        let pairs = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Row { labels: pairs.collect(), points }
    };
    let kind = output.value.type_name().to_owned();
    let rows = match &output.value {
        Value::Scalar { timestamp, value } => {
            vec![row(&Labels::empty(), vec![(*timestamp, Cell::Float(*value))])]
        }
        Value::String { timestamp, value } => {
            vec![row(&Labels::empty(), vec![(*timestamp, Cell::Text(value.clone()))])]
        }
        Value::Vector(samples) => samples
            .iter()
            .map(|sample| {
                let cell = match &sample.value {
                    SampleValue::Float(value) => Cell::Float(*value),
                    SampleValue::Histogram(value) => native(value),
                };
                row(&sample.labels, vec![(sample.timestamp, cell)])
            })
            .collect(),
        Value::Matrix(series) => series
            .iter()
            .map(|series| {
                let points = &series.points;
                let cell = |at| match points.histogram(at) {
                    Some(histogram) => native(histogram),
                    None => Cell::Float(points.values[at]),
                };
                let times = points.timestamps.iter().enumerate();
                row(&series.labels, times.map(|(at, time)| (*time, cell(at))).collect())
            })
            .collect(),
    };
    let (warnings, infos) = (output.warnings, output.infos);
    Output {
        kind,
        rows,
        warnings: warnings.into_iter().collect(),
        infos: infos.into_iter().collect(),
    }
}

fn native(histogram: &FloatHistogram) -> Cell {
    let bound = |index: i32| match histogram.schema {
        CUSTOM_BUCKETS_SCHEMA if index < 0 => f64::NEG_INFINITY,
        CUSTOM_BUCKETS_SCHEMA => {
            histogram.custom_values.get(index as usize).copied().unwrap_or(f64::INFINITY)
        }
        schema => (f64::from(index) * f64::from(-schema).exp2()).exp2(),
    };
    // A bucket ends where the zero bucket begins.
    let beside_zero =
        |bound: f64| if bound > 0.0 { bound.max(histogram.zero_threshold) } else { bound };
    let mut buckets = Vec::new();
    for (index, count) in indexed(&histogram.negative_spans, &histogram.negative_buckets) {
        buckets.push([-bound(index), -beside_zero(bound(index - 1)), count]);
    }
    buckets.reverse();
    if histogram.zero_count > 0.0 {
        buckets.push([-histogram.zero_threshold, histogram.zero_threshold, histogram.zero_count]);
    }
    for (index, count) in indexed(&histogram.positive_spans, &histogram.positive_buckets) {
        buckets.push([beside_zero(bound(index - 1)), bound(index), count]);
    }
    buckets.retain(|bucket| bucket[2] != 0.0);
    Cell::Histogram(histogram.count, histogram.sum, buckets)
}

fn indexed(spans: &[Span], counts: &[f64]) -> Vec<(i32, f64)> {
    let mut next = 0;
    let mut indexes = Vec::new();
    for span in spans {
        next += span.offset;
        indexes.extend(next..next + span.length as i32);
        next += span.length as i32;
    }
    indexes.into_iter().zip(counts.iter().copied()).collect()
}

/// The answer of an HTTP API.
pub(crate) fn theirs(body: &str) -> Result<Answer, String> {
    let json: Json = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    if json["status"] != "success" {
        return Ok(Answer::Error(text(&json["errorType"]), text(&json["error"])));
    }
    let (kind, result) = (text(&json["data"]["resultType"]), &json["data"]["result"]);
    let rows = match (kind.as_str(), result) {
        ("scalar", point) => vec![Row { points: vec![float_point(point)?], ..Row::default() }],
        ("string", point) => {
            let points = vec![(milliseconds(&point[0]), Cell::Text(text(&point[1])))];
            vec![Row { points, ..Row::default() }]
        }
        (_, Json::Array(rows)) => rows.iter().map(row).collect::<Result<_, _>>()?,
        _ => return Err(format!("no result: {body}")),
    };
    let notes = |key: &str| json[key].as_array().into_iter().flatten().map(text).collect();
    let (warnings, infos) = (notes("warnings"), notes("infos"));
    Ok(Answer::Result(Output { kind, rows, warnings, infos }))
}

fn row(json: &Json) -> Result<Row, String> {
    let labels = json["metric"].as_object().ok_or("no labels")?.iter();
    let labels = labels.map(|(n, v)| (n.clone(), v.as_str().unwrap_or_default().to_owned()));
    let list = |one: &str, many: &str| -> Vec<Json> {
        let many = json[many].as_array().cloned().unwrap_or_default();
        json.get(one).cloned().into_iter().chain(many).collect()
    };
    let mut points = Vec::new();
    for point in list("value", "values") {
        points.push(float_point(&point)?);
    }
    for point in list("histogram", "histograms") {
        let histogram = &point[1];
        let mut buckets = Vec::new();
        for bucket in histogram["buckets"].as_array().into_iter().flatten() {
            buckets.push([float(&bucket[1])?, float(&bucket[2])?, float(&bucket[3])?]);
        }
        let cell = Cell::Histogram(float(&histogram["count"])?, float(&histogram["sum"])?, buckets);
        points.push((milliseconds(&point[0]), cell));
    }
    points.sort_by_key(|(time, _)| *time);
    Ok(Row { labels: labels.collect(), points })
}

fn float_point(json: &Json) -> Result<(i64, Cell), String> {
    Ok((milliseconds(&json[0]), Cell::Float(float(&json[1])?)))
}

fn float(json: &Json) -> Result<f64, String> {
    json.as_str().and_then(parse_float).ok_or_else(|| format!("{json} is no number"))
}

fn milliseconds(json: &Json) -> i64 {
    (json.as_f64().unwrap_or(f64::NAN) * 1000.0).round() as i64
}

/// What differs in the results; `ordered` compares the order of the values too.
pub(crate) fn difference(ours: &Output, theirs: &Output, ordered: bool) -> Option<String> {
    if ours.kind != theirs.kind {
        return Some(format!("type {} is not {}", ours.kind, theirs.kind));
    }
    let index = |output: &Output| -> BTreeMap<BTreeMap<String, String>, usize> {
        output.rows.iter().enumerate().map(|(at, row)| (row.labels.clone(), at)).collect()
    };
    let (ours_at, theirs_at) = (index(ours), index(theirs));
    if let Some(labels) = ours_at.keys().find(|labels| !theirs_at.contains_key(*labels)) {
        return Some(format!("only we have {labels:?}"));
    }
    if let Some(labels) = theirs_at.keys().find(|labels| !ours_at.contains_key(*labels)) {
        return Some(format!("only they have {labels:?}"));
    }
    if ours_at.len() != ours.rows.len() {
        return Some("labels stand twice".to_owned());
    }
    for (labels, &at) in &ours_at {
        let (a, b) = (&ours.rows[at].points, &theirs.rows[theirs_at[labels]].points);
        if let Some(what) = points(a, b) {
            return Some(format!("{labels:?}: {what}"));
        }
    }
    // Equal values may come in any order.
    let out_of_order = ordered
        && ours.rows.iter().zip(&theirs.rows).any(|(a, b)| points(&a.points, &b.points).is_some());
    out_of_order.then(|| "the order differs".to_owned())
}

fn points(ours: &[(i64, Cell)], theirs: &[(i64, Cell)]) -> Option<String> {
    let times = |points: &[(i64, Cell)]| points.iter().map(|(time, _)| *time).collect::<Vec<_>>();
    if times(ours) != times(theirs) {
        return Some(format!("times {:?} are not {:?}", times(ours), times(theirs)));
    }
    let differing = ours.iter().zip(theirs).find(|((_, a), (_, b))| !same_cell(a, b))?;
    let ((time, a), (_, b)) = differing;
    Some(format!("at {time} {a:?} is not {b:?}"))
}

pub(super) fn same_cell(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => same(*a, *b),
        (Cell::Text(a), Cell::Text(b)) => a == b,
        (Cell::Histogram(count_a, sum_a, a), Cell::Histogram(count_b, sum_b, b)) => {
            let same_bucket = |(a, b): (&[f64; 3], &[f64; 3])| (0..3).all(|i| same(a[i], b[i]));
            same(*count_a, *count_b)
                && same(*sum_a, *sum_b)
                && a.len() == b.len()
                && a.iter().zip(b).all(same_bucket)
        }
        _ => false,
    }
}

/// Equal up to rounding; NaN equals NaN, infinities and zeros only those of the same sign.
fn same(a: f64, b: f64) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    #[expect(clippy::float_cmp, reason = "infinities and zeros are equal only exactly")]
    if a == b {
        return a != 0.0 || a.is_sign_negative() == b.is_sign_negative();
    }
    a.is_finite() && b.is_finite() && (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}
