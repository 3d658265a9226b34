//! The directories of one pattern, read again only where something changed.

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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn reader(pattern: &Path, watch: bool) -> Reader {
        let options = TextfileOptions { watch, ..TextfileOptions::default() };
        Reader::new(&pattern.display().to_string(), Arc::new(options))
    }

    /// Names of families in the files, in order; errors by their reason.
    fn seen(snapshot: &Snapshot) -> String {
        let mut words: Vec<String> = Vec::new();
        for file in &snapshot.files {
            match &file.outcome {
                Ok(content) => {
                    let names = content.families.iter().map(|one| one.family.name().to_owned());
                    words.extend(names);
                }
                Err(error) => words.push(error.reason().as_str().to_owned()),
            }
        }
        words.extend(snapshot.problems.iter().map(|one| one.reason.as_str().to_owned()));
        words.join(" ")
    }

    #[test]
    fn nothing_is_read_again_as_long_as_nothing_changes() {
        for watch in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("a.prom"), "a 1\n").unwrap();
            fs::write(folder.path().join("b.prom"), "not it\n").unwrap();
            let mut reader = reader(folder.path(), watch);
            let first = reader.scan();
            assert_eq!(seen(&first), "a parse");
            for _ in 0..20 {
                assert!(Arc::ptr_eq(&first, &reader.scan()));
            }
            let is_watched = reader.directories[0].watch.is_some();
            let expected =
                if is_watched { 1 + 20 / (u64::from(SILENT_SCRAPES_MAX) + 1) } else { 21 };
            assert_eq!(reader.listings, expected, "watched {is_watched}");
            fs::write(folder.path().join("c.prom"), "c 1\n").unwrap();
            let second = reader.scan();
            assert_eq!(seen(&second), "a parse c");
            assert!(Arc::ptr_eq(&first.files[0], &second.files[0]), "a.prom was read again");
        }
    }

    #[test]
    fn every_kind_of_change_is_seen_by_the_next_scrape() {
        type Step = (&'static str, fn(&Path), &'static str);
        let steps: &[Step] = &[
            ("not there yet", |_| {}, "directory"),
            ("appears", |d| fs::create_dir(d).unwrap(), ""),
            ("new file", |d| fs::write(d.join("a.prom"), "a 1\n").unwrap(), "a"),
            ("rewritten in place", |d| fs::write(d.join("a.prom"), "b 1\n").unwrap(), "b"),
            ("still the same", |_| {}, "b"),
            (
                "renamed into place",
                |d| {
                    fs::write(d.join("a.tmp"), "c 1\n").unwrap();
                    fs::rename(d.join("a.tmp"), d.join("a.prom")).unwrap();
                },
                "c",
            ),
            ("gone", |d| fs::remove_file(d.join("a.prom")).unwrap(), ""),
            (
                "directory replaced",
                |d| {
                    let other = d.with_extension("new");
                    fs::create_dir(&other).unwrap();
                    fs::write(other.join("x.prom"), "d 1\n").unwrap();
                    fs::rename(d, d.with_extension("old")).unwrap();
                    fs::rename(&other, d).unwrap();
                },
                "d",
            ),
            (
                "new file with two names",
                |d| {
                    fs::write(d.with_extension("link"), "e 1\n").unwrap();
                    fs::hard_link(d.with_extension("link"), d.join("y.prom")).unwrap();
                },
                "d e",
            ),
            (
                "written through another name",
                |d| fs::write(d.with_extension("link"), "f 1\nf2 1\n").unwrap(),
                "d f f2",
            ),
            (
                "links as Kubernetes makes them",
                |d| {
                    for (version, text) in [("v1", "g 1\n"), ("v2", "h 1\n")] {
                        fs::create_dir(d.join(version)).unwrap();
                        fs::write(d.join(version).join("k.prom"), text).unwrap();
                    }
                    std::os::unix::fs::symlink("v1", d.join("..data")).unwrap();
                    std::os::unix::fs::symlink("..data/k.prom", d.join("k.prom")).unwrap();
                },
                "g d f f2",
            ),
            (
                "another version",
                |d| {
                    std::os::unix::fs::symlink("v2", d.join("..tmp")).unwrap();
                    fs::rename(d.join("..tmp"), d.join("..data")).unwrap();
                },
                "h d f f2",
            ),
            (
                "file behind the link",
                |d| fs::write(d.join("v2/k.prom"), "i 1\n").unwrap(),
                "i d f f2",
            ),
            ("directory gone", |d| fs::remove_dir_all(d).unwrap(), "directory"),
            (
                "and back",
                |d| {
                    fs::create_dir(d).unwrap();
                    fs::write(d.join("z.prom"), "z 1\n").unwrap();
                },
                "z",
            ),
        ];
        for watch in [false, true] {
            for pattern in ["dir", "di?"] {
                let folder = tempfile::tempdir().unwrap();
                let directory = folder.path().join("dir");
                let mut reader = reader(&folder.path().join(pattern), watch);
                for (name, change, expected) in steps {
                    change(&directory);
                    for round in 0..2 {
                        let found = seen(&reader.scan());
                        assert_eq!(found, *expected, "{name}, watch {watch}, {pattern} {round}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_watch_that_is_lost_is_no_loss() {
        let folder = tempfile::tempdir().unwrap();
        let mut reader = reader(folder.path(), true);
        reader.scan();
        let Some(watch) = reader.directories[0].watch else { return };
        reader.watch.remove(watch);
        for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
            fs::write(folder.path().join(format!("{name}.prom")), format!("{name} 1\n")).unwrap();
            assert_eq!(seen(&reader.scan()).split(' ').count(), at + 1);
        }
    }
}
