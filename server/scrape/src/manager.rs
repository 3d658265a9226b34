//! All scrape pools: started, reloaded and stopped with the configuration.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use common_config::prometheus::ScrapeConfig;
use common_instrument::{Collector, Registry};
use common_model::Labels;
use server_storage::Appendable;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use crate::Now;
use crate::asked::Asked;
use crate::buffers::Buffers;
use crate::discovery::{self, Groups};
use crate::failures::FailureLogs;
use crate::metrics::{DiscoveryMetrics, Metrics};
use crate::pool::Pool;
use crate::status::ActiveTarget;
use crate::target_loop::Stop;
use crate::treatment::StartTimes;

/// What every pool needs.
pub(crate) struct Shared {
    pub(crate) storage: Arc<dyn Appendable>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) now: Now,
    pub(crate) buffers: Arc<Buffers>,
    /// Sources inside this process, by the address their targets have.
    pub(crate) in_process: HashMap<String, Arc<dyn Collector>>,
    pub(crate) asked: HashMap<String, Arc<dyn Asked>>,
    pub(crate) failures: Arc<FailureLogs>,
    pub(crate) ready: Option<watch::Receiver<bool>>,
    pub(crate) starts: StartTimes,
}

/// Why a configuration was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A client that cannot be built, say because of a certificate that cannot be read.
    #[error(transparent)]
    Client(#[from] common_client::Error),
    /// A file that failures are to be written to and that cannot be opened.
    #[error("{0}")]
    FailureLog(String),
}

/// What a [`Manager`] is built from.
pub struct ManagerOptions {
    /// Where samples go.
    pub storage: Arc<dyn Appendable>,
    /// The wall clock in milliseconds.
    pub now: Now,
    /// Collectors that targets with the scheme `inprocess` read, by address.
    pub in_process: HashMap<String, Arc<dyn Collector>>,
    /// Sources of the same scheme that are told the query of the target.
    pub asked: HashMap<String, Arc<dyn Asked>>,
    /// What is scraped waits until this turns true, or its sender goes; nothing to wait for where
    /// there is none.
    pub ready: Option<watch::Receiver<bool>>,
    /// What becomes of start times.
    pub starts: StartTimes,
}

/// A target that relabeling dropped.
#[derive(Clone, Debug)]
pub struct DroppedTarget {
    /// The scrape configuration it belongs to.
    pub pool: Arc<str>,
    /// Labels as discovered.
    pub discovered: Labels,
}

/// A pool with the task that feeds it discovered targets.
struct Entry {
    pool: Arc<Mutex<Pool>>,
    config: Arc<ScrapeConfig>,
    stop: watch::Sender<bool>,
    feeder: JoinHandle<()>,
}

/// Runs the scrape pools of a configuration.
pub struct Manager {
    shared: Arc<Shared>,
    pools: Mutex<BTreeMap<String, Entry>>,
}

impl Manager {
    /// A manager without pools; its metrics go to `registry`.
    #[must_use]
    pub fn new(options: ManagerOptions, registry: &Registry) -> Manager {
        let shared = Shared {
            storage: options.storage,
            metrics: Arc::new(Metrics::register(registry)),
            now: options.now,
            buffers: Arc::default(),
            in_process: options.in_process,
            asked: options.asked,
            failures: Arc::default(),
            ready: options.ready,
            starts: options.starts,
        };
        Manager { shared: Arc::new(shared), pools: Mutex::default() }
    }

