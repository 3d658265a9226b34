//! What Prometheus counts even where it is not configured, and what never happens here: always zero.

use common_instrument::{CollectError, Collector, Family, Samples};

/// Metrics without labels.
const PLAIN: &[Family] = &[
    Family::counter(
        "prometheus_sd_dns_lookup_failures_total",
        "The number of DNS-SD lookup failures.",
    ),
    Family::counter("prometheus_sd_dns_lookups_total", "The number of DNS-SD lookups."),
    Family::counter(
        "prometheus_sd_http_failures_total",
        "Number of HTTP service discovery refresh failures.",
    ),
    Family::counter(
        "prometheus_sd_kubernetes_failures_total",
        "The number of failed WATCH/LIST requests.",
    ),
    Family::counter(
        "prometheus_sd_linode_failures_total",
        "Number of Linode service discovery refresh failures.",
    ),
    Family::gauge(
        "prometheus_treecache_watcher_goroutines",
        "The current number of watcher goroutines.",
    ),
    Family::counter(
        "prometheus_treecache_zookeeper_failures_total",
        "The total number of ZooKeeper failures.",
    ),
    Family::gauge(
        "prometheus_remote_read_handler_queries",
        "The current number of remote read queries that are either in execution or queued on the \
         handler.",
    ),
];

const KUBERNETES: Family = Family::counter(
    "prometheus_sd_kubernetes_events_total",
    "The number of Kubernetes events handled.",
);
const EVENTS: [&str; 3] = ["add", "delete", "update"];
const ROLES: [&str; 6] = ["endpoints", "endpointslice", "ingress", "node", "pod", "service"];

/// Shows them.
pub(crate) struct Never;

impl Collector for Never {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for family in PLAIN {
            samples.push(family, &[], 0.0);
        }
        for event in EVENTS {
            for role in ROLES {
                samples.push(&KUBERNETES, &[("event", event), ("role", role)], 0.0);
            }
        }
        Ok(())
    }
}
