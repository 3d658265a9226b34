//! A group at work: its rules evaluated one after the other, what they give written.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_config::rules::RuleKind;
use common_model::Labels;
use parking_lot::RwLock;
use server_notify::Alert;
use server_promql::engine::Origin;
use server_storage::SeriesRef;

use crate::alert::ActiveAlert;
use crate::evaluator::Evaluator;
use crate::load::{GroupSpec, RuleSpec};
use crate::metrics::GroupMetrics;
use crate::restore;
use crate::rule::{Moment, Rule};
use crate::schedule::millis;
use crate::stale;
use crate::status::{GroupStatus, RuleStatus};

/// What holds for a group; the global settings are filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSettings {
    /// How often it is evaluated.
    pub interval: Duration,
    /// How far back queries look.
    pub query_offset: Duration,
    /// External labels, for templates.
    pub external_labels: Labels,
}

/// What is shown while the group is at work.
pub(crate) struct Shown {
    pub(crate) last_evaluation_ms: Option<i64>,
    pub(crate) evaluation_time: Duration,
    pub(crate) rules: Vec<Arc<RuleStatus>>,
}

/// A group with what its rules remember.
pub struct Group {
    spec: GroupSpec,
    settings: GroupSettings,
    rules: Vec<Rule>,
    /// Series of rules that are gone: their end is to be marked.
    orphans: Vec<(Labels, SeriesRef)>,
    shown: Arc<RwLock<Shown>>,
    metrics: GroupMetrics,
}

impl Group {
    /// A group before its first evaluation. Unless `restored`, alerts are not recorded before
    /// [`Group::restore`].
    #[must_use]
    pub fn new(
        spec: GroupSpec,
        settings: GroupSettings,
        evaluator: &Evaluator,
        restored: bool,
    ) -> Group {
        let rules: Vec<Rule> =
            spec.rules.iter().map(|rule| Rule::new(rule.clone(), restored)).collect();
        let shown = Shown {
            last_evaluation_ms: None,
            evaluation_time: Duration::ZERO,
            rules: rules.iter().map(Rule::status).collect(),
        };
        let metrics = evaluator.metrics.group(&key(&spec));
        metrics.rules.set(rules.len() as f64);
        metrics.interval.set(settings.interval.as_secs_f64());
        let shown = Arc::new(RwLock::new(shown));
        Group { spec, settings, rules, orphans: Vec::new(), shown, metrics }
    }

    /// The group as its file has it.
    #[must_use]
    pub fn spec(&self) -> &GroupSpec {
        &self.spec
    }

    /// What holds for it.
    #[must_use]
    pub fn settings(&self) -> &GroupSettings {
        &self.settings
    }

    pub(crate) fn metrics(&self) -> &GroupMetrics {
        &self.metrics
    }

    pub(crate) fn shown(&self) -> Arc<RwLock<Shown>> {
        self.shown.clone()
    }

    /// Goes on where an earlier group of this name ended: rules with the same name and labels keep
    /// their alerts and series, series of the others will be marked as ended.
    pub(crate) fn take_over(&mut self, mut earlier: Group) {
        self.orphans = std::mem::take(&mut earlier.orphans);
        let mut rest: Vec<Rule> = earlier.rules;
        for rule in &mut self.rules {
            if let Some(at) = rest.iter().position(|earlier| rule.continues(earlier)) {
                rule.take_over(rest.remove(at));
            }
        }
        self.orphans.extend(rest.into_iter().flat_map(|rule| rule.written));
        let rules = self.rules.iter().map(Rule::status).collect();
        let earlier = earlier.shown.read();
        *self.shown.write() = Shown {
            last_evaluation_ms: earlier.last_evaluation_ms,
            evaluation_time: earlier.evaluation_time,
            rules,
        };
    }

    /// Evaluates all rules at `time`, in milliseconds since 1970, writes what they give and hands
    /// on alerts that are due.
    pub fn evaluate(&mut self, time: i64, evaluator: &Evaluator) {
        let (began_ms, began) = (evaluator.now(), Instant::now());
        let mut samples = 0;
        for at in 0..self.rules.len() {
            if evaluator.is_canceled() {
                return;
            }
            samples += self.evaluate_rule(at, time, evaluator);
            let status = self.rules[at].status();
            self.shown.write().rules[at] = status;
        }
        let sample_time = time - millis(self.settings.query_offset);
        match stale::end(&*evaluator.options.appendable, &self.orphans, sample_time) {
            Ok(()) => self.orphans.clear(),
            Err(error) => {
                tracing::warn!(group = self.spec.name, error, "Stale sample append failed");
            }
        }
        let took = began.elapsed();
        let mut shown = self.shown.write();
        (shown.last_evaluation_ms, shown.evaluation_time) = (Some(began_ms), took);
        self.metrics.last_samples.set(samples as f64);
        self.metrics.last_evaluation.set(began_ms as f64 / 1000.0);
        self.metrics.last_seconds.set(took.as_secs_f64());
        let sum: Duration = self.rules.iter().map(|rule| rule.took).sum();
        self.metrics.last_rule_seconds.set(sum.as_secs_f64());
        evaluator.metrics.group_seconds.observe(took.as_secs_f64());
        evaluator.metrics.group_seconds_buckets.observe(took.as_secs_f64());
    }

