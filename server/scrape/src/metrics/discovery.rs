//! Metrics of discovery.

use common_instrument::{Counter, GaugeVec, Registry, Summary};

/// Those of discovery.
pub(crate) struct DiscoveryMetrics {
    pub(crate) targets: GaugeVec<2>,
    pub(crate) received: Counter,
    pub(crate) updates: Counter,
    pub(crate) file_errors: Counter,
    pub(crate) file_watch_errors: Counter,
    pub(crate) file_scan: Summary,
}

impl DiscoveryMetrics {
    pub(super) fn register(registry: &Registry) -> DiscoveryMetrics {
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
