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
