//! One group: alerts that are told of together, and when.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use common_model::Labels;

use super::route::RouteNode;
use super::store::Stored;
use crate::Alert;

/// Which group: a route and the values of its labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupId {
    pub(crate) route: usize,
    pub(crate) labels: Labels,
}

/// A group between its flushes.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) key: String,
    pub(crate) next_flush_ms: i64,
    has_flushed: bool,
    /// Whether its last flush is still being told of.
    pub(crate) in_flight: bool,
    pub(crate) alerts: BTreeMap<Labels, Stored>,
}

/// What a group wants to be told at one time.
#[derive(Clone, Debug)]
pub(crate) struct Flush {
    pub(crate) id: GroupId,
    /// Route and labels as one text.
    pub(crate) key: String,
    pub(crate) receiver: String,
    /// The group's alerts that nothing inhibits; firing ones have no end.
    pub(crate) alerts: Vec<Alert>,
    /// The alerts that had ended, with the time of the last report.
    pub(crate) resolved: Vec<(Labels, i64)>,
    pub(crate) now_ms: i64,
    pub(crate) repeat_interval_ms: i64,
    pub(crate) group_interval_ms: i64,
    /// Of which configuration.
    pub(crate) generation: u64,
}

impl Group {
    pub(crate) fn new(key: String, next_flush_ms: i64) -> Group {
        let alerts = BTreeMap::new();
        Group { key, next_flush_ms, has_flushed: false, in_flight: false, alerts }
    }

    /// Takes an alert; one that has waited long enough elsewhere does not wait again.
    pub(crate) fn insert(&mut self, stored: Stored, group_wait_ms: i64, now_ms: i64) {
        if !self.has_flushed && stored.alert.starts_at_ms.saturating_add(group_wait_ms) < now_ms {
            self.next_flush_ms = now_ms;
        }
        self.alerts.insert(stored.alert.labels.clone(), stored);
    }

    /// What is to be told now. The next flush is one interval away; `None` where all is inhibited
    /// and nothing has to be waited for.
    pub(crate) fn flush(
        &mut self,
        id: &GroupId,
        node: &RouteNode,
        now_ms: i64,
        is_inhibited: impl Fn(&Labels) -> bool,
    ) -> Option<Flush> {
        self.next_flush_ms = now_ms.saturating_add(node.group_interval_ms);
        self.has_flushed = true;
        let is_resolved = |stored: &&Stored| stored.alert.is_resolved_at(now_ms);
        let resolved = self.alerts.values().filter(is_resolved);
        let resolved: Vec<_> =
            resolved.map(|s| (s.alert.labels.clone(), s.alert.updated_at_ms)).collect();
        let told = self.alerts.values().filter(|stored| !is_inhibited(&stored.alert.labels));
        let mut alerts: Vec<Alert> = told.map(|stored| frozen(&stored.alert, now_ms)).collect();
        if alerts.is_empty() {
            self.forget(&resolved);
            return None;
        }
        alerts.sort_by(|a, b| order(&a.labels, &b.labels));
        self.in_flight = true;
        Some(Flush {
            id: id.clone(),
            key: self.key.clone(),
            receiver: node.receiver.clone(),
            alerts,
            resolved,
            now_ms,
            repeat_interval_ms: node.repeat_interval_ms,
            group_interval_ms: node.group_interval_ms,
            generation: 0,
        })
    }

    /// Drops alerts that nobody reported again.
    pub(crate) fn forget(&mut self, resolved: &[(Labels, i64)]) {
        for (labels, updated_at_ms) in resolved {
            if self.alerts.get(labels).is_some_and(|s| s.alert.updated_at_ms == *updated_at_ms) {
                self.alerts.remove(labels);
            }
        }
    }
}

/// The alert as it is now: while it is being told of, time does not resolve it.
fn frozen(alert: &Alert, now_ms: i64) -> Alert {
    let ends_at_ms = if alert.is_resolved_at(now_ms) { alert.ends_at_ms } else { 0 };
    Alert { ends_at_ms, ..alert.clone() }
}

/// The order of alerts in a message: by job, then instance (with them before without), then
/// number of labels, then the labels.
pub(crate) fn order(a: &Labels, b: &Labels) -> Ordering {
    for name in ["job", "instance"] {
        let by_name = match (a.get(name), b.get(name)) {
            (Some(a), Some(b)) => a.cmp(b),
            (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        };
        if by_name != Ordering::Equal {
            return by_name;
        }
    }
    a.len().cmp(&b.len()).then_with(|| by_names(a, b))
}

/// By the first name in order that only one has (the other comes first) or that differs.
fn by_names(a: &Labels, b: &Labels) -> Ordering {
    let pairs = a.iter().zip(b.iter());
    for ((a_name, a_value), (b_name, b_value)) in pairs {
        match a_name.cmp(b_name) {
            // `a` lacks the later name's place: the set without the earlier name comes first.
            Ordering::Less => return Ordering::Greater,
            Ordering::Greater => return Ordering::Less,
            Ordering::Equal if a_value != b_value => return a_value.cmp(b_value),
            Ordering::Equal => {}
        }
    }
    Ordering::Equal
}
