//! What the Alertmanager says of itself; upstream's names.

use std::sync::Weak;
use std::time::Duration;

use common_instrument::{
    CollectError, Collector, Counter, CounterVec, Family, HistogramVec, Registry, Samples,
};

use crate::manager::Inner;
use crate::receivers::KINDS;
use crate::retry::Blame;

const ALERTS: Family = Family::gauge("alertmanager_alerts", "Alerts by state.");
const GROUPS: Family =
    Family::gauge("alertmanager_dispatcher_aggregation_groups", "Groups of alerts.");
const GROUPS_REFUSED: Family = Family::counter(
    "alertmanager_dispatcher_aggregation_group_limit_reached_total",
    "Times an alert would have made a group beyond the limit.",
);
const ALERTS_REFUSED: Family = Family::counter(
    "alertmanager_alerts_limited_total",
    "New alerts that were refused because there are too many.",
);
const RECEIVERS: Family = Family::gauge("alertmanager_receivers", "Configured receivers.");
const INTEGRATIONS: Family =
    Family::gauge("alertmanager_integrations", "Configured integrations of all receivers.");

const LATENCY_BOUNDS: [f64; 5] = [1.0, 5.0, 10.0, 15.0, 20.0];

/// Counters of what is sent.
pub(crate) struct Metrics {
    received: CounterVec<1>,
    notifications: CounterVec<1>,
    failed: CounterVec<2>,
    requests: CounterVec<1>,
    requests_failed: CounterVec<1>,
    latency: HistogramVec<1>,
    /// Alerts that are none.
    pub(crate) invalid: Counter,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Metrics {
        let metrics = Metrics {
            received: registry.counter_vec(
                "alertmanager_alerts_received_total",
                "Alerts received, by status.",
                ["status"],
            ),
            notifications: registry.counter_vec(
                "alertmanager_notifications_total",
                "Notifications attempted.",
                ["integration"],
            ),
            failed: registry.counter_vec(
                "alertmanager_notifications_failed_total",
                "Notifications that failed after all tries.",
                ["integration", "reason"],
            ),
            requests: registry.counter_vec(
                "alertmanager_notification_requests_total",
                "Tries to deliver a notification.",
                ["integration"],
            ),
            requests_failed: registry.counter_vec(
                "alertmanager_notification_requests_failed_total",
                "Tries that failed.",
                ["integration"],
            ),
            latency: registry.histogram_vec(
                "alertmanager_notification_latency_seconds",
                "How long a try takes.",
                ["integration"],
                &LATENCY_BOUNDS,
            ),
            invalid: registry.counter(
                "alertmanager_alerts_invalid_total",
                "Alerts received that are not valid.",
            ),
        };
        // Series that exist from the start can be asked for their increase.
        for status in ["firing", "resolved"] {
            let _ = metrics.received.with([status]);
        }
        for kind in KINDS {
            let _ = metrics.notifications.with([kind]);
            let _ = metrics.requests.with([kind]);
            let _ = metrics.requests_failed.with([kind]);
            for blame in Blame::ALL {
                let _ = metrics.failed.with([kind, blame.as_str()]);
            }
        }
        metrics
    }

    pub(crate) fn alert(&self, is_resolved: bool) {
        self.received.with([if is_resolved { "resolved" } else { "firing" }]).inc();
    }

    pub(crate) fn attempt(&self, kind: &str, took: Duration, is_success: bool) {
        self.requests.with([kind]).inc();
        self.latency.with([kind]).observe_duration(took);
        if !is_success {
            self.requests_failed.with([kind]).inc();
        }
    }

    pub(crate) fn notification(&self, kind: &str, blame: Option<Blame>) {
        self.notifications.with([kind]).inc();
        if let Some(blame) = blame {
            self.failed.with([kind, blame.as_str()]).inc();
        }
    }
}

/// Counts alerts and groups when asked.
pub(crate) struct States(pub(crate) Weak<Inner>);

impl Collector for States {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let Some(inner) = self.0.upgrade() else {
            return Ok(());
        };
        let tally = inner.tally();
        for (state, count) in [("active", tally.active), ("suppressed", tally.suppressed)] {
            samples.push(&ALERTS, &[("state", state)], count as f64);
        }
        samples.push(&GROUPS, &[], tally.groups as f64);
        samples.push(&GROUPS_REFUSED, &[], tally.refused.groups as f64);
        samples.push(&ALERTS_REFUSED, &[], tally.refused.alerts as f64);
        samples.push(&RECEIVERS, &[], tally.receivers as f64);
        samples.push(&INTEGRATIONS, &[], tally.integrations as f64);
        Ok(())
    }
}
