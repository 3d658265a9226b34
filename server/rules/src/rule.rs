//! One rule at work: its expression, its alerts, how it went.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_config::rules::RuleKind;
use common_model::{Labels, METRIC_NAME};
use server_promql::engine::Origin;
use server_promql::value::{Sample, SampleValue};
use server_storage::SeriesRef;

use crate::alert::{ActiveAlert, Machine, State};
use crate::evaluator::Evaluator;
use crate::expand::{self, ALERT_NAME};
use crate::load::RuleSpec;
use crate::query;
use crate::schedule::millis;
use crate::status::{AlertStatus, Health, RuleStatus};

/// The metric that says which alerts there are.
const ALERTS: &str = "ALERTS";
/// The metric that says since when, for restoration.
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
const ALERT_STATE: &str = "alertstate";

/// When and for whom a rule is evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// The time of the evaluation.
    pub(crate) time: i64,
    /// The time that is looked at, and that results get.
    pub(crate) sample_time: i64,
    /// Most series or alerts.
    pub(crate) limit: usize,
    pub(crate) external_labels: &'a Labels,
    /// Whose rule it is.
    pub(crate) origin: Origin<'a>,
}

/// A rule with what it remembers.
pub(crate) struct Rule {
    pub(crate) spec: RuleSpec,
    /// Alerts; none for recording rules.
    pub(crate) machine: Machine,
    /// Whether the alerts may be recorded: what an earlier run knew of them was taken over.
    pub(crate) restored: bool,
    /// Series that the last evaluation wrote.
    pub(crate) written: HashMap<Labels, SeriesRef>,
    pub(crate) health: Health,
    pub(crate) last_error: String,
    evaluated_at: Option<i64>,
    pub(crate) took: Duration,
}

impl Rule {
    pub(crate) fn new(spec: RuleSpec, restored: bool) -> Rule {
        Rule {
            machine: Machine::new(millis(spec.hold), millis(spec.keep_firing_for)),
            spec,
            restored,
            written: HashMap::new(),
            health: Health::Unknown,
            last_error: String::new(),
            evaluated_at: None,
            took: Duration::ZERO,
        }
    }

    /// Whether another rule, of an earlier configuration, is this one.
    pub(crate) fn continues(&self, earlier: &Rule) -> bool {
        let (a, b) = (&self.spec, &earlier.spec);
        a.kind == b.kind && a.name == b.name && a.labels == b.labels
    }

    /// Goes on where that rule ended.
    pub(crate) fn take_over(&mut self, earlier: Rule) {
        self.written = earlier.written;
        self.restored = earlier.restored;
        self.machine.take_over(earlier.machine);
        self.health = earlier.health;
        self.last_error = earlier.last_error;
        self.evaluated_at = earlier.evaluated_at;
        self.took = earlier.took;
    }

    /// The samples of the rule, and its alerts moved on.
    pub(crate) fn evaluate(
        &mut self,
        evaluator: &Evaluator,
        moment: Moment<'_>,
    ) -> Result<Vec<Sample>, String> {
        let spec = &self.spec;
        let found =
            query::vector(evaluator, &spec.expr, &spec.query, moment.sample_time, moment.origin)?;
        match spec.kind {
            RuleKind::Record => recorded(spec, found, moment),
            RuleKind::Alert => {
                let instances =
                    found.iter().map(|s| expand::instance(evaluator, spec, s, &moment)).collect();
                self.machine.advance(moment.time, instances, moment.limit)?;
                Ok(if self.restored { self.alert_samples(moment.sample_time) } else { Vec::new() })
            }
        }
    }

    fn alert_samples(&self, time: i64) -> Vec<Sample> {
        let mut samples = Vec::new();
        for alert in self.machine.live() {
            let mut labels = alert.labels.to_builder();
            labels.set(ALERT_NAME, &self.spec.name);
            labels.set(METRIC_NAME, ALERTS_FOR_STATE);
            let since = alert.active_at.div_euclid(1000) as f64;
            let for_state = Sample {
                labels: labels.build(),
                timestamp: time,
                value: SampleValue::Float(since),
            };
            labels.set(METRIC_NAME, ALERTS);
            labels.set(ALERT_STATE, alert.state.as_str());
            let value = SampleValue::Float(1.0);
            samples.push(Sample { labels: labels.build(), timestamp: time, value });
            samples.push(for_state);
        }
        samples
    }

    /// Notes how the evaluation that began at `began` went.
    pub(crate) fn note(&mut self, began_ms: i64, began: Instant, result: Result<(), String>) {
        self.evaluated_at = Some(began_ms);
        self.took = began.elapsed();
        (self.health, self.last_error) = match result {
            Ok(()) => (Health::Ok, String::new()),
            Err(error) => (Health::Err, error),
        };
    }

    /// What the API shows.
    pub(crate) fn status(&self) -> Arc<RuleStatus> {
        let spec = &self.spec;
        let state = match (spec.kind, self.evaluated_at) {
            (RuleKind::Alert, None) => State::Unknown,
            (RuleKind::Alert, Some(_)) => self.machine.state(),
            (RuleKind::Record, _) => State::Inactive,
        };
        Arc::new(RuleStatus {
            kind: spec.kind,
            name: spec.name.clone(),
            query: spec.query.clone(),
            labels: spec.labels.clone(),
            annotations: spec.annotations.clone(),
            duration: spec.hold,
            keep_firing_for: spec.keep_firing_for,
            health: self.health,
            last_error: self.last_error.clone(),
            last_evaluation_ms: self.evaluated_at,
            evaluation_time: self.took,
            state,
            alerts: self.machine.live().map(alert_status).collect(),
        })
    }
}

fn alert_status(alert: &ActiveAlert) -> AlertStatus {
    AlertStatus {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        state: alert.state,
        active_at_ms: alert.active_at,
        keep_firing_since_ms: alert.keep_firing_since,
        value: alert.value,
    }
}

/// The vector under the rule's name and with its labels.
fn recorded(
    spec: &RuleSpec,
    mut samples: Vec<Sample>,
    moment: Moment<'_>,
) -> Result<Vec<Sample>, String> {
    let mut seen = BTreeSet::new();
    for sample in &mut samples {
        let mut labels = sample.labels.to_builder();
        labels.set(METRIC_NAME, &spec.name);
        for (name, value) in &spec.labels {
            labels.set(name, value);
        }
        sample.labels = labels.build();
        sample.timestamp = moment.sample_time;
        if !seen.insert(sample.labels.clone()) {
            let problem =
                "vector contains metrics with the same labelset after applying rule labels";
            return Err(problem.to_owned());
        }
    }
    if moment.limit > 0 && samples.len() > moment.limit {
        return Err(format!("exceeded limit of {} with {} series", moment.limit, samples.len()));
    }
    Ok(samples)
}
