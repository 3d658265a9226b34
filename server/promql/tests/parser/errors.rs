//! What is refused, in which words, and where.

use server_promql::parser::{Options, parse};

fn check(options: &Options, query: &str, wanted: &[&str]) {
    let found: Vec<String> = match parse(query, options) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .iter()
            .map(|error| error.to_string().replacen(": parse error: ", " ", 1))
            .collect(),
    };
    assert_eq!(found, wanted, "{query:?}");
}

#[test]
fn syntax_errors_name_the_token_and_what_was_expected() {
    for (query, error) in [
        ("", "unknown position no expression found in input"),
        (" # nothing\n", "1:1 no expression found in input"),
        ("1 +", "1:4 unexpected end of input"),
        ("a\n  b", r#"2:3 unexpected identifier "b""#),
        ("foo bar", r#"1:5 unexpected identifier "bar""#),
        ("foo by", "1:5 unexpected <by>"),
        ("foo atan2", "1:10 unexpected end of input"),
        ("foo sum", "1:5 unexpected <aggr:sum>"),
        ("foo \"0123456789\"", r#"1:5 unexpected string "\"012345678"..."#),
        ("foo 1h", r#"1:5 unexpected duration "1h""#),
        ("foo a:b", r#"1:5 unexpected metric identifier "a:b""#),
        ("foo start", r#"1:5 unexpected "start""#),
        ("foo }", "1:5 unexpected character: '}'"),
        ("a =~ b", "1:3 unexpected character after '=': '~'"),
        ("a ! b", "1:3 unexpected character after '!': ' '"),
        ("a $ b", "1:3 unexpected character: '$'"),
        ("f(1", "1:4 unclosed left parenthesis"),
        ("1)", "1:3 unexpected right parenthesis ')'"),
        ("a[5m", "1:5 unclosed left bracket"),
        ("a[", "1:3 unexpected end of input in duration expression"),
        ("a]", "1:2 unexpected right bracket ']'"),
        ("a[5m[", "1:5 unexpected left bracket '['"),
        ("a[:5m]", "1:4 unexpected colon before duration in duration expression"),
        ("a[5m:1m:]", "1:8 unexpected colon ':'"),
        ("a[5m 5m]", r#"1:6 unexpected duration "5m" in subquery or range, expected ":" or "]""#),
        ("a[5m:1m 1m]", r#"1:9 unexpected duration "1m" in subquery selector, expected "]""#),
        (
            "a[5m:*]",
            r#"1:6 unexpected <op:*> in subquery selector, expected number, duration, step(), range(), or "]""#,
        ),
        ("a{b", "1:4 unexpected end of input inside braces"),
        ("a{b}", r#"1:4 unexpected "}" in label matching, expected label matching operator"#),
        (
            "a{b='c' d='e'}",
            r#"1:9 unexpected identifier "d" in label matching, expected "," or "}""#,
        ),
        ("a{b='c',,}", r#"1:9 unexpected "," in label matching, expected identifier or "}""#),
        ("a{{}", "1:3 unexpected left brace '{'"),
        (
            "sum by (a b) (c)",
            r#"1:11 unexpected identifier "b" in grouping opts, expected "," or ")""#,
        ),
        ("sum by (\"\") (c)", r#"1:9 invalid label name for grouping: """#),
        ("a + on (b) group_left", r#"1:22 unexpected end of input in grouping opts, expected "(""#),
        ("sum by (without) (a)", "1:9 unexpected <without> in grouping opts, expected label"),
        ("a[NaN]", "1:3 unexpected character in duration expression: 'N'"),
        ("a offset NaN", "1:10 duration out of range"),
        ("a[(0s)]", "1:4 duration must be greater than 0"),
        ("a[1m/(0)]", "1:5 division by zero"),
        ("a + fill 1", r#"1:10 unexpected number "1""#),
        ("a + fill() b", r#"1:10 unexpected ")""#),
        ("a @ b", r#"1:5 unexpected identifier "b" in @, expected timestamp"#),
        ("a @ end", "1:8 unexpected end of input in @, expected timestamp"),
        ("f(a,)", "1:4 trailing commas not allowed in function call args"),
        ("1_", "1:1 bad number or duration syntax: \"1_\""),
        ("0x", "1:1 error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax"),
        ("'a\nb'", "1:1 unterminated quoted string"),
        (r#""\400""#, "1:1 escape sequence is an invalid Unicode code point"),
        (r#""\ud800""#, "1:1 escape sequence is an invalid Unicode code point"),
    ] {
        // Only the first complaint is told; what follows a syntax error is of little use.
        let first = parse(query, &Options::everything()).unwrap_err();
        let first = first.to_string().replacen(": parse error: ", " ", 1);
        assert_eq!(first, error, "{query:?}");
    }
}

#[test]
fn a_pattern_that_is_none_is_refused_where_its_matcher_stands() {
    let error = parse("a{b='c',d=~\"(\"}", &Options::default()).unwrap_err();
    // The rest is the pattern's own complaint, which is another crate's.
    let wanted = "1:9: parse error: error parsing regexp: missing closing )";
    assert!(error.to_string().starts_with(wanted), "{error}");
}

#[test]
fn type_errors_are_all_told() {
    let everything = Options::everything();
    for (query, errors) in [
        ("1 == 1", &["1:3 comparisons between scalars must use BOOL modifier"][..]),
        ("a + bool b", &["1:3 bool modifier can only be used on comparison operators"]),
        ("a[1m] + 1", &["1:1 binary expression must contain only scalar and instant vector types"]),
        (
            "a + on (b) group_left (b) c",
            &[r#"1:3 label "b" must not occur in ON and GROUP clause at once"#],
        ),
        ("a + on (b) 1", &["1:1 vector matching only allowed between instant vectors"]),
        ("a + fill (0) 1", &["1:1 filling in missing series only allowed between instant vectors"]),
        ("a and fill (0) b", &["1:1 filling in missing series not allowed for set operators"]),
        ("a{__name__='b'}", &[r#"1:1 metric name must not be set twice: "a" or "b""#]),
        (
            "rate(a, b)",
            &[
                r#"1:1 expected 1 argument(s) in call to "rate", got 2"#,
                r#"1:6 expected type range vector in call to function "rate", got instant vector"#,
            ],
        ),
        (
            "label_join(a)",
            &[r#"1:1 expected at least 3 argument(s) in call to "label_join", got 1"#],
        ),
        (
            "histogram_quantiles(a, 'q', 1,1,1,1,1,1,1,1,1,1,1)",
            &[r#"1:1 expected at most 12 argument(s) in call to "histogram_quantiles", got 13"#],
        ),
        ("sum(1)", &["1:5 expected type instant vector in aggregation expression, got scalar"]),
        (
            "topk(a, {})",
            &[
                "1:9 vector selector must contain at least one non-empty matcher",
                "1:6 expected type scalar in aggregation parameter, got instant vector",
            ],
        ),
        (
            "-'a'",
            &[
                "1:1 unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
            ],
        ),
        ("a[1m] offset 1m offset 2m", &["1:1 offset may not be set multiple times"]),
        ("a @ 1 @ 2", &["1:1 @ <timestamp> may not be set multiple times"]),
        ("a @ Inf", &["1:1 timestamp out of bounds for @ modifier: +Inf"]),
        ("a anchored smoothed", &["1:1 anchored and smoothed modifiers cannot be used together"]),
        ("a[1m:] anchored", &["1:1 anchored modifier is not supported for subqueries"]),
        ("1 smoothed", &["1:1 smoothed modifier not implemented"]),
        (
            "f() + g()",
            &[r#"1:1 unknown function with name "f""#, r#"1:7 unknown function with name "g""#],
        ),
        ("Rate(a[1m])", &[r#"1:1 unknown function with name "Rate""#]),
    ] {
        check(&everything, query, errors);
    }
}

#[test]
fn features_that_are_off_are_refused_by_name() {
    let nothing = Options { duration_expr: false, ..Options::default() };
    for (query, errors) in [
        ("info(a)", &[r#"1:1 function "info" is not enabled"#][..]),
        (
            "limitk(1, a)",
            &[
                "1:1 limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
            ],
        ),
        ("a[1m+1m]", &["1:3 experimental duration expression is not enabled"]),
        ("a[(1m)]", &["1:4 experimental duration expression is not enabled"]),
        ("a offset step()", &["1:10 experimental duration expression is not enabled"]),
        ("a[1m] anchored", &["1:1 anchored modifier is experimental and not enabled"]),
        ("a smoothed", &["1:1 smoothed modifier is experimental and not enabled"]),
        ("a + fill (0) b", &["1:1 binop fill modifiers are experimental and not enabled"]),
        ("a offset -5m", &[]),
        ("start + end", &[]),
    ] {
        check(&nothing, query, errors);
    }
}
