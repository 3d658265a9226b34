//! All Alertmanagers of a configuration, and the one in this process.

use std::sync::Arc;

use common_client::ClientOptions;
use common_config::RelabelConfig;
use common_config::prometheus::AlertingConfig;
use common_instrument::Registry;
use common_model::Labels;
use parking_lot::RwLock;
use server_alertmanager::Alert;

use crate::QUEUE_CAPACITY_DEFAULT;
use crate::endpoint::Endpoints;
use crate::metrics::{LOCAL_NAME, Metrics};
use crate::sender::{Sender, Sink, Target};
use crate::set::{Set, relabel};

/// What a [`Manager`] is built from.
pub struct Options {
    /// Alerts that may wait for one Alertmanager.
    pub queue_capacity: usize,
    /// Habits of the HTTP clients.
    pub client: ClientOptions,
    /// The Alertmanager of this process, if it has one; it gets every alert.
    pub local: Option<Arc<dyn Sink>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            queue_capacity: QUEUE_CAPACITY_DEFAULT,
            client: ClientOptions::default(),
            local: None,
        }
    }
}

/// Takes alerts and hands them to every Alertmanager.
pub struct Manager {
    capacity: usize,
    client: ClientOptions,
    metrics: Arc<Metrics>,
    state: Arc<RwLock<State>>,
}

#[derive(Default)]
struct State {
    external_labels: Labels,
    relabel: Vec<RelabelConfig>,
    sets: Vec<Arc<Set>>,
    local: Option<Sender>,
}

impl State {
    fn queued(&self) -> usize {
        let local = self.local.as_ref().map_or(0, Sender::queued);
        self.sets.iter().map(|set| set.queued()).max().unwrap_or(0).max(local)
    }
}

impl Manager {
    /// A manager that knows no Alertmanager but the local one; its metrics go to `registry`. Must
    /// be called within a tokio runtime.
    #[must_use]
    pub fn new(options: Options, registry: &Registry) -> Manager {
        let capacity = options.queue_capacity.max(1);
        let metrics = Arc::new(Metrics::register(registry, capacity));
        let local = options.local.map(|sink| {
            let own = metrics.sender(LOCAL_NAME);
            Sender::start(LOCAL_NAME, Target::Local(sink), capacity, own)
        });
        let state = Arc::new(RwLock::new(State { local, ..State::default() }));
        let asked = state.clone();
        registry.gauge_fn(
            "prometheus_notifications_queue_length",
            "Alerts in the longest queue.",
            move || asked.read().queued() as f64,
        );
        let discovered = state.clone();
        registry.gauge_fn(
            "prometheus_notifications_alertmanagers_discovered",
            "Alertmanagers that alerts are sent to.",
            move || {
                let state = discovered.read();
                let found: usize = state.sets.iter().map(|set| set.endpoints().active.len()).sum();
                (found + usize::from(state.local.is_some())) as f64
            },
        );
        Manager { capacity, client: options.client, metrics, state }
    }

    /// Makes the Alertmanagers those of `config`; `external_labels` are put on every alert that
    /// lacks them. An entry that is unchanged keeps its queues. On an error nothing is changed.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A client that cannot be built, say because of a certificate that cannot be read.
    pub fn apply(
        &self,
        config: &AlertingConfig,
        external_labels: &Labels,
    ) -> Result<(), common_client::Error> {
        let mut earlier = self.state.read().sets.clone();
        let (mut sets, mut fresh) = (Vec::new(), Vec::new());
        for manager in &config.alertmanagers {
            if let Some(at) = earlier.iter().position(|set| set.config == *manager) {
                sets.push(earlier.remove(at));
                continue;
            }
            let (client, metrics) = (self.client.clone(), self.metrics.clone());
            let set = Arc::new(Set::new(manager.clone(), client, self.capacity, metrics)?);
            fresh.push(set.clone());
            sets.push(set);
        }
        for set in earlier {
            set.forget_metrics();
            // Their tasks end by themselves.
            drop(set.stop());
        }
        fresh.iter().for_each(Set::start);
        let mut state = self.state.write();
        state.external_labels = external_labels.clone();
        state.relabel.clone_from(&config.alert_relabel_configs);
        state.sets = sets;
        Ok(())
    }

    /// Queues alerts for every Alertmanager; never waits. Where a queue is full its oldest alerts
    /// are dropped and counted.
    pub fn send(&self, alerts: Vec<Alert>) {
        let state = self.state.read();
        let alerts: Vec<Arc<Alert>> = alerts
            .into_iter()
            .filter_map(|alert| {
                let labels = with_external(&alert.labels, &state.external_labels);
                relabel(&Arc::new(Alert { labels, ..alert }), &state.relabel)
            })
            .collect();
        if alerts.is_empty() {
            return;
        }
        if let Some(local) = &state.local {
            local.push(alerts.iter().cloned());
        }
        state.sets.iter().for_each(|set| set.push(&alerts));
    }

    /// Where alerts are posted over HTTP, and where they would be but for relabeling.
    #[must_use]
    pub fn alertmanagers(&self) -> Endpoints {
        let mut all = Endpoints::default();
        for set in &self.state.read().sets {
            let Endpoints { active, dropped } = set.endpoints();
            all.active.extend(active);
            all.dropped.extend(dropped);
        }
        all
    }

    /// Sends what is queued and ends. Where sending fails the rest is dropped, so that this lasts
    /// no longer than the timeouts of one batch for each Alertmanager beyond what works.
    pub async fn shutdown(&self) {
        let (sets, local) = {
            let mut state = self.state.write();
            (std::mem::take(&mut state.sets), state.local.take())
        };
        let mut tasks: Vec<_> = sets.iter().flat_map(|set| set.stop()).collect();
        tasks.extend(local.map(Sender::drain));
        for task in tasks {
            // A task that panicked has ended too.
            let _ = task.await;
        }
    }
}

fn with_external(labels: &Labels, external: &Labels) -> Labels {
    if external.is_empty() {
        return labels.clone();
    }
    let mut builder = labels.to_builder();
    for (name, value) in external.iter() {
        if builder.value(name).is_empty() {
            builder.set(name, value);
        }
    }
    builder.build()
}
