//! Metrics of scrape pools.

use common_instrument::{Counter, CounterVec, Gauge, GaugeVec, Registry, Summary, SummaryVec};

use super::QUANTILES;

/// The label that tells pools apart.
const JOB: [&str; 1] = ["scrape_job"];

/// Those of scrape pools.
pub(crate) struct PoolMetrics {
    pub(crate) running: Gauge,
    pub(crate) begun: Counter,
    pub(crate) failed: Counter,
    pub(crate) reloads: Counter,
    pub(crate) reloads_failed: Counter,
    pub(crate) target_limit_exceeded: Counter,
    pub(crate) label_limits_exceeded: Counter,
    targets: GaugeVec<1>,
    target_limit: GaugeVec<1>,
    symbols: GaugeVec<1>,
    syncs: CounterVec<1>,
    sync_failures: CounterVec<1>,
    sync_length: SummaryVec<1>,
    metadata: GaugeVec<1>,
    metadata_bytes: GaugeVec<1>,
}

/// Those of one pool.
#[derive(Clone)]
pub(crate) struct OnePool {
    pub(crate) targets: Gauge,
    pub(crate) target_limit: Gauge,
    pub(crate) syncs: Counter,
    pub(crate) sync_failures: Counter,
    pub(crate) sync_length: Summary,
    pub(crate) metadata: Gauge,
    pub(crate) metadata_bytes: Gauge,
}

impl PoolMetrics {
    pub(super) fn register(registry: &Registry) -> PoolMetrics {
        let counter = |name: &str, help: &'static str| {
            registry.counter(format!("prometheus_target_scrape_pool{name}_total"), help)
        };
        let of_pool = |name: &str, help: &'static str| {
            registry.gauge_vec(format!("prometheus_target_{name}"), help, JOB)
        };
        PoolMetrics {
            running: registry
                .gauge("prometheus_target_scrape_pools", "Scrape pools that are running."),
            begun: counter("s", "Total number of scrape pool creation attempts."),
            failed: counter("s_failed", "Total number of scrape pool creations that failed."),
            reloads: counter("_reloads", "Total number of scrape pool reloads."),
            reloads_failed: counter(
                "_reloads_failed",
                "Total number of failed scrape pool reloads.",
            ),
            target_limit_exceeded: counter(
                "_exceeded_target_limit",
                "Total number of times scrape pools hit the target limit, during sync or config \
                 reload.",
            ),
            label_limits_exceeded: counter(
                "_exceeded_label_limits",
                "Total number of times scrape pools hit the label limits, during sync or config \
                 reload.",
            ),
            targets: of_pool(
                "scrape_pool_targets",
                "Current number of targets in this scrape pool.",
            ),
            target_limit: of_pool(
                "scrape_pool_target_limit",
                "Maximum number of targets allowed in this scrape pool.",
            ),
            symbols: of_pool(
                "scrape_pool_symboltable_items",
                "Current number of symbols in table for this scrape pool.",
            ),
            syncs: registry.counter_vec(
                "prometheus_target_scrape_pool_sync_total",
                "Total number of syncs that were executed on a scrape pool.",
                JOB,
            ),
            sync_failures: registry.counter_vec(
                "prometheus_target_sync_failed_total",
                "Total number of target sync failures.",
                JOB,
            ),
            sync_length: registry.add(SummaryVec::new(
                "prometheus_target_sync_length_seconds",
                "Actual interval to sync the scrape pool.",
                JOB,
                QUANTILES.to_vec(),
            )),
            metadata: of_pool(
                "metadata_cache_entries",
                "Total number of metric metadata entries in the cache",
            ),
            metadata_bytes: of_pool(
                "metadata_cache_bytes",
                "The number of bytes that are currently used for storing metric metadata in the \
                 cache",
            ),
        }
    }

    /// The metrics of a pool.
    pub(crate) fn of(&self, pool: &str) -> OnePool {
        let pool = [pool];
        // A pool has no table of symbols: the store's is all there is.
        let _ = self.symbols.with(pool);
        OnePool {
            targets: self.targets.with(pool),
            target_limit: self.target_limit.with(pool),
            syncs: self.syncs.with(pool),
            sync_failures: self.sync_failures.with(pool),
            sync_length: self.sync_length.with(pool),
            metadata: self.metadata.with(pool),
            metadata_bytes: self.metadata_bytes.with(pool),
        }
    }

    /// Forgets a pool that is gone.
    pub(crate) fn forget(&self, pool: &str) {
        let pool = [pool];
        for gauges in
            [&self.targets, &self.target_limit, &self.symbols, &self.metadata, &self.metadata_bytes]
        {
            gauges.remove(pool);
        }
        self.syncs.remove(pool);
        self.sync_failures.remove(pool);
        self.sync_length.remove(pool);
    }
}
