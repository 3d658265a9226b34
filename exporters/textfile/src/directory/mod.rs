//! The directories of one pattern, read again only where something changed.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::parse::{Content, parse};
use crate::problem::Problem;
use crate::read::{Look, ReadError, Stamp, read, words};
use crate::watch::{Events, Watch};
use crate::{Reason, TextfileOptions};

/// Names that end so are read.
const SUFFIX: &[u8] = b".prom";

/// Scrapes in a row that trust the kernel's silence. Then the files are looked at all the same: a few
/// changes make no event, such as those through a memory map, or through a second name that a file
/// got later.
const SILENT_SCRAPES_MAX: u32 = 4;

/// What the directories of a pattern hold; the same as long as nothing changes.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// Files in order.
    pub(crate) files: Vec<Arc<FileState>>,
    /// What is wrong with the directories themselves.
    pub(crate) problems: Vec<Problem>,
}

/// What a file said when it had this stamp; a link that leads nowhere has none.
#[derive(Debug)]
pub(crate) struct FileState {
    name: OsString,
    /// The path as metrics and messages show it.
    pub(crate) path: String,
    stamp: Option<Stamp>,
    pub(crate) outcome: Result<Content, ReadError>,
}

impl FileState {
    /// Time of the last modification in whole seconds, of files that could be read.
    pub(crate) fn modified_seconds(&self) -> Option<i64> {
        self.outcome.as_ref().ok()?;
        Some(self.stamp?.modified_seconds())
    }
}

/// Reads what a pattern names.
pub(crate) struct Reader {
    pattern: String,
    options: Arc<TextfileOptions>,
    watch: Watch,
    directories: Vec<Directory>,
    snapshot: Arc<Snapshot>,
    /// Times that a directory was listed: what the kernel's silence saves.
    listings: u64,
}

#[derive(Debug, Default)]
struct Directory {
    path: PathBuf,
    /// Device and inode: another directory may have got the name.
    identity: Option<(u64, u64)>,
    watch: Option<i32>,
    /// Scrapes for which the kernel's silence is still believed.
    trust: u32,
    files: Vec<Arc<FileState>>,
    error: Option<String>,
}

impl Reader {
    pub(crate) fn new(pattern: &str, options: Arc<TextfileOptions>) -> Reader {
        Reader {
            pattern: pattern.to_owned(),
            options,
            watch: Watch::default(),
            directories: Vec::new(),
            snapshot: Arc::default(),
            listings: 0,
        }
    }

    /// Everything as it is now; the last snapshot if nothing changed.
    pub(crate) fn scan(&mut self) -> Arc<Snapshot> {
        let events = self.watch.take();
        let mut known = std::mem::take(&mut self.directories);
        let mut changed = false;
        for path in expand(&self.pattern) {
            let at = known.iter().position(|directory| directory.path == path);
            let old = at.map(|at| known.swap_remove(at));
            changed |= old.is_none();
            let mut directory = old.unwrap_or(Directory { path, ..Directory::default() });
            changed |= self.refresh(&mut directory, &events);
            self.directories.push(directory);
        }
        changed |= !known.is_empty();
        for watch in known.iter().filter_map(|gone| gone.watch) {
            // Two names may stand for one directory, which has one watch.
            if self.directories.iter().all(|directory| directory.watch != Some(watch)) {
                self.watch.remove(watch);
            }
        }
        if changed {
            self.snapshot = Arc::new(self.assemble());
        }
        Arc::clone(&self.snapshot)
    }

    fn assemble(&self) -> Snapshot {
        let files = self.directories.iter().flat_map(|directory| &directory.files);
        let mut snapshot = Snapshot { files: files.cloned().collect(), problems: Vec::new() };
        for Directory { path, error, .. } in &self.directories {
            if let Some(error) = error {
                let path = path.display().to_string();
                snapshot.problems.push(Problem::new(path, Reason::Directory, error.clone()));
            }
        }
        let files_max = self.options.files_max;
        if let Some(first) = snapshot.files.get(files_max) {
            let text =
                format!("more than {files_max} files: {} and the rest are left out", first.path);
            snapshot.problems.push(Problem::new(first.path.clone(), Reason::Files, text));
            snapshot.files.truncate(files_max);
        }
        snapshot
    }

