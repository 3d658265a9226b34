//! Series descriptions of the test language.

use common_model::{FloatHistogram, is_stale_marker};
use common_testkit::suites;
use server_promql::parser::{SequenceValue, SeriesDescription, parse_series_description_with};

/// Adds counts only: what arithmetic does is tested where it lives.
fn combine(a: &FloatHistogram, b: &FloatHistogram, add: bool) -> Result<FloatHistogram, String> {
    let count = if add { a.count + b.count } else { a.count - b.count };
    Ok(FloatHistogram { count, ..a.clone() })
}

fn read(line: &str) -> Result<SeriesDescription, String> {
    parse_series_description_with(line, &combine).map_err(|errors| errors.to_string())
}

/// Values as one line of text: histograms as `{schema count spans}`.
fn show(values: &[SequenceValue]) -> String {
    let text = values.iter().map(|value| match value {
        SequenceValue::Omitted => "_".to_owned(),
        SequenceValue::Float(value) if is_stale_marker(*value) => "stale".to_owned(),
        SequenceValue::Float(value) => value.to_string(),
        SequenceValue::Histogram { histogram: h, hint_is_set } => format!(
            "{{{} {} +{:?} -{:?}{}}}",
            h.schema,
            h.count,
            h.positive_spans.iter().map(|s| (s.offset, s.length)).collect::<Vec<_>>(),
            h.negative_spans.iter().map(|s| (s.offset, s.length)).collect::<Vec<_>>(),
            if *hint_is_set { format!(" {:?}", h.counter_reset) } else { String::new() },
        ),
    });
    text.collect::<Vec<_>>().join(" ")
}

#[test]
fn values_are_written_out() {
    for (line, labels, values) in [
        ("up", r#"{__name__="up"}"#, ""),
        ("up 1 2.5 -3", r#"{__name__="up"}"#, "1 2.5 -3"),
        (r#"up{job="a", b='c',} 1"#, r#"{__name__="up", b="c", job="a"}"#, "1"),
        (r#"{"a.b", "x y"="z"} 1"#, r#"{__name__="a.b", "x y"="z"}"#, "1"),
        ("sum{} _ _x2 1", r#"{__name__="sum"}"#, "_ _ _ 1"),
        ("a 1x2 stale", r#"{__name__="a"}"#, "1 1 1 stale"),
        ("a 1+2x3", r#"{__name__="a"}"#, "1 3 5 7"),
        ("a 0-1.5x2", r#"{__name__="a"}"#, "0 -1.5 -3"),
        ("a -2+4x1  1e-1x0", r#"{__name__="a"}"#, "-2 2 0.1"),
        ("a Inf -Inf NaN +inf", r#"{__name__="a"}"#, "inf -inf NaN inf"),
        ("a {{}} {{ }}x1", r#"{__name__="a"}"#, "{0 0 +[] -[]} {0 0 +[] -[]} {0 0 +[] -[]}"),
        (
            "a {{schema:-1 count:3.5 buckets:[1 2 ] offset:-3 n_buckets:[4] n_offset:2}}",
            r#"{__name__="a"}"#,
            "{-1 3.5 +[(-3, 2)] -[(2, 1)]}",
        ),
        (
            "a {{count:1}}+{{count:2 counter_reset_hint:gauge}}x2",
            r#"{__name__="a"}"#,
            "{0 1 +[] -[] Unknown} {0 3 +[] -[] Unknown} {0 5 +[] -[] Unknown}",
        ),
        ("a {{count:5}}-{{count:2}}x1", r#"{__name__="a"}"#, "{0 5 +[] -[]} {0 3 +[] -[]}"),
        (r#"a{b="@st"}@st _ -30s-1mx1 0"#, r#"{__name__="a", b="@st"}"#, "_ -30 -90 0"),
    ] {
        let series = read(line).unwrap();
        assert_eq!(series.labels.to_string(), labels, "{line}");
        assert_eq!(show(&series.values), values, "{line}");
        assert_eq!(series.start_times, line.contains("}@st"), "{line}");
    }
}

#[test]
fn bad_lines_are_refused_with_their_place() {
    for (line, error) in [
        ("", "unknown position: parse error: unexpected end of input"),
        (
            "a foo",
            r#"1:3: parse error: unexpected identifier "foo" in series values, expected number or "stale""#,
        ),
        (
            "a 1x-1",
            r#"1:5: parse error: invalid repetition in series values: strconv.ParseUint: parsing "": invalid syntax"#,
        ),
        ("a 1+1", r#"1:6: parse error: unexpected end of input in series values, expected "x""#),
        ("a 5m", r#"1:4: parse error: unexpected "m" in series values"#),
        ("a{b} 1", r#"1:4: parse error: unexpected "}" in label set, expected "=""#),
        ("a{b=1} 1", "1:5: parse error: unexpected character inside braces: '1'"),
        ("a{b=\"1\" 1", "1:9: parse error: unexpected character inside braces: '1'"),
        ("a {{sum}}", "1:5: parse error: missing `:` for histogram descriptor"),
        ("a {{total:1}}", r#"1:5: parse error: bad histogram descriptor found: "total""#),
        ("a {{sum:1 sum:2}}", r#"1:11: parse error: duplicate key "sum" in histogram"#),
        (
            "a {{ sum:1}}",
            r#"1:6: parse error: unexpected "s" in histogram description, expected "}}""#,
        ),
        (
            "a {{schema:1.5}}",
            r#"1:13: parse error: unexpected "." in histogram description, expected histogram description key, e.g. buckets:[5 10 7]"#,
        ),
        (
            "a {{schema:1}}+{{schema:0}}x1",
            "1:3: parse error: error combining histograms: cannot merge from schema 0 to 1",
        ),
        (
            "a 1x18446744073709551615",
            "1:25: parse error: a series description has at most 1048576 values",
        ),
    ] {
        assert_eq!(read(line).err().as_deref(), Some(error), "{line}");
    }
}

#[test]
fn every_series_of_the_suites_is_read() {
    let Some(suites) = suites() else { return };
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(suites.join("promql")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "test") {
            continue;
        }
        let test = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let mut in_load = false;
        for line in test.lines().map(str::trim) {
            let starts_load = line.starts_with("load");
            if in_load && !line.is_empty() && !line.starts_with('#') {
                count += 1;
                wrong.extend(read(line).err().map(|error| format!("{line}: {error}")));
            }
            in_load = starts_load || (in_load && !line.is_empty() && !line.starts_with('#'));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 1000, "only {count} series found");
}
