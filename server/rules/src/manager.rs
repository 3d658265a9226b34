//! All groups of a configuration, each in a task of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common_instrument::Registry;
use common_model::Labels;
use parking_lot::RwLock;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use crate::evaluator::{Evaluator, ManagerOptions};
use crate::group::{self, Group, GroupSettings, Shown};
use crate::load::GroupSpec;
use crate::status::{AlertStatus, GroupStatus};
use crate::task;

/// Series of a group that is gone are marked as ended after this many intervals: a group that was
/// renamed has taken them over by then.
const END_AFTER_INTERVALS: u32 = 2;

/// All rules of a configuration.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// The groups of all files.
    pub groups: Vec<GroupSpec>,
    /// `evaluation_interval`, for groups that have none.
    pub interval: Duration,
    /// `rule_query_offset`, for groups that have none.
    pub query_offset: Duration,
    /// `external_labels`, for templates.
    pub external_labels: Labels,
}

/// A group at work.
struct Entry {
    spec: GroupSpec,
    settings: GroupSettings,
    shown: Arc<RwLock<Shown>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Option<Group>>,
}

/// By file and name, the order in which the API lists them.
type Entries = BTreeMap<(String, String), Entry>;

/// Evaluates the groups of a configuration.
pub struct Manager {
    evaluator: Arc<Evaluator>,
    /// Held while a configuration is applied.
    applying: Mutex<Applied>,
    entries: RwLock<Entries>,
}

#[derive(Default)]
struct Applied {
    /// Whether groups were applied before: only those of the first time are restored.
    once: bool,
    /// Waits for the end of groups that are gone.
    enders: Vec<JoinHandle<()>>,
    /// Told when everything ends.
    stop_enders: Option<watch::Sender<bool>>,
}

impl Manager {
    /// A manager without groups; its metrics go to `registry`.
    #[must_use]
    pub fn new(options: ManagerOptions, registry: &Registry) -> Manager {
        Manager {
            evaluator: Arc::new(Evaluator::new(options, registry)),
            applying: Mutex::default(),
            entries: RwLock::default(),
        }
    }

    /// Makes the groups those of `set`. A group that is unchanged goes on as it is; one that
    /// changed finishes the evaluation it is in and hands its alerts on; the series of one that
    /// is gone are marked as ended. Must be called within a tokio runtime.
    pub async fn apply(&self, set: RuleSet) {
        let mut applied = self.applying.lock().await;
        let restores = !std::mem::replace(&mut applied.once, true);
        let mut earlier = std::mem::take(&mut *self.entries.write());
        let mut entries = Entries::new();
        for spec in &set.groups {
            let key = (spec.file.clone(), spec.name.clone());
            let settings = settings(spec, &set);
            let entry = match earlier.remove(&key) {
                Some(entry) if entry.spec == *spec && entry.settings == settings => entry,
                Some(entry) => {
                    let old = stop(entry).await;
                    let mut group = Group::new(spec.clone(), settings, &self.evaluator, true);
                    if let Some(old) = old {
                        group.take_over(old);
                    }
                    let restores = group.awaits_restore();
                    self.start(group, restores)
                }
                None => {
                    let group = Group::new(spec.clone(), settings, &self.evaluator, !restores);
                    self.start(group, restores)
                }
            };
            entries.insert(key, entry);
        }
        *self.entries.write() = entries;
        applied.enders.retain(|ender| !ender.is_finished());
        for (_, entry) in earlier {
            self.evaluator.metrics.forget(&group::key(&entry.spec));
            if let Some(group) = stop(entry).await {
                self.end_later(group, &mut applied);
            }
        }
    }

    fn start(&self, group: Group, restores: bool) -> Entry {
        let (stop, stopped) = watch::channel(false);
        Entry {
            spec: group.spec().clone(),
            settings: group.settings().clone(),
            shown: group.shown(),
            stop,
            task: tokio::spawn(task::run(group, self.evaluator.clone(), stopped, restores)),
        }
    }

    fn end_later(&self, mut group: Group, applied: &mut Applied) {
        let stop = applied.stop_enders.get_or_insert_with(|| watch::channel(false).0);
        let mut stopped = stop.subscribe();
        let evaluator = self.evaluator.clone();
        let time = evaluator.now();
        applied.enders.push(tokio::spawn(async move {
            let wait = group.settings().interval * END_AFTER_INTERVALS;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            let end = move || group.end_series(time, &evaluator);
            // It fails only when the runtime ends.
            let _ = tokio::task::spawn_blocking(end).await;
        }));
    }

    /// Ends all groups. Queries that run are canceled; series do not end.
    pub async fn shutdown(&self) {
        let mut applied = self.applying.lock().await;
        self.evaluator.cancel();
        if let Some(stop) = applied.stop_enders.take() {
            stop.send_replace(true);
        }
        for ender in applied.enders.drain(..) {
            // A task that panicked has ended too.
            let _ = ender.await;
        }
        let entries = std::mem::take(&mut *self.entries.write());
        for entry in entries.values() {
            entry.stop.send_replace(true);
        }
        for (_, entry) in entries {
            stop(entry).await;
        }
    }

    /// All groups, by file, then name.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupStatus> {
        let entries = self.entries.read();
        entries
            .values()
            .map(|entry| group::status(&entry.spec, &entry.settings, &entry.shown.read()))
            .collect()
    }

    /// All pending and firing alerts, in order of the groups and rules.
    #[must_use]
    pub fn alerts(&self) -> Vec<AlertStatus> {
        let groups = self.groups();
        groups.iter().flat_map(|g| &g.rules).flat_map(|rule| rule.alerts.clone()).collect()
    }
}

fn settings(spec: &GroupSpec, set: &RuleSet) -> GroupSettings {
    GroupSettings {
        interval: spec.interval.unwrap_or(set.interval),
        query_offset: spec.query_offset.unwrap_or(set.query_offset),
        external_labels: set.external_labels.clone(),
    }
}

async fn stop(entry: Entry) -> Option<Group> {
    entry.stop.send_replace(true);
    entry.task.await.ok().flatten()
}
