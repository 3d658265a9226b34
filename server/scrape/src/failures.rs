//! Files that scrapes which failed are written to (`scrape_failure_log_file`), a line of JSON each.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use common_config::prometheus::ScrapeConfig;
use common_model::TimestampMs;
use common_service::line_file::LineFile;
use common_service::logging::format_time_ms;
use serde_json::json;

/// The files that are open, by their paths.
#[derive(Debug, Default)]
pub(crate) struct FailureLogs {
    files: ArcSwap<HashMap<String, LineFile>>,
}

impl FailureLogs {
    /// Opens the files that these configurations name, all of them anew.
    ///
    /// # Errors
    /// The first that cannot be opened; then those that were open stay.
    pub(crate) fn reopen(&self, configs: &[ScrapeConfig]) -> Result<(), String> {
        let paths: BTreeSet<&str> =
            configs.iter().map(|config| config.scrape_failure_log_file.as_str()).collect();
        let mut files = HashMap::new();
        for path in paths.into_iter().filter(|path| !path.is_empty()) {
            let file = LineFile::open(path).map_err(|error| {
                format!("could not open the scrape failure log file {path:?}: {error}")
            })?;
            files.insert(path.to_owned(), file);
        }
        self.files.store(Arc::new(files));
        Ok(())
    }

    /// Writes down that a scrape failed; nothing where there is no such file.
    pub(crate) fn note(&self, path: &str, time: TimestampMs, job: &str, target: &str, error: &str) {
        let files = self.files.load();
        let Some(file) = files.get(path) else { return };
        let line = json!({
            "time": format_time_ms(time),
            "level": "ERROR",
            "msg": error,
            "job_name": job,
            "target": target,
        });
        file.append(&line.to_string());
    }
}
