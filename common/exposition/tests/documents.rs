//! Whole documents: what the classic text parser and the linter say. Recorded from promtool 3.5.3.

use common_exposition::{FamilyOptions, ParsedValue, lint, parse_families};

fn check(text: &str, wanted: &str) {
    let got = match lint(text.as_bytes()) {
        Ok(problems) => problems.iter().map(|p| format!("{p}\n")).collect(),
        Err(error) => format!("line {}: {}\n", error.line, error.message),
    };
    assert_eq!(got, wanted, "{text:?}");
}

#[test]
fn documents_are_refused_in_the_words_of_the_original() {
    for (text, wanted) in [
        ("foo 1", "line 1: unexpected end of input stream\n"),
        ("a{b=\"\u{e9}\"} 1\n", "a no help text\n"),
        ("# HELP a x\n{\"my.m\"} 1\n", "line 2: invalid metric name \"my.m\"\n"),
        ("{b=\"1\"} 1\n", "line 1: invalid metric name\n"),
        ("{\"b\" a} 1\n", "line 1: unexpected end of metric name 'a'\n"),
        ("a{\"b\"} 1\n", "line 1: expected '=' after label name, found '}'\n"),
        ("a{b=\"1\"} 1 2 3\n", "line 1: spurious string after timestamp: \" 3\"\n"),
        ("# TYPE a histogram\na_count -1\n", "line 2: negative count for histogram \"a\"\n"),
        (
            "# TYPE a histogram\na_bucket{le=\"1\"} -1\n",
            "line 2: negative bucket population for histogram \"a\"\n",
        ),
        ("# HELP a\\\"b c\na 1\n", "line 1: invalid metric name in comment\n"),
        ("# HELP a b\\qd\na 1\n", "line 1: invalid escape sequence '\\q'\n"),
        ("a{,} 2\n", "line 1: invalid label name for metric \"a\"\n"),
        ("a{b=\"1\"c=\"2\"} 1\n", "line 1: unexpected end of label value \"1\"\n"),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"z} 1\n",
            "line 2: unexpected end of label value \"1\"\n",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"\nb 1\n",
            "line 2: unexpected end of label value \"1\"\n",
        ),
        ("#TYPE x y\n", "line 1: unknown metric type \"y\"\n"),
        ("# TYPE a gauge \na 1\n", "line 1: unknown metric type \"gauge \"\n"),
        ("# TYPE 9x gauge\nx 1\n", "line 1: invalid metric name in comment\n"),
        ("a 1e999\n", "line 1: expected float as value, got \"1e999\"\n"),
        ("a{b=1} 1\n", "line 1: expected '\"' at start of label value, found '1'\n"),
        ("a{b 1} 1\n", "line 1: expected '=' after label name, found '1'\n"),
        ("a{b=\"1\n\"} 1\n", "line 1: label value \"1\" contains unescaped new-line\n"),
        (
            "# TYPE a summary\na{quantile=\"x\"} 1\n",
            "line 2: expected float as value for 'quantile' label, got \"x\"\n",
        ),
        (
            "# TYPE a histogram\na_bucket{le=\"x\"} 1\n",
            "line 2: expected float as value for 'le' label, got \"x\"\n",
        ),
        ("a 1 -5\na 2 1.5\n", "line 2: expected integer as timestamp, got \"1.5\"\n"),
        ("# HELP a x\n# HELP a y\na 1\n", "line 2: second HELP line for metric name \"a\"\n"),
        ("a{__name__=\"x\"} 1\n", "line 1: label name \"__name__\" is reserved\n"),
        ("a{b=\"1\",b=\"2\"} 1\n", "line 1: duplicate label names for metric \"a\"\n"),
        ("{\"a\",\"a\"} 3\n", "line 1: multiple metric names for metric \"a\"\n"),
        ("a{\"b c\"=\"x\"} 1\n", "line 1: invalid label name \"b c\"\n"),
        ("a{b\n", "line 1: expected '=' after label name, found '\\n'\n"),
        ("a\n", "line 1: expected float as value, got \"\"\n"),
        ("{\n", "line 1: invalid label name for metric \"\"\n"),
        ("a {b=\"1\"} 1\n# HELP b\n#a\n# TYPE\n", "a no help text\n"),
    ] {
        check(text, wanted);
    }
}

#[test]
fn bad_style_is_told_as_promtool_tells_it() {
    for (text, wanted) in [
        (
            "# HELP fooBar x\n# TYPE fooBar counter\nfooBar{labelName=\"1\"} 1\n",
            "fooBar counter metrics should have \"_total\" suffix\n\
             fooBar label names should be written in 'snake_case' not 'camelCase'\n\
             fooBar metric names should be written in 'snake_case' not 'camelCase'\n",
        ),
        (
            "# TYPE a_gauge_x gauge\na_gauge_x 1\n",
            "a_gauge_x metric name should not include type 'gauge'\na_gauge_x no help text\n",
        ),
        (
            "# HELP b_milliseconds_total x\n# TYPE b_milliseconds_total gauge\nb_milliseconds_total 1\n",
            "b_milliseconds_total non-counter metrics should not have \"_total\" suffix\n\
             b_milliseconds_total use base unit \"seconds\" instead of \"milliseconds\"\n",
        ),
        (
            "# HELP c_bucket x\n# TYPE c_bucket gauge\nc_bucket{le=\"1\",quantile=\"2\"} 1\n",
            "c_bucket non-histogram metrics should not have \"_bucket\" suffix\n\
             c_bucket non-histogram metrics should not have \"le\" label\n\
             c_bucket non-summary metrics should not have \"quantile\" label\n",
        ),
        (
            "# HELP d:count x\n# TYPE d:count gauge\nd:count 3\n",
            "d:count metric names should not contain ':'\n",
        ),
        (
            "# HELP e_sec x\n# TYPE e_sec gauge\ne_sec 3\ne_sec 4\n",
            "e_sec metric names should not contain abbreviated units\ne_sec metric not unique\n",
        ),
        ("# HELP g_counter_x x\n# TYPE g_counter_x gauge\ng_counter_x 3\n", ""),
        (
            "# HELP g2_ms_s \ng2_ms_s 4\n",
            "g2_ms_s metric names should not contain abbreviated units\n\
             g2_ms_s metric names should not contain abbreviated units\ng2_ms_s no help text\n",
        ),
    ] {
        check(text, wanted);
    }
}

#[test]
fn histograms_and_summaries_are_assembled() {
    let text = b"# TYPE h histogram\nh_bucket{a=\"1\",le=\"1\"} 2\nh_sum{a=\"1\"} 3.5\nh_count{a=\"1\"} 4\n\
        # TYPE s summary\ns{quantile=\"0.5\"} 7\ns_count 1\n";
    let families = parse_families(text, FamilyOptions::default()).unwrap();
    let values: Vec<_> = families.iter().map(|family| &family.metrics[0].value).collect();
    let histogram = ParsedValue::Histogram { buckets: vec![(1.0, 2.0)], sum: 3.5, count: 4.0 };
    let summary = ParsedValue::Summary { quantiles: vec![(0.5, 7.0)], sum: 0.0, count: 1.0 };
    assert_eq!(values, [&histogram, &summary]);
}
