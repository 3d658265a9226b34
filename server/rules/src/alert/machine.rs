//! All alerts of one rule, moved on by one evaluation after the other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use common_model::Labels;

use super::{ActiveAlert, RESOLVED_RETENTION_MS, State};

/// One element of the rule's vector, with the rule's labels and annotations.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Labels, `alertname` included.
    pub labels: Labels,
    /// Annotations, expanded.
    pub annotations: Labels,
    /// Value.
    pub value: f64,
}

/// The alerts of one rule.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    hold_ms: i64,
    keep_firing_for_ms: i64,
    alerts: BTreeMap<Labels, ActiveAlert>,
}

impl Machine {
    /// A machine without alerts: they are pending for `hold_ms` and keep firing for
    /// `keep_firing_for_ms` after their condition ended.
    #[must_use]
    pub fn new(hold_ms: i64, keep_firing_for_ms: i64) -> Machine {
        Machine { hold_ms, keep_firing_for_ms, alerts: BTreeMap::new() }
    }

    /// Takes over the alerts of another machine.
    pub fn take_over(&mut self, from: Machine) {
        self.alerts = from.alerts;
    }

    /// How long alerts are pending, in milliseconds.
    #[must_use]
    pub fn hold_ms(&self) -> i64 {
        self.hold_ms
    }

    /// One evaluation: these are the instances at `now`. A `limit` of zero is none.
    ///
    /// # Errors
    /// Two instances with the same labels, which changes nothing, or more alerts than the limit,
    /// which forgets them all. The texts are Prometheus'.
    pub fn advance(
        &mut self,
        now: i64,
        instances: Vec<Instance>,
        limit: usize,
    ) -> Result<(), String> {
        let mut present = BTreeSet::new();
        for instance in &instances {
            if !present.insert(instance.labels.clone()) {
                let problem =
                    "vector contains metrics with the same labelset after applying alert labels";
                return Err(problem.to_owned());
            }
        }
        for instance in instances {
            self.see(now, instance);
        }
        let (hold_ms, keep_ms) = (self.hold_ms, self.keep_firing_for_ms);
        let mut live = 0;
        self.alerts.retain(|labels, alert| {
            let stays = if present.contains(labels) {
                alert.keep_firing_since = None;
                true
            } else {
                miss(alert, now, keep_ms)
            };
            if alert.state == State::Pending && now - alert.active_at >= hold_ms {
                alert.state = State::Firing;
                alert.fired_at = Some(now);
            }
            live += usize::from(alert.state >= State::Pending);
            stays
        });
        if limit > 0 && live > limit {
            self.alerts.clear();
            return Err(format!("exceeded limit of {limit} with {live} alerts"));
        }
        Ok(())
    }

    /// An instance is new, or goes on with its new value and annotations.
    fn see(&mut self, now: i64, instance: Instance) {
        match self.alerts.get_mut(&instance.labels) {
            Some(alert) if alert.state != State::Inactive => {
                alert.value = instance.value;
                alert.annotations = instance.annotations;
            }
            _ => {
                let alert = ActiveAlert {
                    labels: instance.labels.clone(),
                    annotations: instance.annotations,
                    state: State::Pending,
                    value: instance.value,
                    active_at: now,
                    fired_at: None,
                    resolved_at: None,
                    last_sent_at: None,
                    keep_firing_since: None,
                    valid_until: 0,
                };
                self.alerts.insert(instance.labels, alert);
            }
        }
    }

    /// All alerts, those that ended in the last quarter of an hour included.
    pub fn alerts(&self) -> impl Iterator<Item = &ActiveAlert> {
        self.alerts.values()
    }

    /// The same, to be changed: for restoration.
    pub(crate) fn alerts_mut(&mut self) -> impl Iterator<Item = &mut ActiveAlert> {
        self.alerts.values_mut()
    }

    /// The alerts that are pending or firing.
    pub fn live(&self) -> impl Iterator<Item = &ActiveAlert> {
        self.alerts.values().filter(|alert| alert.state >= State::Pending)
    }

    /// The most urgent state of all alerts.
    #[must_use]
    pub fn state(&self) -> State {
        self.alerts.values().map(|alert| alert.state).max().unwrap_or_default()
    }

    /// The alerts that are to be told at `now`; they count as told then.
    pub fn take_due(
        &mut self,
        now: i64,
        resend_delay_ms: i64,
        interval_ms: i64,
    ) -> Vec<ActiveAlert> {
        let mut due = Vec::new();
        for alert in self.alerts.values_mut() {
            if alert.needs_sending(now, resend_delay_ms) {
                alert.sent(now, resend_delay_ms, interval_ms);
                due.push(alert.clone());
            }
        }
        due
    }
}

/// The condition of an alert no longer holds; whether the alert is to be remembered.
fn miss(alert: &mut ActiveAlert, now: i64, keep_ms: i64) -> bool {
    if alert.state == State::Firing && keep_ms > 0 {
        let since = *alert.keep_firing_since.get_or_insert(now);
        if now - since < keep_ms {
            return true;
        }
    }
    let was = alert.state;
    if was != State::Inactive {
        alert.state = State::Inactive;
        alert.resolved_at = Some(now);
    }
    match was {
        State::Firing => true,
        State::Inactive => {
            alert.resolved_at.is_none_or(|resolved| now - resolved <= RESOLVED_RETENTION_MS)
        }
        State::Pending | State::Unknown => false,
    }
}
