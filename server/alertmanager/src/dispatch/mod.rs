//! Which alerts are told of when: alerts, groups and the times of their flushes.
//!
//! No clock, no tasks: every call says what time it is, so tests turn the clock by hand.

mod group;
mod inhibit;
mod log;
mod route;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use common_config::alertmanager::AlertmanagerFile;
use common_model::Labels;

pub(crate) use group::{Flush, GroupId};
pub(crate) use log::{Log, Reason, ReceiverId, Verdict};
pub(crate) use store::Stored;

use crate::Alert;
use group::Group;
use inhibit::Inhibitor;
use route::Tree;
use store::Store;

/// Most alerts that are kept; further new ones are refused and counted.
pub const ALERTS_MAX: usize = 100_000;
/// Most groups; alerts that would make another are kept but not told of, and counted.
pub const GROUPS_MAX: usize = 20_000;
/// How often resolved alerts are forgotten.
const GC_INTERVAL_MS: i64 = 30 * 60 * 1000;

/// What was turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// New alerts beyond [`ALERTS_MAX`].
    pub(crate) alerts: u64,
    /// Times an alert would have made a group beyond [`GROUPS_MAX`].
    pub(crate) groups: u64,
}

/// An alert as a page shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertView {
    /// The alert; its end is when it will be taken as resolved if nobody repeats it.
    pub alert: Alert,
    /// Names of the receivers it goes to.
    pub receivers: Vec<String>,
    /// Fingerprints of the alerts that inhibit it, as 16 hexadecimal digits.
    pub inhibited_by: Vec<String>,
}

/// A group as a page shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupView {
    /// The labels its alerts have in common by configuration.
    pub labels: Labels,
    /// Who is told.
    pub receiver: String,
    /// Route and labels as one text.
    pub key: String,
    /// When it is looked at next.
    pub next_flush_ms: i64,
    /// Its alerts that have not ended, by labels.
    pub alerts: Vec<AlertView>,
}

/// Alerts, routes and groups.
pub(crate) struct Dispatcher {
    tree: Tree,
    inhibitor: Inhibitor,
    store: Store,
    groups: BTreeMap<GroupId, Group>,
    resolve_timeout_ms: i64,
    next_gc_ms: i64,
    /// Counts configurations, so that flushes of an earlier one end unheard.
    generation: u64,
    pub(crate) refused: Refused,
}

impl Dispatcher {
    pub(crate) fn new(config: &AlertmanagerFile, now_ms: i64) -> Dispatcher {
        Dispatcher {
            tree: Tree::new(&config.route),
            inhibitor: Inhibitor::new(&config.inhibit_rules),
            store: Store::default(),
            groups: BTreeMap::new(),
            resolve_timeout_ms: millis(config.global.resolve_timeout),
            next_gc_ms: now_ms.saturating_add(GC_INTERVAL_MS),
            generation: 0,
            refused: Refused::default(),
        }
    }

    /// Takes another configuration: alerts stay, groups are made anew.
    pub(crate) fn apply(&mut self, config: &AlertmanagerFile, now_ms: i64) {
        let store = std::mem::take(&mut self.store);
        let (refused, generation) = (self.refused, self.generation + 1);
        *self = Dispatcher { store, refused, generation, ..Dispatcher::new(config, now_ms) };
        let alerts: Vec<Stored> = self.store.iter().cloned().collect();
        for stored in alerts {
            self.route(&stored, now_ms);
        }
    }

    /// Takes an alert; one that has no end ends when nobody repeats it in time.
    pub(crate) fn put(&mut self, alert: Alert, now_ms: i64) {
        let stored = Stored::new(alert, now_ms, self.resolve_timeout_ms);
        if self.store.len() >= ALERTS_MAX && !self.store.contains(&stored) {
            self.refused.alerts += 1;
            return;
        }
        let merged = self.store.put(stored, now_ms);
        self.route(&merged, now_ms);
    }

