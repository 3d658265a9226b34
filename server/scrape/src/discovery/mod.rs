//! Where targets come from: listed in the configuration, or in files that are watched.

mod file;

use std::collections::BTreeMap;
use std::sync::Arc;

use common_config::prometheus::{ScrapeConfig, TargetGroup};
use tokio::sync::watch;

use crate::metrics::Metrics;

/// Target groups by their source; a source that reports again replaces what it said before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    by_source: BTreeMap<String, Arc<[TargetGroup]>>,
}

impl Groups {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TargetGroup> {
        self.by_source.values().flat_map(|groups| groups.iter())
    }

    pub(crate) fn set(&mut self, source: String, groups: Vec<TargetGroup>) {
        self.by_source.insert(source, groups.into());
    }

    /// Forgets the sources with this prefix that `keep` does not name.
    pub(crate) fn retain(&mut self, prefix: &str, keep: &[String]) {
        self.by_source.retain(|source, _| !source.starts_with(prefix) || keep.contains(source));
    }
}

/// Sends what is found to `groups` until told to stop: the listed targets at once, those in files
/// whenever a file changes.
pub(crate) async fn run(
    config: Arc<ScrapeConfig>,
    groups: watch::Sender<Groups>,
    stopped: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
) {
    groups.send_modify(|groups| {
        for (at, discovery) in config.discoveries.iter().enumerate() {
            if let Some(listed) = discovery.groups() {
                groups.set(format!("static/{at}"), listed.to_vec());
            }
        }
    });
    let files = config.discoveries.iter().filter_map(|discovery| discovery.file());
    let finders = files.enumerate().map(|(at, files)| {
        let finder = file::Finder::new(at, &files, metrics.clone());
        tokio::spawn(finder.run(groups.clone(), stopped.clone()))
    });
    for finder in finders.collect::<Vec<_>>() {
        // A finder that panicked has ended; what it found stays.
        let _ = finder.await;
    }
    let mut stopped = stopped;
    until(&mut stopped).await;
}

/// Waits until told to stop, or until nobody is left to tell.
pub(crate) async fn until(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
