//! The scraper's own metrics, under Prometheus' names.

use std::time::Duration;

use common_instrument::{Counter, Gauge, GaugeVec, Registry, SummaryVec};

use crate::fetch::FetchError;
use crate::session::Counts;
use crate::target::Target;

/// Counters that every target loop writes to.
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
    pub(crate) pools: Gauge,
    pub(crate) reloads: Counter,
    pub(crate) pool_targets: GaugeVec<1>,
    pub(crate) discovered: GaugeVec<2>,
    pub(crate) file_errors: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Metrics {
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
                vec![0.01, 0.05, 0.5, 0.9, 0.99],
            )),
            pools: registry.gauge(
                "prometheus_target_scrape_pools",
                "Scrape pools that are running.",
            ),
            reloads: registry.counter(
                "prometheus_target_scrape_pool_reloads_total",
                "Total number of scrape pool reloads.",
            ),
            pool_targets: registry.gauge_vec(
                "prometheus_target_scrape_pool_targets",
                "Current number of targets in this scrape pool.",
                ["scrape_job"],
            ),
            discovered: registry.gauge_vec(
                "prometheus_sd_discovered_targets",
                "Current number of discovered targets.",
                ["name", "config"],
            ),
            file_errors: registry.counter(
                "prometheus_sd_file_read_errors_total",
                "The number of File-SD read errors.",
            ),
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
