//! Random well-typed expressions over random samples: a result or an error, never a panic.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram, Labels, Span, stale_marker};
use proptest::prelude::*;
use server_promql::engine::{Engine, EngineOptions, QueryOptions};
use server_promql::parser::{Options, parse};
use server_storage::memory::MemoryStore;
use server_storage::{Appendable, SeriesRef};

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        (-3.0..3.0_f64).prop_map(|value| format!("{value:.2}")),
        proptest::sample::select(vec!["0", "1", "NaN", "Inf", "-Inf", "1e300", "time()", "pi()"])
            .prop_map(str::to_owned),
    ]
}

fn shift() -> impl Strategy<Value = String> {
    let shifts = vec![
        "",
        "",
        "",
        " offset 1m",
        " offset -2m",
        " @ 100",
        " @ start()",
        " @ end() offset 30s",
        " @ -50",
    ];
    proptest::sample::select(shifts).prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = String> {
    let selectors = vec![
        "c_total",
        "g",
        "h",
        "b_bucket",
        r#"{__name__=~".+"}"#,
        r#"c_total{a="1"}"#,
        r#"g{a!="1"}"#,
        "mixed",
        "none",
    ];
    proptest::sample::select(selectors).prop_map(str::to_owned)
}

fn range(vector: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let windows = prop_oneof![
        (selector(), proptest::sample::select(vec!["30s", "1m", "5m", "1h"]), shift())
            .prop_map(|(selector, range, shift)| format!("{selector}[{range}]{shift}")),
        (selector(), proptest::sample::select(vec!["anchored", "smoothed"]))
            .prop_map(|(selector, word)| format!("{selector}[2m] {word}")),
    ];
    let subquery = (vector, proptest::sample::select(vec!["2m:", "5m:1m", "1m:7s"]), shift())
        .prop_map(|(vector, range, shift)| format!("({vector})[{range}]{shift}"));
    prop_oneof![3 => windows, 1 => subquery]
}

const OVER_RANGES: &[&str] = &[
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "changes",
    "resets",
    "deriv",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "first_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "present_over_time",
    "absent_over_time",
    "mad_over_time",
    "ts_of_max_over_time",
    "ts_of_last_over_time",
];
const OVER_VECTORS: &[&str] = &[
    "abs",
    "absent",
    "ceil",
    "exp",
    "ln",
    "sqrt",
    "sgn",
    "acosh",
    "timestamp",
    "hour",
    "year",
    "days_in_month",
    "sort",
    "sort_desc",
    "histogram_count",
    "histogram_avg",
    "histogram_stddev",
    "info",
    "-",
    "+",
    "round",
];
const AGGREGATIONS: &[&str] = &["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "atan2",
    "==",
    "!= bool",
    "<",
    ">= bool",
    "and",
    "or",
    "unless",
    "</",
    ">/",
    "+ on(a)",
    "* ignoring(b)",
    "/ on(a) group_left(b)",
    "- on() group_right",
    "+ on(a) fill(0)",
    "* on(a) fill_left(2)",
    "and on(a)",
    "or on()",
    "unless ignoring(a)",
];

pub(super) fn vector() -> impl Strategy<Value = String> {
    let leaf = (selector(), shift()).prop_map(|(selector, shift)| format!("{selector}{shift}"));
    leaf.prop_recursive(4, 24, 3, |inner| {
        let inner = inner.boxed();
        let pick = |names: &'static [&'static str]| proptest::sample::select(names);
        let grouping =
            proptest::sample::select(vec!["", " by (a)", " without (a)", " by (__name__)"]);
        prop_oneof![
            (pick(OVER_RANGES), range(inner.clone())).prop_map(|(f, m)| format!("{f}({m})")),
            (scalar(), range(inner.clone()))
                .prop_map(|(q, m)| format!("quantile_over_time({q}, {m})")),
            (range(inner.clone()), scalar()).prop_map(|(m, s)| format!("predict_linear({m}, {s})")),
            (pick(OVER_VECTORS), inner.clone()).prop_map(|(f, v)| format!("{f}({v})")),
            (scalar(), scalar(), inner.clone())
                .prop_map(|(a, b, v)| format!("clamp({v}, {a}, {b})")),
            (scalar(), inner.clone()).prop_map(|(q, v)| format!("histogram_quantile({q}, {v})")),
            (scalar(), scalar(), inner.clone())
                .prop_map(|(a, b, v)| format!("histogram_fraction({a}, {b}, {v})")),
            (pick(AGGREGATIONS), grouping.clone(), inner.clone())
                .prop_map(|(f, g, v)| format!("{f}{g} ({v})")),
            (
                pick(&["topk", "bottomk", "limitk", "limit_ratio", "quantile"]),
                grouping,
                scalar(),
                inner.clone()
            )
                .prop_map(|(f, g, s, v)| format!("{f}{g} ({s}, {v})")),
            inner.clone().prop_map(|v| format!(r#"count_values("v", {v})"#)),
            inner.clone().prop_map(|v| format!(r#"label_replace({v}, "a", "$1", "b", "(.*)")"#)),
            inner.clone().prop_map(|v| format!(r#"label_join({v}, "__name__", "-", "a", "b")"#)),
            (inner.clone(), pick(OPERATORS), inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (inner.clone(), pick(&["+", "*", "==", "> bool", "</"]), scalar())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (scalar(), inner).prop_map(|(s, v)| format!("vector(scalar({v}) + {s})")),
        ]
    })
}

fn histogram() -> impl Strategy<Value = FloatHistogram> {
    let buckets = proptest::collection::vec(-2.0..9.0_f64, 0..5);
    let hints = vec![CounterReset::Unknown, CounterReset::Reset, CounterReset::Gauge];
    (-4..9_i32, any::<bool>(), -60..60_i32, buckets, -5.0..5.0_f64, proptest::sample::select(hints))
        .prop_map(|(schema, custom, offset, buckets, sum, counter_reset)| {
            let length = u32::try_from(buckets.len()).unwrap();
            let offset = if custom { 0 } else { offset };
            let total: f64 = buckets.iter().sum();
            FloatHistogram {
                counter_reset,
                schema: if custom { -53 } else { schema },
                zero_threshold: if custom { 0.0 } else { 0.01 },
                zero_count: if custom { 0.0 } else { 1.0 },
                count: total + 1.0,
                sum,
                positive_spans: vec![Span { offset, length }],
                positive_buckets: buckets,
                custom_values: if custom { vec![sum, 10.0, 20.0] } else { Vec::new() },
                ..FloatHistogram::default()
            }
        })
}

#[derive(Clone, Debug)]
pub(super) enum Point {
    None,
    Float(f64),
    Histogram(FloatHistogram),
}

pub(super) fn points() -> impl Strategy<Value = Vec<Point>> {
    let special = vec![0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX, stale_marker()];
    let point = prop_oneof![
        2 => Just(Point::None),
        5 => (0.0..50.0_f64).prop_map(Point::Float),
        1 => proptest::sample::select(special).prop_map(Point::Float),
        2 => histogram().prop_map(Point::Histogram),
    ];
    proptest::collection::vec(point, 0..12)
}

pub(super) fn fill(all: &[Vec<Point>]) -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for (at, points) in all.iter().enumerate() {
        let name = ["c_total", "g", "h", "b_bucket", "mixed", "target_info"][at % 6];
        let le = ["", "0.1", "1", "+Inf"][if name == "b_bucket" { at / 6 % 4 } else { 0 }];
        let (a, b) = ((at / 6 % 2).to_string(), (at / 12).to_string());
        let labels = Labels::from_pairs([("__name__", name), ("a", &a), ("b", &b), ("le", le)]);
        for (minute, point) in points.iter().enumerate() {
            let time = i64::try_from(minute).unwrap() * 60_000 - 200_000;
            match point {
                Point::Histogram(histogram) if !matches!(name, "c_total" | "g" | "target_info") => {
                    let histogram = Arc::new(histogram.clone());
                    appender
                        .append_histogram(SeriesRef::default(), &labels, time, &histogram)
                        .unwrap();
                }
                Point::Float(value) if name != "h" => {
                    appender.append(SeriesRef::default(), &labels, time, *value).unwrap();
                }
                _ => {}
            }
        }
    }
    appender.commit().unwrap();
    store
}

fn nameless(labels: &Labels) -> Vec<(&str, &str)> {
    labels.iter().filter(|&(name, _)| name != "__name__").collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expressions_give_a_result_or_an_error(
        text in vector(),
        all in proptest::collection::vec(points(), 1..24),
        delayed_name_removal in any::<bool>(),
    ) {
        let store = fill(&all);
        let engine = Engine::new(EngineOptions {
            delayed_name_removal,
            samples_max: 100_000,
            ..EngineOptions::default()
        });
        // The parser refuses what has no meaning, say a string compared.
        if let Ok(expr) = parse(&text, &Options::everything()) {
            let query = QueryOptions { query: &text, ..QueryOptions::default() };
            let range = engine.range(&store, &expr, -100_000, 400_000, 50_000, &query);
            let instant = engine.instant(&store, &expr, 100_000, &query);
            // Errors depend on the step; what one step gives must be in the range too.
            if let (Ok(range), Ok(instant)) = (range, instant) {
                let server_promql::value::Value::Vector(samples) = instant.value else {
                    panic!("{text} gave no vector");
                };
                let server_promql::value::Value::Matrix(series) = range.value else {
                    panic!("{text} gave no matrix");
                };
                // Of equal counts any may be among the topmost.
                let by_luck = text.contains("count_values")
 && ["topk", "bottomk", "limit"].iter().any(|name| text.contains(name));
                if !text.contains("start()") && !text.contains("end()") && !by_luck {
                    for sample in samples {
                        // Of a series that only later loses its name the range decides once.
                        let is_same = |labels: &Labels| {
                            *labels == sample.labels
                                || delayed_name_removal
                                    && nameless(labels) == nameless(&sample.labels)
                        };
                        let found = series.iter().any(|one| {
                            is_same(&one.labels)
                                && one.points.timestamps.contains(&sample.timestamp)
                        });
                        prop_assert!(found, "{} of {text} is not in the range", sample.labels);
                    }
                }
            }
        }
    }
}
