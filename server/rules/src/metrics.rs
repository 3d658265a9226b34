//! What rules say of themselves, under Prometheus' names.

use common_instrument::{Counter, CounterVec, Gauge, GaugeVec, Histogram, Registry, Summary};

const QUANTILES_EVALUATION: &[f64] = &[0.5, 0.9, 0.99];
const QUANTILES_GROUP: &[f64] = &[0.01, 0.05, 0.5, 0.9, 0.99];
const DURATION_BOUNDS: &[f64] = &[0.01, 0.1, 1.0, 10.0];
const GROUP: [&str; 1] = ["rule_group"];

/// The metrics of all groups.
pub(crate) struct Metrics {
    pub(crate) evaluation_seconds: Summary,
    pub(crate) evaluation_seconds_buckets: Histogram,
    pub(crate) group_seconds: Summary,
    pub(crate) group_seconds_buckets: Histogram,
    pub(crate) expansions: Counter,
    pub(crate) expansion_failures: Counter,
    evaluations: CounterVec<1>,
    failures: CounterVec<1>,
    iterations: CounterVec<1>,
    missed: CounterVec<1>,
    interval: GaugeVec<1>,
    last_evaluation: GaugeVec<1>,
    last_seconds: GaugeVec<1>,
    last_rule_seconds: GaugeVec<1>,
    last_restore_seconds: GaugeVec<1>,
    last_samples: GaugeVec<1>,
    rules: GaugeVec<1>,
}

/// Those of one group.
#[derive(Clone)]
pub(crate) struct GroupMetrics {
    pub(crate) evaluations: Counter,
    pub(crate) failures: Counter,
    pub(crate) iterations: Counter,
    pub(crate) missed: Counter,
    pub(crate) interval: Gauge,
    pub(crate) last_evaluation: Gauge,
    pub(crate) last_seconds: Gauge,
    pub(crate) last_rule_seconds: Gauge,
    pub(crate) last_restore_seconds: Gauge,
    pub(crate) last_samples: Gauge,
    pub(crate) rules: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Metrics {
        let counter = |name: &'static str, help: &'static str| {
            registry.counter_vec(format!("prometheus_rule_{name}"), help, GROUP)
        };
        let gauge = |name: &'static str, help: &'static str| {
            registry.gauge_vec(format!("prometheus_rule_group_{name}"), help, GROUP)
        };
        Metrics {
            evaluation_seconds: registry.summary(
                "prometheus_rule_evaluation_duration_seconds",
                "How long the evaluation of a rule takes.",
                QUANTILES_EVALUATION,
            ),
            evaluation_seconds_buckets: registry.histogram(
                "prometheus_rule_evaluation_duration_histogram_seconds",
                "How long the evaluation of a rule takes, in buckets.",
                DURATION_BOUNDS,
            ),
            group_seconds: registry.summary(
                "prometheus_rule_group_duration_seconds",
                "How long the evaluation of a rule group takes.",
                QUANTILES_GROUP,
            ),
            group_seconds_buckets: registry.histogram(
                "prometheus_rule_group_duration_histogram_seconds",
                "How long the evaluation of a rule group takes, in buckets.",
                DURATION_BOUNDS,
            ),
            expansions: registry.counter(
                "prometheus_template_text_expansions_total",
                "The total number of template text expansions.",
            ),
            expansion_failures: registry.counter(
                "prometheus_template_text_expansion_failures_total",
                "The total number of template text expansion failures.",
            ),
            evaluations: counter("evaluations_total", "Evaluations of rules."),
            failures: counter("evaluation_failures_total", "Evaluations of rules that failed."),
            iterations: counter(
                "group_iterations_total",
                "Evaluations of the rule group that were due, whether they ran or were missed.",
            ),
            missed: counter(
                "group_iterations_missed_total",
                "Evaluations of the rule group that were missed because one took too long.",
            ),
            interval: gauge("interval_seconds", "Interval of the rule group."),
            last_evaluation: gauge(
                "last_evaluation_timestamp_seconds",
                "When the rule group was last evaluated.",
            ),
            last_seconds: gauge(
                "last_duration_seconds",
                "How long the last evaluation of the rule group took.",
            ),
            last_rule_seconds: gauge(
                "last_rule_duration_sum_seconds",
                "How long its rules took in the last evaluation of the rule group, summed up.",
            ),
            last_restore_seconds: gauge(
                "last_restore_duration_seconds",
                "How long it took to restore the alerts of the rule group.",
            ),
            last_samples: gauge(
                "last_evaluation_samples",
                "Samples that the last evaluation of the rule group gave.",
            ),
            rules: gauge("rules", "Rules in the rule group."),
        }
    }

    /// The metrics of a group, by its key.
    pub(crate) fn group(&self, key: &str) -> GroupMetrics {
        GroupMetrics {
            evaluations: self.evaluations.with([key]),
            failures: self.failures.with([key]),
            iterations: self.iterations.with([key]),
            missed: self.missed.with([key]),
            interval: self.interval.with([key]),
            last_evaluation: self.last_evaluation.with([key]),
            last_seconds: self.last_seconds.with([key]),
            last_rule_seconds: self.last_rule_seconds.with([key]),
            last_restore_seconds: self.last_restore_seconds.with([key]),
            last_samples: self.last_samples.with([key]),
            rules: self.rules.with([key]),
        }
    }

    /// Forgets a group that is gone.
    pub(crate) fn forget(&self, key: &str) {
        for counters in [&self.evaluations, &self.failures, &self.iterations, &self.missed] {
            counters.remove([key]);
        }
        for gauges in [
            &self.interval,
            &self.last_evaluation,
            &self.last_seconds,
            &self.last_rule_seconds,
            &self.last_restore_seconds,
            &self.last_samples,
            &self.rules,
        ] {
            gauges.remove([key]);
        }
    }
}