    /// Makes the pools those of `configs`: a pool whose configuration is unchanged goes on as it
    /// is, others are started, restarted or ended. On an error nothing is changed.
    ///
    /// # Errors
    /// A client that cannot be built, a file for failures that cannot be opened.
    pub async fn apply(&self, configs: &[ScrapeConfig]) -> Result<(), ApplyError> {
        let mut pools = self.pools.lock().await;
        let mut fresh = Vec::new();
        for config in configs {
            if pools.get(&config.job_name).is_none_or(|entry| *entry.config != *config) {
                let config = Arc::new(config.clone());
                let pool = Pool::new(config.clone(), self.shared.clone()).inspect_err(|_| {
                    let metrics = &self.shared.metrics.pools;
                    let is_new = !pools.contains_key(&config.job_name);
                    if is_new { &metrics.failed } else { &metrics.reloads_failed }.inc();
                })?;
                fresh.push((config, pool));
            }
        }
        self.shared.failures.reopen(configs).map_err(ApplyError::FailureLog)?;
        let gone: Vec<String> = pools
            .keys()
            .filter(|name| !configs.iter().any(|config| config.job_name == **name))
            .cloned()
            .collect();
        for name in gone {
            if let Some(entry) = pools.remove(&name) {
                end(entry, Stop::Removed).await;
                self.shared.metrics.pools.forget(&name);
                self.shared.metrics.dials.forget(&name);
            }
        }
        for (config, pool) in fresh {
            if let Some(entry) = pools.remove(&config.job_name) {
                // Its targets go on in the new pool: their series do not end.
                end(entry, Stop::Shutdown).await;
                self.shared.metrics.pools.reloads.inc();
            } else {
                self.shared.metrics.pools.begun.inc();
            }
            pools.insert(config.job_name.clone(), self.start(config, pool));
        }
        self.shared.metrics.pools.running.set(pools.len() as f64);
        Ok(())
    }

    /// Ends every pool; scrapes in flight are finished, series do not end.
    pub async fn shutdown(&self) {
        for (_, entry) in std::mem::take(&mut *self.pools.lock().await) {
            end(entry, Stop::Shutdown).await;
        }
    }

    /// All targets with their last scrapes, by pool, then labels.
    pub async fn active(&self) -> Vec<ActiveTarget> {
        let mut active = Vec::new();
        for entry in self.pools.lock().await.values() {
            active.extend(entry.pool.lock().await.active());
        }
        active
    }

    /// Targets that relabeling dropped.
    pub async fn dropped(&self) -> Vec<DroppedTarget> {
        let mut dropped = Vec::new();
        for entry in self.pools.lock().await.values() {
            let pool = entry.pool.lock().await;
            dropped.extend(pool.dropped.iter().map(|discovered| DroppedTarget {
                pool: pool.name.clone(),
                discovered: discovered.clone(),
            }));
        }
        dropped
    }

    /// Names of the pools, sorted.
    pub async fn pools(&self) -> Vec<String> {
        self.pools.lock().await.keys().cloned().collect()
    }

    /// The configuration of a pool.
    pub async fn config(&self, pool: &str) -> Option<Arc<ScrapeConfig>> {
        self.pools.lock().await.get(pool).map(|entry| entry.config.clone())
    }

    fn start(&self, config: Arc<ScrapeConfig>, pool: Pool) -> Entry {
        let pool = Arc::new(Mutex::new(pool));
        let (stop, stopped) = watch::channel(false);
        let (fed, metrics) = (pool.clone(), self.shared.metrics.clone());
        let (groups, changes) = watch::channel(Groups::default());
        let finder = discovery::run(config.clone(), groups, stopped.clone(), metrics.clone());
        let feeder = tokio::spawn(async move {
            tokio::join!(finder, feed(fed, &metrics.discovery, changes, stopped));
        });
        Entry { pool, config, stop, feeder }
    }
}

/// Brings what discovery finds to the pool.
async fn feed(
    pool: Arc<Mutex<Pool>>,
    metrics: &DiscoveryMetrics,
    mut changes: watch::Receiver<Groups>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = discovery::until(&mut stopped) => return,
        }
        metrics.received.inc();
        let groups = changes.borrow_and_update().clone();
        let mut pool = pool.lock().await;
        let count: usize = groups.iter().map(|group| group.targets.len()).sum();
        metrics.targets.with(["scrape", &pool.name]).set(count as f64);
        pool.sync(groups.iter());
        metrics.updates.inc();
    }
}

async fn end(entry: Entry, stop: Stop) {
    entry.stop.send_replace(true);
    // A feeder that panicked has ended too.
    let _ = entry.feeder.await;
    if let Some(pool) = Arc::into_inner(entry.pool) {
        pool.into_inner().stop(stop).await;
    }
}