    /// Brings a directory up to date; whether anything is different now.
    fn refresh(&mut self, directory: &mut Directory, events: &Events) -> bool {
        let identity = std::fs::metadata(&directory.path).map(|found| (found.dev(), found.ino()));
        let same = identity.as_ref().ok() == directory.identity.as_ref();
        let is_silent = |&watch: &i32| same && !events.concern(watch);
        if directory.trust > 0 && directory.watch.as_ref().is_some_and(is_silent) {
            directory.trust -= 1;
            return false;
        }
        directory.trust = 0;
        directory.identity = identity.as_ref().ok().copied();
        // The watch is there before the files are looked at: what changes after that is told.
        let is_good = |&watch: &i32| same && !events.end(watch);
        if self.options.watch && !directory.watch.as_ref().is_some_and(is_good) {
            directory.watch = identity.is_ok().then(|| self.watch.add(&directory.path)).flatten();
        }
        let listed = identity.and_then(|_| names_in(&directory.path));
        self.listings += 1;
        let (names, error) = match listed {
            Ok(names) => (names, None),
            Err(error) => (Vec::new(), Some(failure(&directory.path, &error))),
        };
        let mut changed = directory.error != error;
        directory.error = error;
        let mut all_plain = true;
        let mut old: HashMap<OsString, Arc<FileState>> =
            directory.files.drain(..).map(|file| (file.name.clone(), file)).collect();
        for name in names {
            let path = directory.path.join(&name);
            let known = old.remove(&name);
            let touched = directory.watch.is_some_and(|watch| events.concern_file(watch, &name));
            let look = Look::at(&path);
            all_plain &= look.as_ref().is_ok_and(|look| look.is_plain);
            let stamp = look.map(|look| look.stamp);
            let file = match known {
                Some(known) if !touched && known.is_still(&stamp) => known,
                _ => {
                    changed = true;
                    Arc::new(load(name, &path, stamp, &self.options))
                }
            };
            directory.files.push(file);
        }
        if directory.watch.is_some() && all_plain && directory.error.is_none() {
            directory.trust = SILENT_SCRAPES_MAX;
        }
        changed || !old.is_empty()
    }
}

impl FileState {
    fn is_still(&self, stamp: &Result<Stamp, ReadError>) -> bool {
        match stamp {
            Ok(stamp) => self.stamp == Some(*stamp),
            Err(error) => self.outcome.as_ref().err() == Some(error),
        }
    }
}

fn load(
    name: OsString,
    path: &Path,
    stamp: Result<Stamp, ReadError>,
    options: &TextfileOptions,
) -> FileState {
    let seen = stamp.as_ref().ok().copied();
    let read = stamp.and_then(|_| read(path, options.file_bytes_max));
    let text = path.display().to_string();
    match read {
        Ok((bytes, stamp)) => {
            let outcome = parse(&text, &bytes, options.file_samples_max);
            FileState { name, path: text, stamp: Some(stamp), outcome }
        }
        Err(error) => FileState { name, path: text, stamp: seen, outcome: Err(error) },
    }
}

/// The directories that a pattern matches; one that matches nothing is a directory's name.
fn expand(pattern: &str) -> Vec<PathBuf> {
    if !pattern.contains(['*', '?', '[']) {
        return vec![PathBuf::from(pattern)];
    }
    let found: Vec<PathBuf> =
        glob::glob(pattern).map(|paths| paths.flatten().collect()).unwrap_or_default();
    if found.is_empty() { vec![PathBuf::from(pattern)] } else { found }
}

fn names_in(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        if name.as_encoded_bytes().ends_with(SUFFIX) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn failure(directory: &Path, error: &io::Error) -> String {
    format!("open {}: {}", directory.display(), words(error))
}
