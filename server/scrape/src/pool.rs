//! The targets of one scrape configuration and their loops.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_client::Client;
use common_config::prometheus::{NameScheme, ScrapeConfig, TargetGroup};
use common_model::Labels;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fetch::Source;
use crate::manager::Shared;
use crate::memory::Memory;
use crate::metadata::MetadataByName;
use crate::metrics::OnePool;
use crate::report::ReportSeries;
use crate::status::{ActiveTarget, LastScrape};
use crate::target::{Frame, Populated, Target, populate};
use crate::target_loop::{Stop, TargetLoop};
use crate::treatment::Treatment;
use crate::{defaults, fetch};

/// A target with its running loop.
struct Running {
    target: Arc<Target>,
    last: Arc<Mutex<LastScrape>>,
    metadata: Arc<Mutex<MetadataByName>>,
    stop: watch::Sender<Stop>,
    handle: JoinHandle<()>,
}

/// The targets of one scrape configuration.
pub(crate) struct Pool {
    pub(crate) name: Arc<str>,
    pub(crate) config: Arc<ScrapeConfig>,
    frame: Frame,
    client: Arc<Client>,
    shared: Arc<Shared>,
    running: HashMap<u64, Running>,
    /// Labels of targets dropped by relabeling, as discovered.
    pub(crate) dropped: Vec<Labels>,
    /// An error every scrape of the pool answers with, say a target limit.
    forced: Arc<Mutex<Option<String>>>,
    metrics: OnePool,
}

impl Pool {
    pub(crate) fn new(
        config: Arc<ScrapeConfig>,
        shared: Arc<Shared>,
    ) -> Result<Pool, common_client::Error> {
        let dials = shared.metrics.dials.of(&config.job_name);
        let client = Arc::new(fetch::client(&config, dials)?);
        let frame = Frame::of(&config);
        let metrics = shared.metrics.pools.of(&config.job_name);
        metrics.target_limit.set(config.limits.targets as f64);
        Ok(Pool {
            name: config.job_name.as_str().into(),
            config,
            frame,
            client,
            shared,
            running: HashMap::new(),
            dropped: Vec::new(),
            forced: Arc::default(),
            metrics,
        })
    }

    /// Starts loops for new targets, ends those of targets that are gone.
    pub(crate) fn sync<'a>(&mut self, groups: impl Iterator<Item = &'a TargetGroup>) {
        let begun = Instant::now();
        self.dropped.clear();
        let mut wanted = HashMap::new();
        for group in groups {
            self.populate_group(group, &mut wanted);
        }
        let limit = self.config.limits.targets as usize;
        let count = wanted.len();
        let is_exceeded = limit > 0 && count > limit;
        if is_exceeded {
            self.shared.metrics.pools.target_limit_exceeded.inc();
        }
        *self.forced.lock() = is_exceeded
            .then(|| format!("target_limit exceeded (number of targets: {count}, limit: {limit})"));
        self.running.retain(|hash, running| {
            let stays = wanted.contains_key(hash);
            if !stays {
                running.stop.send_replace(Stop::Removed);
            }
            stays
        });
        for (hash, target) in wanted {
            if !self.running.contains_key(&hash) {
                self.running.insert(hash, self.start(target));
            }
        }
        self.metrics.targets.set(self.running.len() as f64);
        self.metrics.syncs.inc();
        self.metrics.sync_length.observe(begun.elapsed().as_secs_f64());
    }

    /// Ends every loop. A scrape that still waits for its target is given up.
    pub(crate) async fn stop(self, stop: Stop) {
        for running in self.running.values() {
            running.stop.send_replace(stop);
        }
        if stop == Stop::Removed {
            // Those loops end their series when their grace is over.
            return;
        }
        for running in self.running.into_values() {
            // A loop that panicked has ended too.
            let _ = running.handle.await;
        }
    }

    /// All targets with their last scrapes, in order of their labels.
    pub(crate) fn active(&self) -> Vec<ActiveTarget> {
        let mut active: Vec<ActiveTarget> = self
            .running
            .values()
            .map(|running| ActiveTarget {
                pool: self.name.clone(),
                target: running.target.clone(),
                last: running.last.lock().clone(),
                metadata: running.metadata.clone(),
            })
            .collect();
        active.sort_by(|a, b| a.target.labels.cmp(&b.target.labels));
        active
    }

    fn populate_group(&mut self, group: &TargetGroup, wanted: &mut HashMap<u64, Arc<Target>>) {
        for address in &group.targets {
            let mut labels: Vec<(&str, &str)> = Vec::with_capacity(group.labels.len() + 1);
            labels.extend(&group.labels);
            labels.push(("__address__", address));
            match populate(&labels, &self.frame) {
                Ok(Populated::Kept(target)) => {
                    wanted.insert(target.hash(), Arc::from(target));
                }
                Ok(Populated::Dropped(labels)) => {
                    let limit = self.config.limits.keep_dropped_targets as usize;
                    if limit == 0 || self.dropped.len() < limit {
                        self.dropped.push(labels);
                    }
                }
                Err(error) => {
                    self.metrics.sync_failures.inc();
                    tracing::error!(
                        scrape_pool = &*self.name,
                        address,
                        error,
                        "Creating target failed"
                    );
                }
            }
        }
    }

    fn start(&self, target: Arc<Target>) -> Running {
        let config = &self.config;
        let (stop, stopped) = watch::channel(Stop::Run);
        let last = Arc::new(Mutex::new(LastScrape::default()));
        let metadata = Arc::new(Mutex::new(MetadataByName::default()));
        let limits = defaults::limits(config);
        let report = ReportSeries::new(
            &target.labels,
            config.extra_scrape_metrics,
            target.timeout.as_secs_f64(),
            config.limits.samples as usize,
        );
        let treatment = Treatment {
            labels: target.labels.clone(),
            honor_labels: config.honor_labels,
            honor_timestamps: config.honor_timestamps,
            track_timestamps_staleness: config.track_timestamps_staleness,
            legacy_names: config.metric_name_validation_scheme == NameScheme::Legacy,
            relabel: config.metric_relabel_configs.clone().into(),
            limits,
            starts: self.shared.starts,
        };
        let target_loop = TargetLoop {
            source: Source::of(&target, config, &self.client, &self.shared),
            target: target.clone(),
            treatment,
            storage: self.shared.storage.clone(),
            last: last.clone(),
            metadata: metadata.clone(),
            metrics: self.shared.metrics.clone(),
            pool: self.metrics.clone(),
            failures: self.shared.failures.clone(),
            ready: self.shared.ready.clone(),
            waited: Duration::ZERO,
            failure_log: config.scrape_failure_log_file.clone(),
            job_name: self.name.clone(),
            forced: self.forced.clone(),
            now: self.shared.now.clone(),
            memory: Memory::new(),
            report,
            buffers: self.shared.buffers.clone(),
            body_bytes: 0,
            before: None,
        };
        let handle = tokio::spawn(target_loop.run(stopped));
        Running { target, last, metadata, stop, handle }
    }
}
