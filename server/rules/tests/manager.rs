//! The manager: groups run by themselves, survive reloads with their alerts, and end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use server_rules::{LoadOptions, Manager, RuleSet, load};

use crate::support::World;

fn set(text: &str) -> RuleSet {
    RuleSet {
        groups: load(text, "r.yml", &LoadOptions::default()).unwrap(),
        interval: Duration::from_secs(10),
        ..RuleSet::default()
    }
}

/// Turns both clocks, the wall's and tokio's, until something is so.
async fn until(world: &World, what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..20_000 {
        if is_so() {
            return;
        }
        world.now.fetch_add(100, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never: {what}");
}

const ONE: &str = "groups:\n- name: a\n  interval: 1s\n  rules:\n  - {alert: A, expr: vector(1), for: 1s}\n  - {record: r, expr: vector(1)}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_run_keep_their_alerts_over_a_reload_and_end_their_series() {
    let world = World::new();
    world.now.store(1_000_000_000, Ordering::SeqCst);
    let manager = Arc::new(Manager::new(world.options(), &world.registry));
    manager.apply(set(ONE)).await;
    assert_eq!(manager.groups().len(), 1);
    until(&world, "told", || !world.told.lock().is_empty()).await;
    until(&world, "recorded", || !world.samples("ALERTS").is_empty()).await;
    let since = manager.alerts()[0].active_at_ms;
    // The group changes, the rule does not: it is the same alert.
    manager.apply(set(&ONE.replace("expr: vector(1)}", "expr: vector(2)}"))).await;
    assert_eq!(manager.alerts()[0].active_at_ms, since);
    until(&world, "the new value", || world.samples("r").iter().any(|s| s.starts_with("{} 2")))
        .await;
    assert_eq!(manager.alerts()[0].active_at_ms, since);
    // Without the group its series end.
    manager.apply(RuleSet::default()).await;
    assert!(manager.groups().is_empty());
    until(&world, "stale", || world.samples("r").iter().any(|s| s.contains("stale"))).await;
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evaluations_that_are_missed_are_counted() {
    let world = World::new();
    let manager = Manager::new(world.options(), &world.registry);
    manager.apply(set(ONE)).await;
    until(&world, "evaluated", || manager.groups()[0].last_evaluation_ms.is_some()).await;
    world.now.fetch_add(60_000, Ordering::SeqCst);
    let missed = || world.metric("prometheus_rule_group_iterations_missed_total");
    until(&world, "missed", || missed() >= 50.0).await;
    manager.shutdown().await;
    assert!(world.metric("prometheus_rule_group_iterations_total") >= 52.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_before_alerts_are_restored_does_not_keep_them_from_being_recorded() {
    let world = World::new();
    let manager = Manager::new(world.options(), &world.registry);
    manager.apply(set(ONE)).await;
    manager.apply(set(&ONE.replace("expr: vector(1)}", "expr: vector(2)}"))).await;
    until(&world, "recorded", || !world.samples("ALERTS").is_empty()).await;
    manager.shutdown().await;
}
