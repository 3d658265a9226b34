//! Alerts over a restart: the time they were pending is not lost.

use crate::support::{MINUTE, World, group};

/// An alert is pending since minute 0 with `for: 30m`, the program is away from `down` to `up`
/// minutes; when does it fire, and is it recorded before it is restored?
fn check(down: i64, up: i64, fires: i64) {
    let rules = "  - {alert: A, expr: 'x == 0', for: 30m}\n";
    let world = World::new();
    for minute in 0..=200 {
        world.put("x", minute * MINUTE, 0.0);
    }
    let evaluator = world.evaluator();
    let mut before = group(rules, &evaluator, true);
    for minute in 0..=down {
        before.evaluate(minute * MINUTE, &evaluator);
    }
    let recorded = world.samples("ALERTS_FOR_STATE").len();
    let told = world.told.lock().len();
    let mut after = group(rules, &evaluator, false);
    after.evaluate((up - 1) * MINUTE, &evaluator);
    after.evaluate(up * MINUTE, &evaluator);
    assert_eq!(world.samples("ALERTS_FOR_STATE").len(), recorded, "written before it is restored");
    after.restore(up * MINUTE, &evaluator);
    let fired = (up + 1..=200).find(|minute| {
        after.evaluate(minute * MINUTE, &evaluator);
        world.told.lock().len() > told
    });
    assert_eq!(fired, Some(fires), "away from {down} to {up}");
}

#[test]
fn pending_alerts_are_restored_with_grace() {
    // Twenty minutes were left, ten passed unseen.
    check(10, 20, 40);
    // Five were left: it gets ten.
    check(25, 40, 50);
    // It fired: it fires on.
    check(35, 50, 51);
    // Away for more than an hour: all begins anew at the first evaluation.
    check(10, 80, 109);
}
