//! Hostile texts: deep, long, wide. All are answered at once, none overflows the stack.

use server_promql::parser::{ERRORS_MAX, HEIGHT_MAX, Options, TEXT_BYTES_MAX, parse};

/// Builds a query of `depth` levels.
type Build = fn(usize) -> String;

/// Every way to nest.
const NESTINGS: &[(&str, Build)] = &[
    ("parentheses", |n| format!("{}1{}", "(".repeat(n), ")".repeat(n))),
    ("calls", |n| format!("{}x{}", "abs(".repeat(n), ")".repeat(n))),
    ("aggregations", |n| format!("{}x{}", "sum(".repeat(n), ")".repeat(n))),
    ("signs", |n| format!("{}x", "-".repeat(n))),
    ("sums", |n| format!("1{}", "+1".repeat(n))),
    ("powers", |n| format!("1{}", "^1".repeat(n))),
    ("sets", |n| format!("a{}", " or a".repeat(n))),
    ("subqueries", |n| format!("x{}", "[1m:]".repeat(n))),
    ("durations", |n| format!("x[{}1m{}]", "(".repeat(n), ")".repeat(n))),
    ("duration signs", |n| format!("x[{}1m]", "-".repeat(n))),
    ("duration sums", |n| format!("x[1m{}]", "+1m".repeat(n))),
    ("offsets", |n| format!("x offset {}step()", "-".repeat(n))),
];

#[test]
fn what_nests_too_deeply_is_refused_and_not_followed() {
    let options = Options { text_bytes_max: usize::MAX, ..Options::everything() };
    let wanted = format!("expression nests deeper than {HEIGHT_MAX} levels");
    for (name, build) in NESTINGS {
        let errors = parse(&build(1_000_000), &options).unwrap_err();
        assert!(errors.iter().any(|error| error.message == wanted), "{name}: {errors}");
    }
}

#[test]
fn what_nests_just_within_the_limit_is_read_checked_and_printed() {
    for (name, build) in NESTINGS {
        // Every level costs one, the innermost operand and the query itself a few more.
        let query = build(HEIGHT_MAX as usize - 3);
        match parse(&query, &Options::everything()) {
            Ok(expr) => {
                assert!(!expr.to_string().is_empty() && !expr.pretty().is_empty());
                assert!(expr.clone() == expr, "{name}");
            }
            Err(errors) => {
                // Only what makes no sense is refused: ranges of ranges, negative durations.
                let depth = errors.iter().any(|error| error.message.contains("deeper"));
                assert!(!depth, "{name}: {errors}");
            }
        }
    }
}

#[test]
fn long_texts_are_refused_before_they_are_read() {
    let error = parse(&" ".repeat(TEXT_BYTES_MAX + 1), &Options::default()).unwrap_err();
    let wanted = "1:1: parse error: query is 1048577 bytes long, at most 1048576 are allowed";
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn complaints_are_kept_up_to_a_number() {
    let query = format!("x[1m]{}", ", {}".repeat(1000));
    let errors = parse(&format!("abs({query})"), &Options::default()).unwrap_err();
    assert!(errors.iter().count() <= ERRORS_MAX);
    let query = vec!["f()"; 500].join("+");
    assert_eq!(parse(&query, &Options::default()).unwrap_err().iter().count(), ERRORS_MAX);
}
