//! Groups over a store: what they write, tell and show.

use std::sync::Arc;

use server_promql::engine::{
    Engine, EngineOptions, QueryOptions, Reservation, Share, SharedLimits,
};
use server_promql::parser;
use server_rules::alert::State;
use server_rules::{Evaluator, Group, Health, ManagerOptions};

use crate::support::{MINUTE, World, group};

/// Evaluates at a minute and gives the errors of the rules.
fn evaluate(
    world: &World,
    group: &mut Group,
    evaluator: &server_rules::Evaluator,
    at: i64,
) -> Vec<String> {
    world.now.store(at * MINUTE, std::sync::atomic::Ordering::SeqCst);
    group.evaluate(at * MINUTE, evaluator);
    group.status().rules.iter().map(|rule| rule.last_error.clone()).collect()
}

#[test]
fn recordings_are_written_with_labels_and_marked_as_stale_when_they_end() {
    let world = World::new();
    let evaluator = world.evaluator();
    let rules = "  - {record: 'r:x', expr: 'x > 1', labels: {l: v, gone: ''}}\n  - {record: 'r:s', expr: '2 * 3'}\n  - {record: 'r:r', expr: 'sum(r:x)'}\n";
    let mut group = group(rules, &evaluator, true);
    world.put("x{a=\"1\",gone=\"y\"}", 0, 5.0);
    world.put("x{a=\"2\"}", 0, 7.0);
    world.put("x{a=\"2\"}", MINUTE, 1.0);
    assert_eq!(evaluate(&world, &mut group, &evaluator, 0), ["", "", ""]);
    assert_eq!(evaluate(&world, &mut group, &evaluator, 1), ["", "", ""]);
    assert_eq!(
        world.samples("r:x"),
        [
            r#"{a="1", l="v"} 5@0"#,
            r#"{a="1", l="v"} 5@60000"#,
            r#"{a="2", l="v"} 7@0"#,
            r#"{a="2", l="v"} stale@60000"#,
        ]
    );
    assert_eq!(world.samples("r:s"), ["{} 6@0", "{} 6@60000"]);
    // Rules run one after the other: the third sees what the first wrote.
    assert_eq!(world.samples("r:r"), ["{} 12@0", "{} 5@60000"]);
    assert_eq!(world.metric("prometheus_rule_evaluations_total"), 6.0);
    assert_eq!(world.metric("prometheus_rule_group_last_evaluation_samples"), 3.0);
}

#[test]
fn rules_are_evaluated_while_dashboards_use_all_memory_that_they_may() {
    const MIB: usize = 1 << 20;
    let world = World::new();
    for series in 0..2_000 {
        world.put(&format!("x{{id=\"{series}\"}}"), 0, 1.0);
    }
    let shared = Arc::new(SharedLimits::new(64 * MIB));
    let engine = EngineOptions { shared: shared.clone(), ..EngineOptions::default() };
    let engine = Engine::new(engine);
    let options = ManagerOptions { engine: engine.clone(), ..world.options() };
    let evaluator = Evaluator::new(options, &world.registry);
    let mut group = group("  - {record: 'r:y', expr: 'sort(x)'}\n", &evaluator, true);
    let large = Reservation::new(shared.clone(), Share::Interactive, 64 * MIB);
    while large.charge(256 * 1024).is_ok() {}
    let small: Vec<_> = std::iter::repeat_with(|| {
        let one = Reservation::new(shared.clone(), Share::Interactive, 64 * MIB);
        one.charge(256 * 1024).map(|()| one)
    })
    .map_while(Result::ok)
    .collect();
    assert!(!small.is_empty(), "small queries have more than one large one");
    let expr = parser::parse("sort(x)", &parser::Options::default()).unwrap();
    let dashboard = engine.instant(&world.store, &expr, 0, &QueryOptions::default());
    assert_eq!(dashboard.unwrap_err().error_type(), "unavailable");
    assert_eq!(evaluate(&world, &mut group, &evaluator, 0), [""]);
    assert_eq!(world.samples("r:y").len(), 2_000);
    drop((large, small));
    assert_eq!(shared.bytes(), 0);
}

#[test]
fn failures_are_shown_and_counted_in_prometheus_words() {
    let world = World::new();
    let evaluator = world.evaluator();
    let rules = "  - {record: a, expr: x, labels: {a: same}}\n  - {record: b, expr: '\"text\"'}\n  - {alert: A, expr: 'x', labels: {a: same}}\n";
    let mut group = group(rules, &evaluator, true);
    world.put("x{a=\"1\"}", 0, 1.0);
    world.put("x{a=\"2\"}", 0, 1.0);
    assert_eq!(
        evaluate(&world, &mut group, &evaluator, 0),
        [
            "vector contains metrics with the same labelset after applying rule labels",
            "rule result is not a vector or scalar",
            "vector contains metrics with the same labelset after applying alert labels",
        ]
    );
    assert!(group.status().rules.iter().all(|rule| rule.health == Health::Err));
    assert_eq!(world.metric("prometheus_rule_evaluation_failures_total"), 3.0);
}

