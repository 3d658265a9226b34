//! Plans of evaluations, with a clock that goes on by a millisecond whenever it is looked at.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use server_promql::engine::{
    EXPLAIN_NODES_MAX, Engine, Execution, Plan, PlanNode, QueryOptions, Recorder, Search,
};
use server_promql::parser::{Options, parse};
use server_storage::memory::MemoryStore;

/// Explains a range of ten steps, and hands the plan to `look`.
fn explained<T>(store: &MemoryStore, text: &str, look: impl FnOnce(&Plan<'_>) -> T) -> T {
    let expr = parse(text, &Options::everything()).unwrap();
    let looks = AtomicU64::new(0);
    let clock = || Duration::from_millis(looks.fetch_add(1, Ordering::Relaxed));
    let recorder = Recorder::new(&expr, &clock).unwrap();
    let query = QueryOptions { recorder: Some(&recorder), ..QueryOptions::default() };
    let plain = Engine::default().range(store, &expr, 0, 540_000, 60_000, &QueryOptions::default());
    let output = Engine::default().range(store, &expr, 0, 540_000, 60_000, &query);
    assert_eq!(output.unwrap().stats, plain.unwrap().stats, "{text}: explaining changes nothing");
    let plan = recorder.plan();
    let whole = plan.root.total + plan.outside;
    assert_eq!(
        whole,
        Duration::from_millis(looks.load(Ordering::Relaxed) - 1),
        "{text}: all time is told"
    );
    look(&plan)
}

/// `KIND EXECUTION STEPS steps OUT/SAMPLES read SERIES/SAMPLES OWN/TOTAL ms: TEXT`
fn write(node: &PlanNode<'_>, depth: usize, out: &mut String) {
    let m = &node.measure;
    let invariant = if node.is_invariant() { " invariant" } else { "" };
    writeln!(
        out,
        "{:depth$}{} {}{invariant} {} steps {}/{} read {}/{} {}/{} ms: {}",
        "",
        node.kind(),
        node.execution().name(),
        m.steps,
        m.series,
        m.samples,
        m.series_read,
        m.samples_read,
        m.own.as_millis(),
        node.total.as_millis(),
        node.text()
    )
    .unwrap();
    node.children.iter().for_each(|child| write(child, depth + 1, out));
}

#[track_caller]
fn check(text: &str, wanted: &str) {
    let mut found = String::new();
    explained(&super::engine::store(), text, |plan| write(&plan.root, 0, &mut found));
    assert_eq!(found.trim_end(), wanted, "{text}");
}

#[test]
fn every_node_tells_what_it_did() {
    check("x", "selector streamed 10 steps 100/1000 read 100/1000 101/101 ms: x");
    check(
        "sum by (n) (rate(x[2m]))",
        "aggregation materialised 10 steps 100/900 read 0/0 202/505 ms: sum by (n) (rate(x[2m]))
 range function streamed 10 steps 100/900 read 0/0 202/303 ms: rate(x[2m])
  range selector streamed 10 steps 100/1000 read 100/1000 101/101 ms: x[2m]",
    );
    check(
        r#"x{n="1"} * on (n) group_left x"#,
        r#"join many-to-one materialised 10 steps 1/10 read 0/0 105/208 ms: x{n="1"} * on (n) group_left () x
 selector streamed 10 steps 1/10 read 1/10 2/2 ms: x{n="1"}
 selector streamed 10 steps 100/1000 read 100/1000 101/101 ms: x"#,
    );
    check(
        "sum(x @ 60) + 1",
        "binary streamed invariant 1 steps 1/1 read 0/0 5/210 ms: sum(x @ 60.000) + 1
 aggregation materialised invariant 1 steps 1/1 read 0/0 103/204 ms: sum(x @ 60.000)
  selector streamed invariant 1 steps 100/100 read 100/200 101/101 ms: x @ 60.000
 number literal 1 steps 0/0 read 0/0 1/1 ms: 1",
    );
    check(
        "timestamp((x)) > scalar(max(x))",
        "binary streamed 10 steps 0/0 read 0/0 103/613 ms: timestamp((x)) > scalar(max(x))
 function streamed 10 steps 100/1000 read 0/0 202/303 ms: timestamp((x))
  parentheses streamed 0 steps 0/0 read 0/0 0/101 ms: (x)
   selector streamed 10 steps 100/1000 read 100/1000 101/101 ms: x
 function streamed 10 steps 0/0 read 0/0 3/207 ms: scalar(max(x))
  aggregation materialised 10 steps 1/10 read 0/0 103/204 ms: max(x)
   selector streamed 10 steps 100/1000 read 100/1000 101/101 ms: x",
    );
    check(
        "max_over_time((x)[2m:1m])",
        "range function streamed 10 steps 100/1000 read 0/0 202/707 ms: max_over_time((x)[2m:1m])
 subquery streamed 10 steps 100/1000 read 0/0 202/505 ms: (x)[2m:1m]
  parentheses streamed 11 steps 100/1000 read 0/0 202/303 ms: (x)
   selector streamed 11 steps 100/1000 read 100/1000 101/101 ms: x",
    );
    check(
        r#"-{n=~"1|2"}"#,
        r#"sign materialised 10 steps 2/20 read 0/0 6/9 ms: -{n=~"1|2"}
 selector streamed 10 steps 2/20 read 2/20 3/3 ms: {n=~"1|2"}"#,
    );
    check(
        "label_replace(x, 'a', '$1', 'n', '(.*)')",
        r#"function materialised 10 steps 100/1000 read 0/0 202/303 ms: label_replace(x, "a", "$1", "n", "(.*)")
 selector streamed 10 steps 100/1000 read 100/1000 101/101 ms: x
 string literal 0 steps 0/0 read 0/0 0/0 ms: "a"
 string literal 0 steps 0/0 read 0/0 0/0 ms: "$1"
 string literal 0 steps 0/0 read 0/0 0/0 ms: "n"
 string literal 0 steps 0/0 read 0/0 0/0 ms: "(.*)""#,
    );
}

#[test]
fn matchers_tell_how_series_are_found() {
    let text = r#"x{a="1",b!="2",c=~"p|q",d=~"pre.+[0-9]",e!~".*x[yz]+",f=~"[ab]c+"}"#;
    let expr = parse(text, &Options::default()).unwrap();
    let recorder = Recorder::new(&expr, &|| Duration::ZERO).unwrap();
    let plan = recorder.plan();
    assert_eq!(plan.root.execution(), Execution::Skipped, "nobody has evaluated it");
    let found: Vec<(&str, Search<'_>)> =
        plan.root.matchers().into_iter().map(|(m, search)| (m.name.as_str(), search)).collect();
    let wanted = [
        ("a", Search::Equal),
        ("b", Search::Equal),
        ("c", Search::Literals(2)),
        ("d", Search::Prefix("pre")),
        ("e", Search::Regex),
        ("f", Search::Regex),
        ("__name__", Search::Equal),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn what_is_too_large_to_explain_is_refused_and_long_text_is_cut() {
    let recorded = |text: &str| {
        let expr = parse(text, &Options::default()).unwrap();
        let recorder = Recorder::new(&expr, &|| Duration::ZERO);
        recorder.map(|recorder| recorder.plan().root.text()).map_err(|error| error.error_type())
    };
    let arguments = |count| format!("label_join(x, 'a', 'b'{})", ", 'c'".repeat(count));
    assert_eq!(recorded(&arguments(EXPLAIN_NODES_MAX - 3)), Err("bad_data"));
    let long = recorded(&arguments(EXPLAIN_NODES_MAX - 4)).unwrap();
    assert!(long.len() < 300 && long.ends_with('…'), "{long}");
    assert!(recorded(&format!("x{{a='{}'}}", "ä".repeat(1000))).unwrap().ends_with("ä…"));
}

#[test]
fn high_trees_are_explained_on_a_small_stack() {
    let small = MemoryStore::default();
    let evaluate = move || {
        for (head, tail, times) in [
            ("abs(", ")", 240),
            ("sum by (n) (", ")", 240),
            ("-", "", 240),
            ("(", ")", 240),
            ("max_over_time(", "[2m:1m])", 20),
            ("", " or x", 900),
            ("", " * on(n) x", 900),
            ("", " - 1", 900),
        ] {
            let text = format!("{}x{}", head.repeat(times), tail.repeat(times));
            let found = explained(&small, &text, |plan| plan.root.execution());
            assert_ne!(found, Execution::Skipped, "{head}");
        }
    };
    // What a worker thread of the server has.
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(evaluate).unwrap();
    thread.join().unwrap();
}
