//! Own scripts in the test language, and the language itself.

use server_promql::promqltest::run_script;

/// Runs a script; `wanted` are the lines that fail, with a part of the reason.
fn check(script: &str, wanted: &[(usize, &str)]) {
    let outcome = run_script(script);
    let fits = outcome.failures.len() == wanted.len()
        && outcome.failures.iter().zip(wanted).all(|(failure, (line, reason))| {
            failure.line == *line && failure.message.contains(reason)
        });
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert!(fits, "wanted {wanted:?}, got {failures:#?}");
}

#[test]
fn wrong_results_are_told_with_their_line() {
    let script = r#"
load 1m
  x{a="1"} 1 2 3
  x{a="2"} 10 20 30

eval instant at 1m x
  x{a="1"} 2
  x{a="2"} 21

eval instant at 1m sum(x)
  {} 22
  {b="1"} 1

eval instant at 1m sum(x)

eval instant at 1m sum(x)
  expect fail

eval instant at 1m nonsense(x)
  {} 1

eval instant at 1m rate(x[2m])
  expect no_info
  {a="1"} 0.016666666666666666
  {a="2"} 0.16666666666666666

eval range from 0 to 2m step 1m sum(x)
  {} 11 22 34

eval instant at 1m 1 + 1
  3

frobnicate
"#;
    let wanted = [
        (6, "expected 21"),
        (10, "not found"),
        (14, "unexpected metric"),
        (16, "expected failure"),
        (19, "unknown function"),
        (22, "unexpected annotations"),
        (27, "expected 34"),
        (30, "expected scalar 3"),
        (33, "invalid command"),
    ];
    check(script, &wanted);
}

#[test]
fn series_that_become_one_without_their_names_are_merged_or_refused() {
    let script = r#"
load 1m
  a 1 _ _
  b _ _ 3

eval range from 0 to 6m step 6m -{__name__=~"a|b"}
  {} -1 -3

clear
load 1m
  a 1
  b 2

eval instant at 0 -{__name__=~"a|b"}
  expect fail msg: vector cannot contain metrics with the same labelset
"#;
    check(script, &[]);
}

#[test]
fn matching_refuses_what_is_not_one_to_one_only_where_it_happens() {
    let script = r#"
load 1m
  left{a="1"} 1 1 1
  right{a="1", b="1"} _ _ 2
  right{a="1", b="2"} 5 stale

eval range from 0 to 2m step 2m left + on(a) right
  {a="1"} 6 3

eval instant at 0 right + on(a) group_left left
  {a="1", b="2"} 6

load 1m
  right{a="1", b="3"} 7 7 7

eval instant at 2m left + on(a) right
  expect fail regex: found duplicate series for the match group \{a="1"\} on the right hand-side

eval instant at 2m left offset 1h + on(a) right
"#;
    check(script, &[]);
}

#[test]
fn extremes_of_sliding_windows_survive_nan() {
    let script = r#"
load 1m
  x NaN 3 1 NaN 2 NaN NaN 5

eval range from 0 to 7m step 1m max_over_time(x[2m])
  {} NaN 3 3 1 2 2 NaN 5

eval range from 0 to 7m step 1m min_over_time(x[3m])
  {} NaN 3 1 1 1 2 2 5
"#;
    check(script, &[]);
}

#[test]
fn a_counter_counts_from_its_start_time_and_begins_anew_with_each() {
    let script = r#"
load 1m
  s_total{start="unknown"} _ _ 1 2 3 4 5
  s_total{start="outside"}@st _ _ -60s-1mx4
  s_total{start="outside"} _ _ 1 2 3 4 5
  s_total{start="inside"}@st _ _ -30s-1mx4
  s_total{start="inside"} _ _ 1 2 3 4 5
  s_total{start="sample"}@st _ _ 0-1mx4
  s_total{start="sample"} _ _ 1 2 3 4 5
  s_total{start="after"}@st _ _ 1ms-1mx4
  s_total{start="after"} _ _ 1 2 3 4 5
  once_total@st _ _ -1m
  once_total _ _ 60
  again_total@st _ _ -1m -1s _
  again_total _ _ 5 5 2 _

eval instant at 6m increase(s_total[5m])
  {start="unknown"} 5
  {start="outside"} 5
  {start="inside"} 5
  {start="sample"} 4
  {start="after"} 6

eval instant at 4m increase(once_total[4m])
  {} 60

eval instant at 4m increase(again_total[5m])
  {} 12

eval instant at 4m resets(again_total[5m])
  {} 2

eval instant at 4m start_timestamp(again_total)
  {} 0
"#;
    check(script, &[]);
}

#[test]
fn smoothed_finds_no_line_between_samples_of_different_kinds() {
    let script = r#"
load 30s
  x {{schema:0 sum:1 count:1 buckets:[1]}} {{schema:-53 sum:1 count:1 custom_values:[5 10] buckets:[1]}} 3

eval instant at 15s x smoothed
  expect warn msg: PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name "x" (1:1)

eval instant at 45s x smoothed
  expect warn msg: PromQL warning: encountered a mix of histograms and floats for metric name "x" (1:1)
"#;
    check(script, &[]);
}
