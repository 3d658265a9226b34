//! The scraper's own metrics, under Prometheus' names.

mod dials;
mod discovery;
mod pools;

use std::sync::Arc;
use std::time::Duration;

use common_instrument::{Counter, Registry, SummaryVec};

pub(crate) use dials::PoolDials;
pub(crate) use discovery::DiscoveryMetrics;
pub(crate) use pools::{OnePool, PoolMetrics};

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
    pub(crate) dials: Arc<PoolDials>,
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
            dials: PoolDials::register(registry),
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
