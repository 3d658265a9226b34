//! The life of an alert, evaluation by evaluation.

use common_model::Labels;
use server_rules::alert::{Instance, Machine, RESEND_DELAY_MS};

use crate::support::MINUTE;

fn instance(name: &str, value: f64) -> Instance {
    let labels = Labels::from_pairs([("alertname", name)]);
    Instance { labels, annotations: Labels::empty(), value }
}

/// Runs a machine once a minute over `condition` (`x` holds, `.` does not) and writes down its
/// state at each: `-` forgotten, `i`nactive, `p`ending, `f`iring; uppercase when it is told.
fn check(hold: i64, keep: i64, condition: &str, wanted: &str) {
    let mut machine = Machine::new(hold * MINUTE, keep * MINUTE);
    let mut states = String::new();
    for (at, holds) in condition.chars().enumerate() {
        let now = at as i64 * MINUTE;
        let found = if holds == 'x' { vec![instance("A", at as f64)] } else { Vec::new() };
        machine.advance(now, found, 0).unwrap();
        let told = !machine.take_due(now, RESEND_DELAY_MS, MINUTE).is_empty();
        let state =
            machine.alerts().next().map_or('-', |a| a.state.as_str().chars().next().unwrap());
        states.push(if told { state.to_ascii_uppercase() } else { state });
    }
    assert_eq!(states, wanted, "for {hold}, keep_firing_for {keep}, {condition}");
}

#[test]
fn alerts_are_pending_then_fire_then_are_resolved() {
    // Told again after more than a minute: at every second evaluation.
    check(0, 0, "xxxx", "FfFf");
    check(2, 0, "xxxxx", "ppFfF");
    check(2, 0, "xx.xxx", "pp-ppF");
    // The end is told at once, repeated, and forgotten after a quarter of an hour.
    check(0, 0, "x...", "FIiI");
    check(0, 0, "x.................", "FIiIiIiIiIiIiIiIi-");
    // What comes again is a new alert.
    check(1, 0, "xx.xx", "pFIpF");
    // Firing goes on for a while after the condition ended.
    check(0, 2, "x....", "FfFIi");
    check(0, 2, "x.x...", "FfFfFI");
    // What is only pending is not kept.
    check(2, 5, "x..", "p--");
}

#[test]
fn an_alert_says_when_it_began_fired_ended_and_is_valid() {
    let mut machine = Machine::new(MINUTE, 0);
    for (now, holds) in [(0, true), (1, true), (2, true), (3, false)] {
        let found = if holds { vec![instance("A", now as f64)] } else { Vec::new() };
        machine.advance(now * MINUTE, found, 0).unwrap();
        machine.take_due(now * MINUTE, MINUTE, 2 * MINUTE);
    }
    let alert = machine.alerts().next().unwrap();
    assert_eq!((alert.active_at, alert.fired_at), (0, Some(MINUTE)));
    assert_eq!((alert.resolved_at, alert.value), (Some(3 * MINUTE), 2.0));
    // Four of the longer of interval and resend delay.
    assert_eq!(alert.valid_until, (3 + 8) * MINUTE);
}

#[test]
fn too_many_or_equal_alerts_are_refused_in_prometheus_words() {
    let mut machine = Machine::new(0, 0);
    let (a, b) = (instance("A", 1.0), instance("B", 1.0));
    let error = machine.advance(0, vec![a.clone(), a.clone()], 0).unwrap_err();
    assert_eq!(error, "vector contains metrics with the same labelset after applying alert labels");
    machine.advance(0, vec![a.clone()], 1).unwrap();
    let error = machine.advance(1, vec![a, b], 1).unwrap_err();
    assert_eq!(error, "exceeded limit of 1 with 2 alerts");
    assert_eq!(machine.alerts().count(), 0);
}
