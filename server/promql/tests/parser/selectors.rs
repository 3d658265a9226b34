//! Selectors as `match[]` takes them.

use server_promql::parser::{parse_metric, parse_selector};

#[test]
fn a_selector_gives_its_matchers_the_name_last() {
    for (selector, matchers) in [
        ("up", r#"__name__="up""#),
        ("by", r#"__name__="by""#),
        ("up{job='a',}", r#"job="a" __name__="up""#),
        ("{'a.b', c!~\"d|e\"}", r#"__name__="a.b" c!~"d|e""#),
        ("{}", ""),
    ] {
        let found: Vec<String> =
            parse_selector(selector).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found.join(" "), matchers, "{selector}");
    }
}

#[test]
fn what_is_more_than_a_selector_is_refused() {
    for (selector, error) in [
        ("", "unknown position: parse error: unexpected end of input"),
        ("rate(x[5m])", r#"1:5: parse error: unexpected "(""#),
        ("up offset 5m", "1:4: parse error: unexpected <offset>"),
        ("up[5m]", r#"1:3: parse error: unexpected "[""#),
        ("up)", "1:4: parse error: unexpected right parenthesis ')'"),
        ("1", r#"1:1: parse error: unexpected number "1""#),
        ("up or x", "1:4: parse error: unexpected <op:or>"),
        (r#""x""#, r#"1:1: parse error: unexpected string "\"x\"""#),
        ("up{a='b'", "1:9: parse error: unexpected end of input inside braces"),
    ] {
        assert_eq!(parse_selector(selector).unwrap_err().to_string(), error, "{selector}");
    }
}

#[test]
fn a_metric_is_labels_and_nothing_more() {
    for (metric, labels) in [
        ("up", r#"{__name__="up"}"#),
        ("up{b='2',a='1'} ", r#"{__name__="up", a="1", b="2"}"#),
        ("{'a.b'}", r#"{__name__="a.b"}"#),
        ("{}", "{}"),
    ] {
        assert_eq!(parse_metric(metric).unwrap().to_string(), labels, "{metric}");
    }
    for (metric, error) in [
        ("up 1", r#"1:4: parse error: unexpected "1" after the metric"#),
        ("up{a=~'b'}", r#"1:5: parse error: unexpected <op:=~> in label set, expected "=""#),
        ("1", r#"1:1: parse error: unexpected number "1""#),
    ] {
        assert_eq!(parse_metric(metric).unwrap_err().to_string(), error, "{metric}");
    }
}
