//! Exporters inside this process, as the targets `node`, `log`, `hearth` and `blackbox` read them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use common_instrument::{CollectError, Collector, Registry, Samples};
use exporters_blackbox::inside::Inside;
use exporters_log::HostLogs;
use exporters_node::NodeExporter;
use server_scrape::{Asked, Asking};

/// Everything a registry holds, as one collector.
struct Own(Registry);

impl Collector for Own {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for error in self.0.gather(samples) {
            tracing::warn!(%error, "Gathering own metrics failed");
        }
        Ok(())
    }
}

/// Sources by the address their targets have in the configuration.
pub(crate) fn in_process(
    node: Option<NodeExporter>,
    logs: Option<&HostLogs>,
    own: &Registry,
) -> HashMap<String, Arc<dyn Collector>> {
    let mut sources: HashMap<String, Arc<dyn Collector>> = HashMap::new();
    sources.insert("hearth".to_owned(), Arc::new(Own(own.clone())));
    if let Some(node) = node {
        sources.insert("node".to_owned(), Arc::new(node));
    }
    if let Some(logs) = logs {
        sources.insert("log".to_owned(), logs.collector());
    }
    sources
}

/// Probes, each as its target's query says.
struct Probes(Arc<Inside>);

impl Asked for Probes {
    fn ask<'a>(&'a self, query: &'a str, timeout: Duration) -> Asking<'a> {
        Box::pin(self.0.probe(query, timeout))
    }
}

/// The source of `probes`.
pub(crate) fn asked(probes: &Arc<Inside>) -> HashMap<String, Arc<dyn Asked>> {
    let source: Arc<dyn Asked> = Arc::new(Probes(probes.clone()));
    HashMap::from([(common_config::prometheus::PROBE_SOURCE.to_owned(), source)])
}
