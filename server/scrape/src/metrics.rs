//! The scraper's own metrics, under Prometheus' names.

use std::time::Duration;

use common_instrument::{Counter, CounterVec, Gauge, GaugeVec, Registry, Summary, SummaryVec};

use crate::fetch::FetchError;
use crate::session::Counts;
use crate::target::Target;

/// What the original counts and what cannot happen here.
const NEVER: &[(&str, &str)] = &[
    (
        "prometheus_target_scrapes_cache_flush_forced_total",
        "How many times a scrape cache was flushed due to getting big while scrapes are failing.",
    ),
    (
        "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
        "Total number of scrapes that hit the native histogram bucket limit and were rejected.",
    ),
];

/// The label that tells pools apart.
const JOB: [&str; 1] = ["scrape_job"];

const QUANTILES: &[f64] = &[0.01, 0.05, 0.5, 0.9, 0.99];

/// Counters that every target loop writes to, and those of their pools.
pub(crate) struct Metrics {
    pub(crate) sample_limit_exceeded: Counter,
    pub(crate) body_limit_exceeded: Counter,
    pub(crate) append_failures: Counter,
    out_of_order: Counter,
    duplicate: Counter,
    out_of_bounds: Counter,
    refused: Counter,
    exemplar_out_of_order: Counter,
    interval: SummaryVec<1>,
    pub(crate) pools: PoolMetrics,
    pub(crate) discovery: DiscoveryMetrics,
}

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

/// Those of discovery.
pub(crate) struct DiscoveryMetrics {
    pub(crate) targets: GaugeVec<2>,
    pub(crate) received: Counter,
    pub(crate) updates: Counter,
    pub(crate) file_errors: Counter,
    pub(crate) file_watch_errors: Counter,
    pub(crate) file_scan: Summary,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Metrics {
        // Nothing is kept of scrapes that fail, and native histograms are not scraped.
        for (name, help) in NEVER {
            registry.counter(*name, *help);
        }
        Metrics {
            sample_limit_exceeded: registry.counter(
                "prometheus_target_scrapes_exceeded_sample_limit_total",
                "Total number of scrapes that hit the sample limit and were rejected.",
            ),
            body_limit_exceeded: registry.counter(
                "prometheus_target_scrapes_exceeded_body_size_limit_total",
                "Total number of scrapes that hit the body size limit",
            ),
            append_failures: registry.counter(
                "hearth_scrape_append_failures_total",
                "Batches of a scrape that the store did not take.",
            ),
            out_of_order: registry.counter(
                "prometheus_target_scrapes_sample_out_of_order_total",
                "Total number of samples rejected due to not being out of the expected order.",
            ),
            duplicate: registry.counter(
                "prometheus_target_scrapes_sample_duplicate_timestamp_total",
                "Total number of samples rejected due to duplicate timestamps but different values.",
            ),
            out_of_bounds: registry.counter(
                "prometheus_target_scrapes_sample_out_of_bounds_total",
                "Total number of samples rejected due to timestamp falling outside of the time \
                 bounds.",
            ),
            refused: registry.counter(
                "hearth_scrape_series_refused_total",
                "Samples of series that the store did not take because a limit is reached.",
            ),
            exemplar_out_of_order: registry.counter(
                "prometheus_target_scrapes_exemplar_out_of_order_total",
                "Total number of exemplar rejected due to not being out of the expected order.",
            ),
            interval: registry.add(SummaryVec::new(
                "prometheus_target_interval_length_seconds",
                "Actual intervals between scrapes.",
                ["interval"],
                QUANTILES.to_vec(),
            )),
            pools: PoolMetrics::register(registry),
            discovery: DiscoveryMetrics::register(registry),
        }
    }

    /// Counts what a scrape brought that was not stored.
    pub(crate) fn counted(&self, counts: &Counts) {
        self.out_of_order.add(counts.out_of_order as u64);
        self.duplicate.add(counts.duplicate as u64);
        self.out_of_bounds.add(counts.out_of_bounds as u64);
        self.refused.add(counts.refused as u64);
        self.exemplar_out_of_order.add(counts.exemplars_out_of_order as u64);
    }

    /// Counts a body that was not fetched.
    pub(crate) fn refused(&self, error: &FetchError) {
        if matches!(error, FetchError::BodyLimit) {
            self.body_limit_exceeded.inc();
        }
    }

    /// Notes how long after the scrape before a scrape came.
    pub(crate) fn interval(&self, target: &Target, length: Duration) {
        let interval = common_config::duration::format(target.interval);
        self.interval.with([&interval]).observe(length.as_secs_f64());
    }
}

impl PoolMetrics {
    fn register(registry: &Registry) -> PoolMetrics {
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

impl DiscoveryMetrics {
    fn register(registry: &Registry) -> DiscoveryMetrics {
        let by_name = |name: &str, help: &'static str| {
            registry.counter_vec(format!("prometheus_sd_{name}_total"), help, ["name"])
        };
        let scrape = ["scrape"];
        // A configuration that cannot be run is refused as a whole, and updates never wait.
        let failed = registry.gauge_vec(
            "prometheus_sd_failed_configs",
            "Current number of service discovery configurations that failed to load.",
            ["name"],
        );
        let _ = failed.with(scrape);
        let delayed = by_name(
            "updates_delayed",
            "Total number of update events that couldn't be sent immediately.",
        );
        let _ = delayed.with(scrape);
        DiscoveryMetrics {
            targets: registry.gauge_vec(
                "prometheus_sd_discovered_targets",
                "Current number of discovered targets.",
                ["name", "config"],
            ),
            received: by_name(
                "received_updates",
                "Total number of update events received from the SD providers.",
            )
            .with(scrape),
            updates: by_name("updates", "Total number of update events sent to the SD consumers.")
                .with(scrape),
            file_errors: registry.counter(
                "prometheus_sd_file_read_errors_total",
                "The number of File-SD read errors.",
            ),
            file_watch_errors: registry.counter(
                "prometheus_sd_file_watcher_errors_total",
                "The number of File-SD errors caused by filesystem watch failures.",
            ),
            file_scan: registry.summary(
                "prometheus_sd_file_scan_duration_seconds",
                "The duration of the File-SD scan in seconds.",
                &[0.5, 0.9, 0.99],
            ),
        }
    }
}
