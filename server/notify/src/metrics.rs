//! What notifications say of themselves, under Prometheus' names.

use common_instrument::{
    Counter, CounterVec, Histogram, HistogramVec, MetricVec, Registry, Summary, SummaryVec,
};

/// Stands for the Alertmanager of this process in the label `alertmanager`.
pub const LOCAL_NAME: &str = "inprocess";

const LABEL: [&str; 1] = ["alertmanager"];
const QUANTILES: &[f64] = &[0.5, 0.9, 0.99];
const BOUNDS: &[f64] = &[0.01, 0.1, 1.0, 10.0];

/// Metrics of all Alertmanagers.
pub(crate) struct Metrics {
    sent: CounterVec<1>,
    errors: CounterVec<1>,
    dropped: CounterVec<1>,
    latency: SummaryVec<1>,
    latency_buckets: HistogramVec<1>,
}

/// Those of one.
#[derive(Clone)]
pub(crate) struct SenderMetrics {
    pub(crate) sent: Counter,
    pub(crate) errors: Counter,
    pub(crate) dropped: Counter,
    pub(crate) latency: Summary,
    pub(crate) latency_buckets: Histogram,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry, queue_capacity: usize) -> Metrics {
        let counter = |name: &'static str, help: &'static str| {
            registry.counter_vec(format!("prometheus_notifications_{name}_total"), help, LABEL)
        };
        let latency = MetricVec::new(
            "prometheus_notifications_latency_seconds",
            "How long Alertmanagers take to take alerts.",
            LABEL,
            QUANTILES.to_vec(),
        );
        let capacity =
            registry.gauge("prometheus_notifications_queue_capacity", "Alerts a queue can hold.");
        capacity.set(queue_capacity as f64);
        Metrics {
            sent: counter("sent", "Alerts sent, successfully or not."),
            errors: counter("errors", "Alerts whose sending failed."),
            dropped: counter(
                "dropped",
                "Alerts that were dropped: sending failed, or the queue was full.",
            ),
            latency: registry.add(latency),
            latency_buckets: registry.histogram_vec(
                "prometheus_notifications_latency_histogram_seconds",
                "How long Alertmanagers take to take alerts, in buckets.",
                LABEL,
                BOUNDS,
            ),
        }
    }

    pub(crate) fn sender(&self, name: &str) -> SenderMetrics {
        SenderMetrics {
            sent: self.sent.with([name]),
            errors: self.errors.with([name]),
            dropped: self.dropped.with([name]),
            latency: self.latency.with([name]),
            latency_buckets: self.latency_buckets.with([name]),
        }
    }

    /// Forgets an Alertmanager that is gone.
    pub(crate) fn forget(&self, name: &str) {
        for counters in [&self.sent, &self.errors, &self.dropped] {
            counters.remove([name]);
        }
        self.latency.remove([name]);
        self.latency_buckets.remove([name]);
    }
}
