//! What a receiver is told: a flush as templates and JSON see it.

use std::collections::BTreeMap;

use common_model::Labels;
use common_template::alertmanager::{self as template, Data, Kv};
use common_template::{Time, Value};

use crate::Alert;
use crate::dispatch::{Flush, Reason};

/// One message to one integration.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The receiver's name.
    pub(crate) receiver: String,
    /// Key of the group.
    pub(crate) group_key: String,
    /// Labels of the group.
    pub(crate) group_labels: Labels,
    /// What to tell of; ended alerts have an end, the others have none.
    pub(crate) alerts: Vec<Alert>,
    /// Why.
    pub(crate) reason: Reason,
    /// Where our pages are.
    pub(crate) external_url: String,
    /// The time now, for templates.
    pub(crate) now_ms: i64,
}

impl Message {
    /// The message for an integration; without resolved alerts if it does not want them.
    pub(crate) fn new(flush: &Flush, reason: Reason, sends_resolved: bool, url: &str) -> Message {
        let wanted = flush.alerts.iter().filter(|alert| sends_resolved || alert.ends_at_ms == 0);
        Message {
            receiver: flush.receiver.clone(),
            group_key: flush.key.clone(),
            group_labels: flush.id.labels.clone(),
            alerts: wanted.cloned().collect(),
            reason,
            external_url: url.trim_end_matches('/').to_owned(),
            now_ms: flush.now_ms,
        }
    }

    /// Drops the alerts beyond a number; zero is no limit. Gives how many were dropped.
    pub(crate) fn truncate(&mut self, alerts_max: u64) -> usize {
        let max = usize::try_from(alerts_max).unwrap_or(usize::MAX);
        if max == 0 || self.alerts.len() <= max {
            return 0;
        }
        let dropped = self.alerts.len() - max;
        self.alerts.truncate(max);
        dropped
    }

    /// As templates see it.
    pub(crate) fn to_value(&self) -> Value {
        self.data(str::to_owned).into_value()
    }

    /// As templates of HTML see it: every text is escaped.
    pub(crate) fn to_html_value(&self) -> Value {
        self.data(escape_html).into_value()
    }

    fn data(&self, text: fn(&str) -> String) -> Data {
        let is_firing = self.alerts.iter().any(|alert| alert.ends_at_ms == 0);
        let kv = |labels: &Labels| Kv::new(labels.iter().map(|(n, v)| (text(n), text(v))));
        let one = |alert: &Alert| template::Alert {
            status: status(alert.ends_at_ms == 0).to_owned(),
            labels: kv(&alert.labels),
            annotations: kv(&alert.annotations),
            starts_at: time(alert.starts_at_ms),
            ends_at: time(alert.ends_at_ms),
            generator_url: text(&alert.generator_url),
            fingerprint: format!("{:016x}", alert.fingerprint()),
        };
        Data {
            receiver: text(&quote_pattern(&self.receiver)),
            status: status(is_firing).to_owned(),
            alerts: self.alerts.iter().map(one).collect(),
            notification_reason: self.reason.as_str().to_owned(),
            group_labels: kv(&self.group_labels),
            common_labels: kv(&common(self.alerts.iter().map(|alert| &alert.labels))),
            common_annotations: kv(&common(self.alerts.iter().map(|alert| &alert.annotations))),
            external_url: text(&self.external_url),
        }
    }
}

fn status(is_firing: bool) -> &'static str {
    if is_firing { "firing" } else { "resolved" }
}

fn time(millis: i64) -> Time {
    if millis == 0 { Time::zero() } else { Time::from_millis(millis) }
}

/// The pairs that all have.
fn common<'l>(mut all: impl Iterator<Item = &'l Labels>) -> Labels {
    let mut pairs: BTreeMap<&str, &str> =
        all.next().map(|labels| labels.iter().collect()).unwrap_or_default();
    for labels in all {
        pairs.retain(|name, value| labels.get(name) == Some(*value));
    }
    Labels::from_pairs(pairs)
}

/// Go's `regexp.QuoteMeta`.
fn quote_pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
