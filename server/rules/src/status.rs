//! What the API shows of groups, rules and alerts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common_config::rules::RuleKind;
use common_model::Labels;

use crate::alert::State;

/// How a rule's last evaluation went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It was not yet evaluated.
    #[default]
    Unknown,
    /// Well.
    Ok,
    /// Badly.
    Err,
}

impl Health {
    /// As the API has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Ok => "ok",
            Health::Err => "err",
        }
    }
}

/// A group and how it does.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// The file it stands in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// How often it is evaluated.
    pub interval: Duration,
    /// Most series or alerts of a rule; zero means any number.
    pub limit: usize,
    /// When the last evaluation began, in milliseconds; none before the first.
    pub last_evaluation_ms: Option<i64>,
    /// How long it took.
    pub evaluation_time: Duration,
    /// The rules in their order.
    pub rules: Vec<Arc<RuleStatus>>,
}

/// A rule and how it does.
#[derive(Clone, Debug)]
pub struct RuleStatus {
    /// Whether it records or alerts.
    pub kind: RuleKind,
    /// The metric's or the alert's name.
    pub name: String,
    /// The expression.
    pub query: String,
    /// Labels as written.
    pub labels: BTreeMap<String, String>,
    /// Annotations as written.
    pub annotations: BTreeMap<String, String>,
    /// `for`.
    pub duration: Duration,
    /// `keep_firing_for`.
    pub keep_firing_for: Duration,
    /// How the last evaluation went.
    pub health: Health,
    /// What went wrong in it; empty when nothing did.
    pub last_error: String,
    /// When it began, in milliseconds; none before the first.
    pub last_evaluation_ms: Option<i64>,
    /// How long it took.
    pub evaluation_time: Duration,
    /// The most urgent state of its alerts; inactive for recording rules.
    pub state: State,
    /// Its pending and firing alerts, in order of their labels.
    pub alerts: Vec<AlertStatus>,
}

/// One alert that is pending or firing.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertStatus {
    /// Labels.
    pub labels: Labels,
    /// Annotations, expanded.
    pub annotations: Labels,
    /// Pending or firing.
    pub state: State,
    /// Since when its condition holds, in milliseconds.
    pub active_at_ms: i64,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since_ms: Option<i64>,
    /// The expression's value when it was last true.
    pub value: f64,
}
