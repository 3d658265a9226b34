//! Discovered targets as Alertmanagers: where they listen, after relabeling.

use std::collections::BTreeSet;

use common_config::prometheus::{AlertmanagerConfig, TargetGroup};
use common_model::Labels;

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const PATH: &str = "__alerts_path__";
const API_PATH: &str = "/api/v2/alerts";

/// The Alertmanagers of one entry of the configuration, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Where alerts are posted.
    pub active: Vec<String>,
    /// Where they would be, had relabeling not dropped the target.
    pub dropped: Vec<String>,
}

/// Applies the entry's relabeling to the targets that were found.
pub(crate) fn endpoints<'a>(
    config: &AlertmanagerConfig,
    groups: impl IntoIterator<Item = &'a TargetGroup>,
) -> Endpoints {
    let mut active = BTreeSet::new();
    let mut found = Endpoints::default();
    for group in groups {
        for target in &group.targets {
            let labels = target_labels(config, group, target);
            match server_relabel::process(&labels, &config.relabel_configs) {
                Some(kept) if kept.value(ADDRESS).is_empty() => {
                    tracing::warn!(target, "An Alertmanager without address is left out");
                }
                Some(kept) => {
                    active.insert(url(&kept));
                }
                None => found.dropped.push(url(&labels)),
            }
        }
    }
    found.active = active.into_iter().collect();
    found.dropped.sort();
    found.dropped.dedup();
    found
}

fn target_labels(config: &AlertmanagerConfig, group: &TargetGroup, target: &str) -> Labels {
    let mut labels = group.labels.to_builder();
    labels.set(ADDRESS, target);
    if labels.value(SCHEME).is_empty() {
        labels.set(SCHEME, &config.scheme);
    }
    let prefix = config.path_prefix.trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    labels.set(PATH, &format!("{slash}{prefix}{API_PATH}"));
    labels.build()
}

fn url(labels: &Labels) -> String {
    let path = labels.value(PATH);
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{}://{}{slash}{path}", labels.value(SCHEME), labels.value(ADDRESS))
}
