//! `file_sd_configs`: target groups in YAML or JSON files, read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_config::prometheus::{FileDiscovery, TargetGroup, parse_target_file};
use notify::{RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};

use super::{Groups, until};
use crate::metrics::Metrics;

/// Files are read this long after the first of a burst of changes.
const SETTLE: Duration = Duration::from_millis(50);

/// A targets file larger than this is refused.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Reads the files of one `file_sd_configs` entry.
pub(crate) struct Finder {
    /// Begins the source name of everything this finder reports.
    prefix: String,
    patterns: Vec<String>,
    interval: Duration,
    metrics: Arc<Metrics>,
}

impl Finder {
    pub(crate) fn new(at: usize, config: &FileDiscovery, metrics: Arc<Metrics>) -> Finder {
        Finder {
            prefix: format!("file/{at}/"),
            patterns: config.files.clone(),
            interval: config.refresh_interval,
            metrics,
        }
    }

    /// Reads the files now, after each change and after each refresh interval: a watch is a hint,
    /// renames into place and network file systems escape it.
    pub(crate) async fn run(
        self,
        groups: watch::Sender<Groups>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let (changed, mut changes) = mpsc::channel(1);
        let _watcher = self.watch(changed);
        loop {
            self.refresh(&groups);
            tokio::select! {
                _ = changes.recv() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(self.interval) => {}
                () = until(&mut stopped) => return,
            }
            while changes.try_recv().is_ok() {}
        }
    }

    /// Watches the directories the patterns name. Without a watch the refresh interval remains.
    fn watch(&self, changed: mpsc::Sender<()>) -> Option<impl Watcher + use<>> {
        let tell = move |event: notify::Result<notify::Event>| {
            let is_change = event.is_ok_and(|event| !event.kind.is_access());
            if is_change {
                // A full channel already says that something changed.
                let _ = changed.try_send(());
            }
        };
        let errors = &self.metrics.discovery.file_watch_errors;
        let watcher = notify::recommended_watcher(tell).inspect_err(|_| errors.inc());
        let mut watcher = watcher.ok()?;
        for pattern in &self.patterns {
            let folder = Path::new(pattern).parent().filter(|folder| folder.as_os_str() != "");
            let folder = folder.unwrap_or(Path::new("."));
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                errors.inc();
                tracing::debug!(folder = %folder.display(), %error, "Directory cannot be watched");
            }
        }
        Some(watcher)
    }

    /// Reads every file. One that is there but cannot be read keeps what it said before.
    fn refresh(&self, groups: &watch::Sender<Groups>) {
        let begun = Instant::now();
        let (mut sources, mut found) = (Vec::new(), Vec::new());
        for path in self.paths() {
            let source = format!("{}{}", self.prefix, path.display());
            sources.push(source.clone());
            match read_file(&path) {
                Ok(groups) => found.push((source, groups)),
                Err(error) => {
                    self.metrics.discovery.file_errors.inc();
                    tracing::error!(path = %path.display(), error, "Error reading targets file");
                }
            }
        }
        groups.send_modify(|groups| {
            groups.retain(&self.prefix, &sources);
            for (source, found) in found {
                groups.set(source, found);
            }
        });
        self.metrics.discovery.file_scan.observe(begun.elapsed().as_secs_f64());
    }

    fn paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = self
            .patterns
            .iter()
            .filter_map(|pattern| glob::glob(pattern).ok())
            .flat_map(|paths| paths.flatten())
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }
}

fn read_file(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("{length} bytes are more than {FILE_BYTES_MAX}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    parse_target_file(&text, &path.to_string_lossy()).map_err(|error| error.to_string())
}
