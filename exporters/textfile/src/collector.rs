//! The collector: reads what changed, serves what it has.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_exposition::ParsedFamily;
use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use crate::TextfileOptions;
use crate::list::{Listing, list};
use crate::merge::{Merged, merge};
use crate::parse::parse;
use crate::read::{ReadError, Stamp, read};
use crate::watch::Watch;

const MTIME: Family =
    Family::gauge("node_textfile_mtime_seconds", "Unixtime mtime of textfiles successfully read.");

const SCRAPE_ERROR: Family = Family::gauge(
    "node_textfile_scrape_error",
    "1 if there was an error opening or reading a file, 0 otherwise",
);

/// Serves the `*.prom` files of some directories.
///
/// Files are looked at on every scrape but read only when they changed. What is wrong is logged
/// when it is first seen, and `node_textfile_scrape_error` stays 1 as long as it is wrong.
pub struct TextfileCollector {
    options: TextfileOptions,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: HashMap<PathBuf, Cached>,
    merged: Merged,
    /// Directories whose failure is already logged.
    logged: Vec<String>,
    watch: Watch,
}

/// What a file said when it had this stamp; a link that leads nowhere has none.
struct Cached {
    stamp: Option<Stamp>,
    outcome: Result<Arc<Vec<ParsedFamily>>, ReadError>,
}

impl TextfileCollector {
    /// A collector that has read nothing yet.
    #[must_use]
    pub fn new(options: TextfileOptions) -> TextfileCollector {
        TextfileCollector { options, state: Mutex::default() }
    }
}

impl Collector for TextfileCollector {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut state = self.state.lock();
        let listing = list(&self.options.directories, self.options.files_max);
        // Before the files are looked at: what changes from here on is for the next scrape.
        if self.options.watch {
            state.watch.set(&listing.directories);
        }
        let directories_failed = state.log_directories(&listing);
        let (changed, files_failed) = state.refresh(&listing.files, &self.options);
        if changed {
            state.merge(&listing.files, self.options.series_max);
        }
        state.merged.push(samples);
        for path in &listing.files {
            let cached = state.files.get(path);
            if let Some(Cached { stamp: Some(stamp), outcome: Ok(_) }) = cached {
                let name = path.to_string_lossy();
                samples.push(&MTIME, &[("file", &name)], stamp.modified_seconds() as f64);
            }
        }
        let failed = directories_failed || files_failed || !state.merged.problems.is_empty();
        samples.push(&SCRAPE_ERROR, &[], f64::from(u8::from(failed)));
        Ok(())
    }
}

impl State {
    /// Logs directories that failed, each once until they are readable again.
    fn log_directories(&mut self, listing: &Listing) -> bool {
        let mut failed = Vec::with_capacity(listing.errors.len());
        for (path, error) in &listing.errors {
            let problem = format!("{}: {error}", path.display());
            if !self.logged.contains(&problem) {
                let path = path.display();
                tracing::error!(%path, err = %error, "failed to read textfile collector directory");
            }
            failed.push(problem);
        }
        self.logged = failed;
        !self.logged.is_empty()
    }

    /// Reads what is new or changed and forgets what is gone; whether anything changed, whether
    /// any file is bad.
    fn refresh(&mut self, files: &[PathBuf], options: &TextfileOptions) -> (bool, bool) {
        let touched = self.watch.take();
        let (mut changed, mut failed) = (false, false);
        let mut known = std::mem::take(&mut self.files);
        for path in files {
            let old = known.remove(path);
            let stamp = Stamp::of(path);
            let same = |old: &Cached| match &stamp {
                Ok(stamp) => old.stamp == Some(*stamp) && !touched(path),
                Err(error) => old.outcome.as_ref().err() == Some(error),
            };
            let cached = match old {
                Some(old) if same(&old) => old,
                old => {
                    changed = true;
                    let new = load(path, stamp, options);
                    log_change(path, old.as_ref(), &new);
                    new
                }
            };
            failed |= cached.outcome.is_err();
            self.files.insert(path.clone(), cached);
        }
        (changed || !known.is_empty(), failed)
    }

    fn merge(&mut self, files: &[PathBuf], series_max: usize) {
        let parsed: Vec<_> = files
            .iter()
            .filter_map(|path| {
                let families = self.files.get(path)?.outcome.as_ref().ok()?;
                Some((path.clone(), Arc::clone(families)))
            })
            .collect();
        let merged = merge(&parsed, series_max);
        for problem in &merged.problems {
            if !self.merged.problems.contains(problem) {
                tracing::error!("{problem}");
            }
        }
        self.merged = merged;
    }
}

fn load(path: &Path, stamp: Result<Stamp, ReadError>, options: &TextfileOptions) -> Cached {
    let read = stamp.clone().and_then(|_| read(path, options.file_bytes_max));
    match read {
        Ok((bytes, stamp)) => {
            let outcome = parse(path, &bytes, options.file_samples_max).map(Arc::new);
            Cached { stamp: Some(stamp), outcome }
        }
        Err(error) => Cached { stamp: stamp.ok(), outcome: Err(error) },
    }
}

fn log_change(path: &Path, old: Option<&Cached>, new: &Cached) {
    let before = old.and_then(|old| old.outcome.as_ref().err());
    if let Err(error) = &new.outcome
        && before != Some(error)
    {
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        tracing::error!(%file, err = %error, "failed to collect textfile data");
    }
}
