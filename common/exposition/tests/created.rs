//! Since when samples count, as `_created` lines say it.

use common_exposition::{CreatedTimes, Dialect, Event, Parser};
use proptest::prelude::*;

/// Series of a page with their start times, where these are known; `_created` lines that are no
/// series are left out. What is wrong ends the page.
fn told(page: &[u8]) -> Vec<(String, i64)> {
    let (mut parser, mut created) =
        (Parser::new(page, Dialect::OpenMetrics), CreatedTimes::new(page));
    let mut found = Vec::new();
    loop {
        let at = parser.position();
        match parser.next() {
            Ok(Some(Event::Series(series))) => {
                let raw = String::from_utf8_lossy(series.raw).into_owned();
                found.extend(created.start(at, &series).map(|start| (raw, start)));
            }
            Ok(Some(event)) => created.pass(&event),
            Ok(None) | Err(_) => return found,
        }
    }
}

#[track_caller]
fn check(page: &str, wanted: &[(&str, i64)]) {
    let found = told(format!("{page}# EOF\n").as_bytes());
    let found: Vec<(&str, i64)> = found.iter().map(|(raw, start)| (&**raw, *start)).collect();
    assert_eq!(found, wanted, "{page}");
}

#[test]
fn counters_histograms_and_summaries_learn_since_when_they_count() {
    check("# TYPE a counter\na_total 1\na_created 1520872607.123\n", &[("a_total", 1520872607123)]);
    check("# TYPE a counter\na 1\na_created 5\n", &[("a", 5000)]);
    check(
        "# HELP h x\n# TYPE h histogram\n# UNIT h \nh_bucket{le=\"1\",x=\"y\"} 1\nh_bucket{x=\"y\",le=\"+Inf\"} 1\n\
         h_count{x=\"y\"} 1\nh_sum{x=\"y\"} 1\nh_created{x=\"y\"} 2\nh_count{x=\"z\"} 1\n",
        &[
            ("h_bucket{le=\"1\",x=\"y\"}", 2000),
            ("h_bucket{x=\"y\",le=\"+Inf\"}", 2000),
            ("h_count{x=\"y\"}", 2000),
            ("h_sum{x=\"y\"}", 2000),
            ("h_count{x=\"z\"}", 0),
        ],
    );
    check(
        "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count 1\ns_sum 1\ns_created 3\n",
        &[("s{quantile=\"0.5\"}", 3000), ("s_count", 3000), ("s_sum", 3000)],
    );
    // The special label of another type is one like any other.
    check(
        "# TYPE a counter\na_total{le=\"1\"} 1\na_created 5\na_total{quantile=\"1\"} 1\n",
        &[("a_total{le=\"1\"}", 0), ("a_total{quantile=\"1\"}", 0)],
    );
}