    /// Evaluates one rule; the number of its samples.
    fn evaluate_rule(&mut self, at: usize, time: i64, evaluator: &Evaluator) -> usize {
        let (began_ms, began) = (evaluator.now(), Instant::now());
        self.metrics.evaluations.inc();
        // A rule that panics is a rule that fails; what it remembers is whole or empty, since
        // nothing is shared.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run_rule(at, time, evaluator)));
        let outcome = outcome.unwrap_or_else(|payload| {
            Err(format!("rule evaluation panicked: {}", panic_text(&*payload)))
        });
        let rule = &mut self.rules[at];
        let (count, result) = match outcome {
            Ok((count, problem)) => (count, problem.map_or(Ok(()), Err)),
            Err(error) if evaluator.is_canceled() => (0, Err(error)),
            Err(error) => {
                self.metrics.failures.inc();
                let (name, group) = (&rule.spec.name, &self.spec.name);
                let file = &self.spec.file;
                tracing::warn!(name, group, file, err = error, "Evaluating rule failed");
                (0, Err(error))
            }
        };
        rule.note(began_ms, began, result);
        evaluator.metrics.evaluation_seconds.observe(rule.took.as_secs_f64());
        evaluator.metrics.evaluation_seconds_buckets.observe(rule.took.as_secs_f64());
        count
    }

    /// The number of samples, and the complaint about one of them.
    fn run_rule(
        &mut self,
        at: usize,
        time: i64,
        evaluator: &Evaluator,
    ) -> Result<(usize, Option<String>), String> {
        let sample_time = time - millis(self.settings.query_offset);
        let moment = Moment {
            time,
            sample_time,
            limit: self.spec.limit,
            external_labels: &self.settings.external_labels,
            origin: Origin::Rule { file: &self.spec.file, group: &self.spec.name },
        };
        let rule = &mut self.rules[at];
        let samples = rule.evaluate(evaluator, moment)?;
        if rule.spec.kind == RuleKind::Alert {
            let interval_ms = millis(self.settings.interval);
            let resend_ms = evaluator.options.timing.resend_delay_ms;
            let due = rule.machine.take_due(time, resend_ms, interval_ms);
            if !due.is_empty() {
                let url = generator_url(&evaluator.options.external_url, &rule.spec);
                let alerts = due.into_iter().map(|alert| outgoing(alert, &url, time)).collect();
                (evaluator.options.notify)(alerts);
            }
        }
        let storage = &*evaluator.options.appendable;
        let written = stale::write(storage, &samples, &rule.written, sample_time, &rule.spec.name)?;
        rule.written = written.series;
        Ok((samples.len(), written.problem))
    }

    /// Whether alerts are still to be restored: a reload may come before that.
    pub(crate) fn awaits_restore(&self) -> bool {
        self.rules.iter().any(|rule| rule.spec.kind == RuleKind::Alert && !rule.restored)
    }

    /// Takes over what the store knows of alerts that were pending before a restart, as of `now`
    /// in milliseconds. Belongs after the second evaluation: the first may lack data.
    pub fn restore(&mut self, now: i64, evaluator: &Evaluator) {
        let began = Instant::now();
        for rule in &mut self.rules {
            if rule.spec.kind == RuleKind::Alert && !rule.restored {
                let options = &evaluator.options;
                restore::restore(rule, &*options.storage, &options.timing, now);
            }
            rule.restored = true;
        }
        self.metrics.last_restore_seconds.set(began.elapsed().as_secs_f64());
    }

    /// Marks the end of everything the group has written: it is gone.
    pub(crate) fn end_series(&mut self, time: i64, evaluator: &Evaluator) {
        let written = self.rules.iter_mut().flat_map(|rule| std::mem::take(&mut rule.written));
        self.orphans.extend(written);
        let sample_time = time - millis(self.settings.query_offset);
        if let Err(error) = stale::end(&*evaluator.options.appendable, &self.orphans, sample_time) {
            tracing::warn!(group = self.spec.name, error, "Stale sample append failed");
        }
    }

    /// What the API shows.
    #[must_use]
    pub fn status(&self) -> GroupStatus {
        status(&self.spec, &self.settings, &self.shown.read())
    }
}

/// What the API shows of a group that may be at work.
pub(crate) fn status(spec: &GroupSpec, settings: &GroupSettings, shown: &Shown) -> GroupStatus {
    GroupStatus {
        file: spec.file.clone(),
        name: spec.name.clone(),
        interval: settings.interval,
        limit: spec.limit,
        last_evaluation_ms: shown.last_evaluation_ms,
        evaluation_time: shown.evaluation_time,
        rules: shown.rules.clone(),
    }
}

/// The value of the label `rule_group`.
pub(crate) fn key(spec: &GroupSpec) -> String {
    format!("{};{}", spec.file, spec.name)
}

fn generator_url(external_url: &str, rule: &RuleSpec) -> String {
    let mut url = format!("{external_url}/graph?g0.expr=");
    for byte in rule.query.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                url.push(char::from(byte));
            }
            b' ' => url.push('+'),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url.push_str("&g0.tab=1");
    url
}

fn outgoing(alert: ActiveAlert, url: &str, now: i64) -> Alert {
    Alert {
        labels: alert.labels,
        annotations: alert.annotations,
        starts_at_ms: alert.fired_at.unwrap_or(alert.active_at),
        ends_at_ms: alert.resolved_at.unwrap_or(alert.valid_until),
        generator_url: url.to_owned(),
        updated_at_ms: now,
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("unknown reason")
}