#[test]
fn alerts_are_written_expanded_and_told() {
    let world = World::new();
    let evaluator = world.evaluator();
    let rules = "  - alert: Low\n    expr: x < 3\n    for: 1m\n    labels: {level: '{{ if lt $value 2.0 }}bad{{ else }}so{{ end }}'}\n    annotations: {s: '{{ $labels.a }} at {{ $externalLabels.site }}: {{ with query \"sum(x)\" }}{{ . | first | value }}{{ end }}'}\n";
    let mut group = group(rules, &evaluator, true);
    assert_eq!(group.status().rules[0].state, State::Unknown);
    world.put("x{a=\"1\"}", 0, 1.0);
    world.put("x{a=\"2\"}", 0, 4.0);
    evaluate(&world, &mut group, &evaluator, 0);
    assert_eq!(group.status().rules[0].state, State::Pending);
    assert!(world.told.lock().is_empty());
    evaluate(&world, &mut group, &evaluator, 1);
    let status = &group.status().rules[0];
    assert_eq!((status.state, status.alerts.len()), (State::Firing, 1));
    let alert = world.told.lock().remove(0);
    assert_eq!(alert.labels.to_string(), r#"{a="1", alertname="Low", level="bad"}"#);
    assert_eq!(alert.annotations.to_string(), r#"{s="1 at here: 5"}"#);
    assert_eq!((alert.starts_at_ms, alert.ends_at_ms), (MINUTE, 5 * MINUTE));
    assert_eq!(alert.generator_url, "http://h/graph?g0.expr=x+%3C+3&g0.tab=1");
    world.put("x{a=\"1\"}", 2 * MINUTE, 9.0);
    evaluate(&world, &mut group, &evaluator, 2);
    assert_eq!(world.told.lock().remove(0).ends_at_ms, 2 * MINUTE);
    assert_eq!(
        world.samples("ALERTS"),
        [
            r#"{a="1", alertname="Low", alertstate="firing", level="bad"} 1@60000"#,
            r#"{a="1", alertname="Low", alertstate="firing", level="bad"} stale@120000"#,
            r#"{a="1", alertname="Low", alertstate="pending", level="bad"} 1@0"#,
            r#"{a="1", alertname="Low", alertstate="pending", level="bad"} stale@60000"#,
        ]
    );
    let wanted = |v: &str, t: i64| format!(r#"{{a="1", alertname="Low", level="bad"}} {v}@{t}"#);
    let for_state = [wanted("0", 0), wanted("0", 60_000), wanted("stale", 120_000)];
    assert_eq!(world.samples("ALERTS_FOR_STATE"), for_state);
}

#[test]
fn a_template_that_fails_says_so_in_the_alert() {
    let world = World::new();
    let evaluator = world.evaluator();
    let rules = "  - alert: A\n    expr: vector(1)\n    annotations: {s: '{{ query \"no(\" }}'}\n";
    let mut group = group(rules, &evaluator, true);
    assert_eq!(evaluate(&world, &mut group, &evaluator, 0), [""]);
    let text = world.told.lock()[0].annotations.to_string();
    assert!(
        text.contains("<error expanding template: error executing template __alert_A:"),
        "{text}"
    );
}

#[test]
fn queries_can_look_back_and_results_bear_that_time() {
    let world = World::new();
    let evaluator = world.evaluator();
    let spec = crate::support::spec(
        "groups:\n- name: g\n  query_offset: 1m\n  limit: 1\n  rules:\n  - {record: a, expr: x}\n  - {record: b, expr: y}\n",
    );
    let settings = server_rules::GroupSettings {
        interval: std::time::Duration::from_secs(60),
        query_offset: spec.query_offset.unwrap(),
        external_labels: common_model::Labels::empty(),
    };
    let mut group = Group::new(spec, settings, &evaluator, true);
    world.put("x", 0, 1.0);
    world.put("x", MINUTE, 2.0);
    world.put("y{a=\"1\"}", 0, 1.0);
    world.put("y{a=\"2\"}", 0, 1.0);
    assert_eq!(
        evaluate(&world, &mut group, &evaluator, 1),
        ["", "exceeded limit of 1 with 2 series"]
    );
    assert_eq!(world.samples("a"), ["{} 1@0"]);
}
