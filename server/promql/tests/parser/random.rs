//! Texts nobody would write: the parser answers all of them, and what it accepts survives printing.

use proptest::prelude::*;
use server_promql::ast::Expr;
use server_promql::lexer::go_quote;
use server_promql::parser::{
    Options, parse, parse_duration_ms, parse_metric, parse_selector, parse_series_description_with,
};

/// What queries are made of, and what breaks them.
const WORDS: &str = r##"
a sum by without ( ) { } [ ] , + - * / % ^ == != < </ >/ >= =~ !~ = ! bool on ignoring
group_left group_right fill fill_left offset @ 5m 1h30m 1 0x1f 1e3 Inf NaN "b" 'c' `d` " \
rate time info start end step range min_of max_of anchored smoothed and or unless atan2
count_values topk quantile : :: a:b # é � $ .. _ stale x3 {{ }} schema:1 buckets:[1
@st
"##;

fn words() -> Vec<&'static str> {
    WORDS.split_whitespace().chain(["\n"]).collect()
}

fn check(text: &str) -> Result<(), TestCaseError> {
    for options in [Options::default(), Options::everything()] {
        match parse(text, &options) {
            Ok(expr) => {
                let printed = expr.to_string();
                let again = parse(&printed, &options);
                let again = again.map_err(|errors| {
                    TestCaseError::fail(format!("{text:?} printed as {printed:?}: {errors}"))
                })?;
                prop_assert_eq!(again.to_string(), printed);
                let pretty = parse(&expr.pretty(), &options);
                prop_assert_eq!(pretty.map(|expr| expr.to_string()), Ok(expr.to_string()));
            }
            Err(errors) => {
                prop_assert!(errors.iter().count() > 0);
                let inside = errors.iter().all(|error| {
                    error.span.start as usize <= text.len() && error.span.end as usize <= text.len()
                });
                prop_assert!(inside, "{}", errors);
            }
        }
    }
    let _ = parse_selector(text);
    let _ = parse_metric(text);
    let _ = parse_duration_ms(text);
    let _ = parse_series_description_with(text, &|a, _, _| Ok(a.clone()));
    let _ = parse_series_description_with(&format!("x {text}"), &|a, _, _| Ok(a.clone()));
    Ok(())
}

/// Instant vectors of every form, nested a few levels.
fn vector() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "{b='c'}",
        "sum{d=~'e.*'}",
        "a offset 5m",
        "a @ end() offset -1h",
        "a smoothed",
        "vector(1)",
        "rate(a[5m])",
        "rate(a[1m + step()] anchored)",
        "(time() - a)",
        "-a",
        "a ^ 2 ^ -b",
        "rate(a[5m:1m] @ 1.5)",
        "max_over_time(a[max_of(1m, range()):])",
        "a offset -(step() * 2)",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 2, |inner| {
        let op = prop::sample::select(vec![
            "+",
            "* on (x)",
            "/ ignoring (y) group_left (z)",
            "== bool",
            "> ",
            "and",
            "or on ()",
            "unless",
            "atan2",
            "^",
            "%",
            "- fill (0)",
            "</ 1 +",
            ">=",
        ]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
            inner.clone().prop_map(|v| format!("({v})")),
            inner.clone().prop_map(|v| format!("-{v}")),
            inner.clone().prop_map(|v| format!("sum by (x, on) ({v})")),
            inner.clone().prop_map(|v| format!("topk(2, {v}) without (y)")),
            inner.prop_map(|v| format!("avg_over_time(({v})[1h:5m] offset 1w)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..Default::default() })]

    #[test]
    fn random_words_never_panic(words in prop::collection::vec(prop::sample::select(words()), 0..24), space in any::<bool>()) {
        check(&words.join(if space { " " } else { "" }))?;
    }

    #[test]
    fn random_queries_that_make_sense_are_accepted(query in vector()) {
        let parsed = parse(&query, &Options::everything());
        prop_assert!(parsed.is_ok(), "{query}: {parsed:?}");
        super::round_trip::check(&query);
    }

    #[test]
    fn random_characters_never_panic(text in "\\PC{0,40}") {
        check(&text)?;
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        check(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn any_text_survives_as_a_string_literal(text in "[^\u{fffd}]{0,20}") {
        let query = go_quote(&text);
        let expr = parse(&query, &Options::default());
        let expr = expr.map_err(|errors| TestCaseError::fail(format!("{query}: {errors}")))?;
        prop_assert_eq!(expr.to_string(), query);
        let Expr::String(literal) = expr else { panic!("no string") };
        prop_assert_eq!(literal.value, text);
    }
}