    fn route(&mut self, stored: &Stored, now_ms: i64) {
        for index in self.tree.find(&stored.alert.labels) {
            let node = self.tree.node(index);
            let id = GroupId { route: index, labels: node.group_labels(&stored.alert.labels) };
            if !self.groups.contains_key(&id) && self.groups.len() >= GROUPS_MAX {
                self.refused.groups += 1;
                continue;
            }
            let group = self.groups.entry(id).or_insert_with_key(|id| {
                let key = format!("{}:{}", node.key, route::show_labels(&id.labels));
                Group::new(key, now_ms.saturating_add(node.group_wait_ms))
            });
            group.insert(stored.clone(), node.group_wait_ms, now_ms);
        }
    }

    /// When [`Dispatcher::due`] has something to do; `None` before there is an alert.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        let flush = self.groups.values().filter(|group| !group.in_flight);
        let flush = flush.map(|group| group.next_flush_ms).min();
        let gc = (self.store.len() > 0).then_some(self.next_gc_ms);
        flush.into_iter().chain(gc).min()
    }

    /// Starts the flushes whose time has come. A group in flight waits for [`Dispatcher::done`].
    pub(crate) fn due(&mut self, now_ms: i64) -> Vec<Flush> {
        if now_ms >= self.next_gc_ms {
            self.store.forget_resolved(now_ms);
            self.next_gc_ms = now_ms.saturating_add(GC_INTERVAL_MS);
        }
        let firing = self.inhibitor.sources(self.store.iter(), now_ms);
        let mut flushes = Vec::new();
        for (id, group) in &mut self.groups {
            if group.in_flight || group.next_flush_ms > now_ms {
                continue;
            }
            let node = self.tree.node(id.route);
            let flush = group.flush(id, node, now_ms, |labels| firing.inhibiting(labels).is_some());
            flushes.extend(flush.map(|flush| Flush { generation: self.generation, ..flush }));
        }
        self.groups.retain(|_, group| group.in_flight || !group.alerts.is_empty());
        flushes
    }

    /// Ends a flush. After a success what was told as resolved is forgotten, unless it was heard
    /// of in the meantime.
    pub(crate) fn done(&mut self, flush: &Flush, is_success: bool) {
        let group = self.groups.get_mut(&flush.id);
        let Some(group) = group.filter(|_| flush.generation == self.generation) else {
            return;
        };
        group.in_flight = false;
        if is_success {
            group.forget(&flush.resolved);
        }
        if group.alerts.is_empty() {
            self.groups.remove(&flush.id);
        }
    }

    /// All alerts that have not ended.
    pub(crate) fn alerts(&self, now_ms: i64) -> Vec<AlertView> {
        let firing = self.inhibitor.sources(self.store.iter(), now_ms);
        let active = self.store.iter().filter(|stored| !stored.alert.is_resolved_at(now_ms));
        active.map(|stored| self.view(stored, &firing)).collect()
    }

    /// All groups that have an alert which has not ended.
    pub(crate) fn groups(&self, now_ms: i64) -> Vec<GroupView> {
        let firing = self.inhibitor.sources(self.store.iter(), now_ms);
        let view = |(id, group): (&GroupId, &Group)| {
            let active = group.alerts.values();
            let active = active.filter(|stored| !stored.alert.is_resolved_at(now_ms));
            let mut alerts: Vec<_> = active.map(|stored| self.view(stored, &firing)).collect();
            alerts.sort_by(|a, b| group::order(&a.alert.labels, &b.alert.labels));
            GroupView {
                labels: id.labels.clone(),
                receiver: self.tree.node(id.route).receiver.clone(),
                key: group.key.clone(),
                next_flush_ms: group.next_flush_ms,
                alerts,
            }
        };
        self.groups.iter().map(view).filter(|view| !view.alerts.is_empty()).collect()
    }

    fn view(&self, stored: &Stored, firing: &inhibit::Sources<'_>) -> AlertView {
        let labels = &stored.alert.labels;
        let routes = self.tree.find(labels).into_iter();
        let source = firing.inhibiting(labels);
        AlertView {
            alert: stored.alert.clone(),
            receivers: routes.map(|index| self.tree.node(index).receiver.clone()).collect(),
            inhibited_by: source.map(|source| format!("{source:016x}")).into_iter().collect(),
        }
    }

    /// Number of groups.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }
}

/// Whole milliseconds, as far as they fit.
pub(crate) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
