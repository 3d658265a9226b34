//! `file_sd_configs` of Alertmanagers: target files, looked at every few seconds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common_config::prometheus::{FileDiscovery, TargetGroup, parse_target_file};

/// How often the files are looked at; they are read when their time or size changed.
pub(crate) const POLL: Duration = Duration::from_secs(5);

/// A targets file larger than this is refused.
const FILE_BYTES_MAX: u64 = 64 << 20;

type Seen = (Option<SystemTime>, u64);

/// The files of one set of Alertmanagers.
#[derive(Default)]
pub(crate) struct Files {
    patterns: Vec<String>,
    known: BTreeMap<PathBuf, (Seen, Vec<TargetGroup>)>,
}

impl Files {
    pub(crate) fn new<'a>(discoveries: impl IntoIterator<Item = &'a FileDiscovery>) -> Files {
        let patterns = discoveries.into_iter().flat_map(|d| d.files.clone()).collect();
        Files { patterns, known: BTreeMap::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Reads files that are new or changed; whether anything did. One that cannot be read keeps
    /// what it said before.
    pub(crate) fn refresh(&mut self) -> bool {
        let paths: Vec<PathBuf> = self
            .patterns
            .iter()
            .filter_map(|pattern| glob::glob(pattern).ok())
            .flat_map(Iterator::flatten)
            .collect();
        let count = self.known.len();
        self.known.retain(|path, _| paths.contains(path));
        let mut changed = self.known.len() != count;
        for path in paths {
            let Ok(metadata) = std::fs::metadata(&path) else {
                continue;
            };
            let seen = (metadata.modified().ok(), metadata.len());
            if self.known.get(&path).is_some_and(|(known, _)| *known == seen) {
                continue;
            }
            match read(&path, seen.1) {
                Ok(groups) => {
                    changed = true;
                    self.known.insert(path, (seen, groups));
                }
                Err(error) => {
                    tracing::error!(path = %path.display(), error, "Error reading targets file");
                    if let Some((known, _)) = self.known.get_mut(&path) {
                        *known = seen;
                    }
                }
            }
        }
        changed
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &TargetGroup> {
        self.known.values().flat_map(|(_, groups)| groups)
    }
}

fn read(path: &Path, length: u64) -> Result<Vec<TargetGroup>, String> {
    if length > FILE_BYTES_MAX {
        return Err(format!("{length} bytes are more than {FILE_BYTES_MAX}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    parse_target_file(&text, &path.to_string_lossy()).map_err(|error| error.to_string())
}