#[test]
fn the_line_may_stand_anywhere_in_its_family() {
    check("# TYPE a counter\na_created 5\na_total 1\n", &[("a_total", 5000)]);
    check(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_created 5\nh_bucket{le=\"+Inf\"} 1\n",
        &[("h_bucket{le=\"1\"}", 5000), ("h_bucket{le=\"+Inf\"}", 5000)],
    );
    // Counters first, then what is said of them, in another order.
    check(
        "# TYPE a counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 1\na_total 1\na_created 7\n\
         a_created{x=\"2\"} 6\na_created{x=\"1\"} 5\n",
        &[("a_total{x=\"1\"}", 5000), ("a_total{x=\"2\"}", 6000), ("a_total", 7000)],
    );
    // Not beyond it.
    check(
        "# TYPE a counter\na_total 1\n# TYPE b counter\na_created 5\nb_total 1\n# TYPE a counter\na_created 6\n",
        &[("a_total", 0), ("b_total", 0)],
    );
    check("# TYPE a counter\na_total 1\n# HELP b x\na_created 5\n", &[("a_total", 0)]);
}

#[test]
fn labels_are_the_same_in_any_order_and_spelling() {
    for (of_sample, of_created, wanted) in [
        ("x=\"1\",y=\"2\"", "y=\"2\",x=\"1\"", 5000),
        ("x=\"1\",", "x=\"1\"", 5000),
        ("\"x\"=\"1\"", "x=\"1\"", 5000),
        ("x=\"1\",y=\"\"", "x=\"1\"", 5000),
        ("x=\"a\\\"b\\\\\"", "x=\"a\\\"b\\\\\"", 5000),
        ("x=\"1\",y=\"2\"", "x=\"2\",y=\"1\"", 0),
        ("x=\"12\"", "x=\"1\"", 0),
        ("x=\"1\"", "x=\"1\",y=\"2\"", 0),
    ] {
        let raw = format!("a_total{{{of_sample}}}");
        check(
            &format!("# TYPE a counter\n{raw} 1\na_created{{{of_created}}} 5\n"),
            &[(&*raw, wanted)],
        );
    }
    check(
        "# TYPE \"u.t\" counter\n{\"u.t_total\",x=\"1\"} 1\n{x=\"1\",\"u.t_created\"} 5\n",
        &[("{\"u.t_total\",x=\"1\"}", 5000)],
    );
}

#[test]
fn a_time_that_is_none_is_not_known() {
    for (value, wanted) in [
        ("NaN", 0),
        ("+Inf", 0),
        ("-Inf", 0),
        ("-5", 0),
        ("0", 0),
        ("0.0004", 0),
        ("1e300", 0),
        ("9.3e15", 0),
        ("1e-3", 1),
        ("1.5e+09", 1_500_000_000_000),
        ("1.520872607123e+09", 1_520_872_607_123),
        ("5 12", 5000),
        ("5 12 # {trace_id=\"x\"} 1 2", 5000),
        ("5 # {trace_id=\"x\"} 1", 5000),
    ] {
        check(
            &format!("# TYPE a counter\na_total 1 # {{b=\"c\"}} 1\na_created {value}\n"),
            &[("a_total", wanted)],
        );
    }
    // Of two the earlier, and what is no time does not hide one.
    check("# TYPE a counter\na_total 1\na_created 6\na_created 5\n", &[("a_total", 5000)]);
    check("# TYPE a counter\na_total 1\na_created NaN\na_created 5\n", &[("a_total", 5000)]);
}

#[test]
fn only_what_counts_gives_up_its_created_lines() {
    for kind in ["gauge", "gaugehistogram", "info", "stateset", "unknown"] {
        check(&format!("# TYPE x {kind}\nx 1\nx_created 17\n"), &[("x", 0), ("x_created", 0)]);
    }
    check("# TYPE x_created gauge\nx_created 17\n", &[("x_created", 0)]);
    check("x_total 1\nx_created 17\n", &[("x_total", 0), ("x_created", 0)]);
    // As in the original: no series, whoever it tells of.
    check("# TYPE a counter\na_created 5\n", &[]);
    check("# TYPE a counter\na_total 1\nstranger_created 5\n", &[("a_total", 0)]);
    check("# TYPE a_total counter\na_total 1\na_created 5\n", &[("a_total", 0)]);
    check("# TYPE a counter\nab_total 1\na_created 5\n", &[("ab_total", 0)]);
    // A word in a label is none in a name.
    let raw = "a_total{x=\"a_created\"}";
    check(&format!("# TYPE a counter\n{raw} 1\n"), &[(raw, 0)]);
}

#[test]
fn a_large_family_takes_no_longer_than_its_lines() {
    let mut page = String::from("# TYPE a counter\n");
    (0..100_000).for_each(|i| page.push_str(&format!("a_total{{x=\"{i}\"}} 1\n")));
    (0..100_000).rev().for_each(|i| page.push_str(&format!("a_created{{x=\"{i}\"}} {}\n", i + 1)));
    page.push_str("# EOF\n");
    let found = told(page.as_bytes());
    assert_eq!(found.len(), 100_000);
    assert!(found.iter().zip(1..).all(|((_, start), i)| *start == i * 1000));
    // Lines of many words, families of one line, and a line that never ends.
    let words = format!("# TYPE a counter\na_total{{x=\"{}\"}} 1\n", "_created".repeat(1_000_000));
    assert_eq!(told(words.as_bytes()).len(), 1);
    let short = "# TYPE a counter\na_total 1\na_created 5\n".repeat(100_000);
    assert_eq!(told(short.as_bytes()).len(), 100_000);
    let open = format!("# TYPE a counter\n{}", "a_created{x=\"\n".repeat(100_000));
    assert_eq!(told(open.as_bytes()), []);
}

proptest! {
    #[test]
    fn any_lines_get_an_answer(
        page in "((# (TYPE a (counter|summary|gauge)|HELP [ab] x)|[\\{\"]{0,2}a(_total|_created|_sum)?\"?(\\{?(le|x)=\"[1\\\\]?\"\\}?)? [0-9.eNa-]{1,3})\n){0,8}"
    ) {
        // A start time comes from a line of the page.
        for (_, start) in told(page.as_bytes()) {
            prop_assert!(start == 0 || page.contains("_created"));
        }
    }
}
