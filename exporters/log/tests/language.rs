//! What programs count.

use crate::support::run;

fn check(program: &str, lines: &[&str], expected: &[&str], errors: u64) {
    assert_eq!(run(program, lines).map(|(_, errors)| errors), Ok(errors), "{program}");
    assert_eq!(run(program, lines).unwrap().0, expected, "{program}");
}

#[test]
fn values_follow_their_types() {
    check("counter a\n/x/ {\n  a++\n}\n", &["x", "y", "xx"], &["a 2"], 0);
    check("gauge g\n/(\\d+) (\\d+)/ {\n  g = $1 / $2\n}\n", &["7 2"], &["g 3"], 0);
    check("gauge g\n/(\\d+) (\\d+\\.\\d)/ {\n  g = $1 / $2\n}\n", &["7 2.0"], &["g 3.5"], 0);
    // An integer with leading zeros is printed anew where it is a label.
    check("counter a by n\n/(\\d+)/ {\n  a[$1]++\n}\n", &["007"], &["a{n=\"7\"} 1"], 0);
    check("counter a by n\n/(\\d+|-)/ {\n  a[$1]++\n}\n", &["007"], &["a{n=\"007\"} 1"], 0);
    // What is first an integer stays one.
    let mixed = "gauge g\n/(\\d+) (\\S+)/ {\n  g = $1\n  g = 2.5\n}\n";
    check(mixed, &["1 x"], &["g 1"], 1);
}

#[test]
fn otherwise_fires_where_nothing_matched() {
    let program = "counter a by l\n/x/ {\n  a[\"x\"]++\n}\notherwise {\n  a[\"o\"]++\n}\n\
                   otherwise {\n  a[\"second\"]++\n}\n";
    check(program, &["x", "y", "z"], &["a{l=\"o\"} 2", "a{l=\"x\"} 1"], 0);
}

#[test]
fn decorators_give_their_groups_to_the_block() {
    let program =
        "counter a by w\ndef d {\n  /(?P<w>\\w+)=/ {\n    next\n  }\n}\n@d {\n  a[$w]++\n}\n";
    check(program, &["k=1", "none", "k=2"], &["a{w=\"k\"} 2"], 0);
}

#[test]
fn histograms_count_in_the_first_bucket_that_holds_the_value() {
    let program = "histogram h buckets 1, 2\n/(\\S+)/ {\n  h = float($1)\n}\n";
    let expected = [
        "h_bucket{le=\"1\"} 2",
        "h_bucket{le=\"2\"} 2",
        "h_bucket{le=\"+Inf\"} 3",
        "h_sum 3",
        "h_count 3",
    ];
    check(program, &["-5", "1", "7"], &expected, 0);
}

#[test]
fn times_are_remembered_by_their_text_alone() {
    let program = "gauge g by n\n/^(\\S+) (\\w)$/ {\n  strptime($1, \"2006-01-02\")\n  g[$2] = timestamp()\n}\n";
    let lines = ["2026-10-18 a", "never b", "never c"];
    // A text that is no time fails once, and means "now" from then on.
    let expected = ["g{n=\"a\"} 1.7922816e+09", "g{n=\"c\"} 1.792329255e+09"];
    check(program, &lines, &expected, 1);
    let yearless =
        "gauge g\n/^(.*)$/ {\n  strptime($1, \"Jan _2 15:04:05\")\n  g = timestamp()\n}\n";
    check(yearless, &["Oct  8 13:14:15"], &["g 1.791465255e+09"], 0);
}

#[test]
fn texts_are_changed_as_go_changes_them() {
    let program = "counter a by t\n/^(.*)$/ {\n  a[subst(/[0-9]+/, \"N\", tolower($1))]++\n}\n";
    check(program, &["A1 B22 İ"], &["a{t=\"aN bN i\"} 1"], 0);
    let parsed = "gauge g\n/^(\\S+)$/ {\n  g = strtol($1, 16)\n}\n";
    check(parsed, &["fF", "zz"], &["g 255"], 1);
}

#[test]
fn additions_of_later_versions_are_seen_by_what_follows_them() {
    let begun = "gauge g\nbegin {\n  g = 5\n}\n/x/ {\n  g++\n}\n";
    check(begun, &["x"], &["g 6"], 0);
    let defined = "counter a by d\n/x(y)?/ {\n  defined($1) {\n    a[\"yes\"]++\n  } else {\n    \
                   a[\"no\"]++\n  }\n}\n";
    check(defined, &["x", "xy"], &["a{d=\"no\"} 1", "a{d=\"yes\"} 1"], 0);
    // Metrics of those names are metrics.
    check("counter begin\n/x/ {\n  begin++\n}\n", &["x"], &["begin 1"], 0);
    check("counter defined\n/x/ {\n  defined++\n}\n", &["x"], &["defined 1"], 0);
    let chained = "counter a by l\n/(\\w+)/ && $1 =~ /(b+)/ {\n  a[$1]++\n}\n";
    check(chained, &["abba", "acca"], &["a{l=\"bb\"} 1"], 0);
}

#[test]
fn a_filter_lets_only_its_logs_through() {
    check("log_filter \"/log\"\ncounter a\n/$/ {\n  a++\n}\n", &["x"], &["a 1"], 0);
    check("log_filter \"/other\"\ncounter a\n/$/ {\n  a++\n}\n", &["x"], &["a 0"], 0);
}
