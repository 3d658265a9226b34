//! Exporters inside this process, as the targets `node` and `hearth` read them.

use std::collections::HashMap;
use std::sync::Arc;

use common_instrument::{CollectError, Collector, Registry, Samples};
use exporters_node::NodeExporter;

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
    own: &Registry,
) -> HashMap<String, Arc<dyn Collector>> {
    let mut sources: HashMap<String, Arc<dyn Collector>> = HashMap::new();
    sources.insert("hearth".to_owned(), Arc::new(Own(own.clone())));
    if let Some(node) = node {
        sources.insert("node".to_owned(), Arc::new(node));
    }
    sources
}
