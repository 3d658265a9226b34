//! Hostile texts: deep, long, wide. All are answered at once, none overflows the stack.

use server_promql::parser::{ERRORS_MAX, HEIGHT_MAX, NESTING_MAX, Options, TEXT_BYTES_MAX, parse};

/// Builds a query of `depth` levels.
type Build = fn(usize) -> String;

/// Every way to grow, and how far it may go.
const WAYS: &[(&str, u32, Build)] = &[
    ("parentheses", NESTING_MAX, |n| format!("{}1{}", "(".repeat(n), ")".repeat(n))),
    ("calls", NESTING_MAX, |n| format!("{}x{}", "abs(".repeat(n), ")".repeat(n))),
    ("aggregations", NESTING_MAX, |n| format!("{}x{}", "sum(".repeat(n), ")".repeat(n))),
    ("signs", NESTING_MAX, |n| format!("{}x", "-".repeat(n))),
    ("sums", HEIGHT_MAX, |n| format!("1{}", "+1".repeat(n))),
    ("powers", NESTING_MAX, |n| format!("1{}", "^1".repeat(n))),
    ("sets", HEIGHT_MAX, |n| format!("a{}", " or a".repeat(n))),
    ("subqueries", HEIGHT_MAX, |n| format!("x{}", "[1m:]".repeat(n))),
    ("durations", NESTING_MAX, |n| format!("x[{}1m{}]", "(".repeat(n), ")".repeat(n))),
    ("duration signs", NESTING_MAX, |n| format!("x[{}1m]", "-".repeat(n))),
    ("duration sums", HEIGHT_MAX, |n| format!("x[1m{}]", "+1m".repeat(n))),
    ("offsets", NESTING_MAX, |n| format!("x offset {}step()", "-".repeat(n))),
];

#[test]
fn what_is_too_deep_is_refused_and_not_followed() {
    let options = Options { text_bytes_max: usize::MAX, ..Options::everything() };
    for (name, levels_max, build) in WAYS {
        let errors = parse(&build(1_000_000), &options).unwrap_err();
        let wanted = format!("expression is deeper than {levels_max} levels");
        assert!(errors.iter().any(|error| error.message == wanted), "{name}: {errors}");
    }
}

#[test]
fn what_is_just_within_the_limit_is_read_checked_and_printed() {
    for (name, levels_max, build) in WAYS {
        // The innermost operand and the query itself are levels, too.
        let query = build(*levels_max as usize - 3);
        match parse(&query, &Options::everything()) {
            Ok(expr) => {
                assert!(!expr.to_string().is_empty() && !expr.pretty().is_empty());
                assert!(expr.clone() == expr, "{name}");
            }
            Err(errors) => {
                // Only what makes no sense is refused: ranges of ranges, negative durations.
                let too_deep = errors.iter().any(|error| error.message.contains("deeper"));
                assert!(!too_deep, "{name}: {errors}");
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
