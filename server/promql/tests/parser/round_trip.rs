//! What is printed parses back to the same tree.

use common_model::{METRIC_NAME, Matcher};
use common_testkit::suites;
use serde_json::Value;
use server_promql::ast::{DurationArg, DurationExpr, Expr, Span, VectorSelector};
use server_promql::parser::{Options, parse};

/// Takes out what a printer may change: places, and the order of matchers.
fn normalize(expr: &mut Expr) {
    match expr {
        Expr::Aggregate(e) => {
            e.span = Span::default();
            normalize(&mut e.expr);
            e.param.iter_mut().for_each(normalize);
        }
        Expr::Binary(e) => {
            e.span = Span::default();
            normalize(&mut e.left);
            normalize(&mut e.right);
        }
        Expr::Call(e) => {
            e.span = Span::default();
            e.args.iter_mut().for_each(normalize);
        }
        Expr::Matrix(e) => {
            e.span = Span::default();
            normalize_selector(&mut e.vector);
            normalize_argument(&mut e.range);
        }
        Expr::Number(e) => {
            e.span = Span::default();
            // NaN is not equal to itself.
            e.value = if e.value.is_nan() { 0.123_456 } else { e.value };
        }
        Expr::Paren(e) => {
            e.span = Span::default();
            normalize(&mut e.expr);
        }
        Expr::String(e) => e.span = Span::default(),
        Expr::Subquery(e) => {
            e.span = Span::default();
            normalize(&mut e.expr);
            normalize_argument(&mut e.range);
            e.step.iter_mut().chain(&mut e.shift.offset).for_each(normalize_argument);
        }
        Expr::Unary(e) => {
            e.span = Span::default();
            normalize(&mut e.expr);
        }
        Expr::Vector(e) => normalize_selector(e),
    }
}

fn normalize_selector(vector: &mut VectorSelector) {
    vector.span = Span::default();
    vector.matchers.sort_by_key(Matcher::to_string);
    // A name written as a matcher and one before the braces are two trees of one meaning.
    assert!(vector.name.is_empty() || vector.matchers.iter().any(|m| m.name == METRIC_NAME));
    vector.shift.offset.iter_mut().for_each(normalize_argument);
}

fn normalize_argument(argument: &mut DurationArg) {
    if let DurationArg::Computed(expr) = argument {
        normalize_duration(expr);
    }
}

fn normalize_duration(expr: &mut DurationExpr) {
    match expr {
        DurationExpr::Number(_, span)
        | DurationExpr::Duration(_, span)
        | DurationExpr::Step(span)
        | DurationExpr::Range(span) => *span = Span::default(),
        DurationExpr::Unary(_, inner, span) | DurationExpr::Paren(inner, span) => {
            *span = Span::default();
            normalize_duration(inner);
        }
        DurationExpr::Binary(_, left, right, span)
        | DurationExpr::Min(left, right, span)
        | DurationExpr::Max(left, right, span) => {
            *span = Span::default();
            normalize_duration(left);
            normalize_duration(right);
        }
    }
}

/// Checks one query that must parse; `pretty` text must mean the same, too.
pub(super) fn check(query: &str) {
    let read = |text: &str| {
        let mut expr = parse(text, &Options::everything())
            .unwrap_or_else(|errors| panic!("{query:?}, printed as {text:?}: {errors}"));
        normalize(&mut expr);
        expr
    };
    let expr = parse(query, &Options::everything()).unwrap();
    let (printed, pretty) = (expr.to_string(), expr.pretty());
    assert_eq!(read(&printed), read(query), "{query:?} printed as {printed:?}");
    assert_eq!(read(&pretty), read(query), "{query:?} printed as {pretty:?}");
    let again = parse(&printed, &Options::everything()).unwrap();
    assert_eq!(again.to_string(), printed, "{query:?}");
}

/// The queries of upstream's test language: what follows the times of `eval` lines.
fn queries_of(test: &str) -> impl Iterator<Item = &str> {
    test.lines().map(str::trim).filter(|line| line.starts_with("eval")).filter_map(|line| {
        let mut words = line.splitn(3, ' ');
        let (_, kind, rest) = (words.next()?, words.next()?, words.next()?);
        // `at T QUERY`, or `from A to B step C QUERY`
        let times = if kind == "instant" { 2 } else { 6 };
        let query = rest.splitn(times + 1, ' ').last()?;
        Some(query.trim())
    })
}

#[test]
fn every_query_of_the_suites_survives_printing_and_reading() {
    let Some(suites) = suites() else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(suites.join("promql")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "test") {
            continue;
        }
        let test = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for query in queries_of(&test) {
            check(query);
            count += 1;
        }
    }
    let text = std::fs::read_to_string(suites.join("parser/parse_cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text.replace("\\udcff", "\\ufffd")).unwrap();
    for case in cases.iter().filter(|case| case["fail"] == false) {
        check(case["input"].as_str().unwrap());
        count += 1;
    }
    assert!(count > 1700, "only {count} queries found");
}
