//! After a restart: since when alerts were pending, read from `ALERTS_FOR_STATE`.

use std::collections::HashMap;

use common_model::{Labels, METRIC_NAME, Matcher, is_stale_marker};
use server_storage::{Queryable, SampleColumns, SelectHints, StorageError};

use crate::alert::Machine;
use crate::evaluator::Timing;
use crate::expand::ALERT_NAME;
use crate::rule::{ALERTS_FOR_STATE, Rule};

/// The last sample of an alert before the restart.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    /// When it was written: from then on nobody watched.
    down_at: i64,
    /// Since when the condition held.
    active_at: i64,
}

/// Takes over what the store knows of a rule's alerts. Whatever happens, the rule counts as
/// restored afterwards: there is no second try.
pub(crate) fn restore(rule: &mut Rule, storage: &dyn Queryable, timing: &Timing, now: i64) {
    rule.restored = true;
    if rule.machine.hold_ms() < timing.grace_period_ms {
        return;
    }
    match for_states(storage, &rule.spec.name, now - timing.outage_tolerance_ms, now) {
        Ok(known) => apply(&mut rule.machine, &known, timing.grace_period_ms, now),
        Err(error) => {
            tracing::error!(rule = rule.spec.name, %error, "Failed to restore 'for' state");
        }
    }
}

fn apply(machine: &mut Machine, known: &HashMap<Labels, Known>, grace_period_ms: i64, now: i64) {
    let hold_ms = machine.hold_ms();
    for alert in machine.alerts_mut() {
        if let Some(known) = known.get(&alert.labels) {
            alert.active_at = active_at(*known, hold_ms, grace_period_ms, now);
        }
    }
}

/// Since when an alert is to count as active. One that fired goes on firing; the time without
/// anybody watching does not count as pending; and at least the grace period is left.
fn active_at(known: Known, hold_ms: i64, grace_period_ms: i64, now: i64) -> i64 {
    let remaining = hold_ms - (known.down_at - known.active_at);
    if remaining <= 0 {
        known.active_at
    } else if remaining < grace_period_ms {
        now + grace_period_ms - hold_ms
    } else {
        known.active_at + (now - known.down_at)
    }
}

fn for_states(
    storage: &dyn Queryable,
    rule: &str,
    start: i64,
    now: i64,
) -> Result<HashMap<Labels, Known>, StorageError> {
    let querier = storage.querier(start, now)?;
    let matchers =
        [Matcher::equal(METRIC_NAME, ALERTS_FOR_STATE), Matcher::equal(ALERT_NAME, rule)];
    let hints = SelectHints { start, end: now, ..SelectHints::default() };
    let mut series = querier.select(false, &hints, &matchers)?;
    let mut samples = SampleColumns::default();
    let mut known = HashMap::new();
    while let Some(labels) = series.next(&mut samples)? {
        if let (Some(&down_at), Some(&value)) = (samples.timestamps.last(), samples.values.last())
            && !is_stale_marker(value)
        {
            let active_at = (value as i64).saturating_mul(1000);
            // Whole seconds, as upstream reads both.
            let down_at = down_at.div_euclid(1000) * 1000;
            known.insert(labels.without_name(), Known { down_at, active_at });
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn time_pending_is_restored_with_grace_and_without_the_outage() {
        // `for`, active since, last seen, now; active since then. All in minutes.
        for (hold, since, down, now, restored) in [
            // It fired.
            (30, 0, 30, 40, 0),
            (30, 0, 45, 50, 0),
            // 5 of 30 minutes were left: ten are given.
            (30, 0, 25, 40, 20),
            // 20 were left: the outage of 15 does not count.
            (30, 0, 10, 25, 15),
            // Exactly the grace period was left.
            (30, 0, 20, 30, 10),
        ] {
            let known = Known { down_at: down * MINUTE, active_at: since * MINUTE };
            let at = active_at(known, hold * MINUTE, 10 * MINUTE, now * MINUTE);
            assert_eq!(at / MINUTE, restored, "for {hold}, {since} to {down}, now {now}");
        }
    }
}
