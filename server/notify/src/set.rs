//! The Alertmanagers of one entry of `alertmanagers`, as discovery finds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_client::{Client, ClientOptions};
use common_config::prometheus::{AlertmanagerConfig, FileDiscovery, TargetGroup};
use parking_lot::Mutex;
use server_alertmanager::Alert;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::endpoint::{Endpoints, endpoints};
use crate::files::{Files, POLL};
use crate::metrics::Metrics;
use crate::sender::{Sender, Target};

/// The senders of one entry.
pub(crate) struct Set {
    pub(crate) config: AlertmanagerConfig,
    client: Client,
    capacity: usize,
    metrics: Arc<Metrics>,
    found: Mutex<Found>,
    stop: watch::Sender<bool>,
}

#[derive(Default)]
struct Found {
    senders: BTreeMap<String, Sender>,
    dropped: Vec<String>,
}

impl Set {
    /// Builds the client; nothing runs before [`Set::start`].
    pub(crate) fn new(
        config: AlertmanagerConfig,
        options: ClientOptions,
        capacity: usize,
        metrics: Arc<Metrics>,
    ) -> Result<Set, common_client::Error> {
        let client = Client::new(&config.http, options)?;
        let (found, stop) = (Mutex::default(), watch::channel(false).0);
        Ok(Set { config, client, capacity, metrics, found, stop })
    }

    /// Starts the senders of the static targets, and looks for others.
    pub(crate) fn start(self: &Arc<Set>) {
        let files: Vec<FileDiscovery> =
            self.config.discoveries.iter().filter_map(|discovery| discovery.file()).collect();
        let mut files = Files::new(&files);
        files.refresh();
        self.sync(&files);
        if files.is_empty() {
            return;
        }
        let (set, mut stopped) = (self.clone(), self.stop.subscribe());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(POLL) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                }
                if files.refresh() {
                    set.sync(&files);
                }
            }
        });
    }

    /// Makes the senders those of the targets there are now.
    fn sync(&self, files: &Files) {
        let fixed = self.config.discoveries.iter().filter_map(|discovery| discovery.groups());
        let groups: Vec<&TargetGroup> = fixed.flatten().chain(files.groups()).collect();
        let Endpoints { active, dropped } = endpoints(&self.config, groups);
        let mut found = self.found.lock();
        if *self.stop.borrow() {
            return;
        }
        found.dropped = dropped;
        let mut earlier = std::mem::take(&mut found.senders);
        for url in active {
            let sender = earlier.remove(&url).unwrap_or_else(|| self.sender(&url));
            found.senders.insert(url, sender);
        }
        for (url, sender) in earlier {
            self.metrics.forget(&url);
            // Its task ends by itself.
            drop(sender.drain());
        }
    }

    fn sender(&self, url: &str) -> Sender {
        let (client, timeout) = (self.client.clone(), self.config.timeout);
        let target = Target::Http { client, url: url.to_owned(), timeout };
        Sender::start(url, target, self.capacity, self.metrics.sender(url))
    }

    /// Queues alerts for every Alertmanager of the entry.
    pub(crate) fn push(&self, alerts: &[Arc<Alert>]) {
        let rules = &self.config.alert_relabel_configs;
        let relabeled: Vec<Arc<Alert>> =
            alerts.iter().filter_map(|alert| relabel(alert, rules)).collect();
        for sender in self.found.lock().senders.values() {
            sender.push(relabeled.iter().cloned());
        }
    }

    /// Alerts in the longest queue.
    pub(crate) fn queued(&self) -> usize {
        self.found.lock().senders.values().map(Sender::queued).max().unwrap_or(0)
    }

    /// Where alerts go.
    pub(crate) fn endpoints(&self) -> Endpoints {
        let found = self.found.lock();
        Endpoints {
            active: found.senders.keys().cloned().collect(),
            dropped: found.dropped.clone(),
        }
    }

    /// Ends discovery; the senders send what they have and end.
    pub(crate) fn stop(&self) -> Vec<JoinHandle<()>> {
        let mut found = self.found.lock();
        self.stop.send_replace(true);
        let senders = std::mem::take(&mut found.senders);
        senders.into_values().map(Sender::drain).collect()
    }

    /// Forgets the metrics of all that is still active.
    pub(crate) fn forget_metrics(&self) {
        self.found.lock().senders.keys().for_each(|url| self.metrics.forget(url));
    }
}

/// The alert with its labels relabeled; none when they are dropped.
pub(crate) fn relabel(
    alert: &Arc<Alert>,
    rules: &[common_config::RelabelConfig],
) -> Option<Arc<Alert>> {
    if rules.is_empty() {
        return Some(alert.clone());
    }
    let labels = server_relabel::process(&alert.labels, rules)?;
    if labels == alert.labels {
        return Some(alert.clone());
    }
    Some(Arc::new(Alert { labels, ..(**alert).clone() }))
}
