//! How far every file was read, kept in step with what was counted.
//!
//! A line is counted in exactly one life of the process as far as a scrape can tell: the positions
//! that stand on disk are always those of the moment of the last scrape. A scrape closes the gate,
//! so that no chunk is between being counted and being noted, takes the values and the positions
//! together, and the positions are in their file before the values are answered. What was counted
//! after that scrape nobody has seen: the next life counts it again, from the same place on.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use common_service::Clock;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::fingerprint::{FileId, Mark};
use super::positions::{self, Saved, SavedFile, SavedJournal};

/// Files that nobody follows any more and that are remembered, because another path may name them.
const RELEASED_MAX: usize = 40_000;

/// Positions of everything, in memory and on disk.
pub struct Ledger {
    gate: RwLock<()>,
    table: Mutex<Table>,
    file: Option<PathBuf>,
    /// Held while the file is written, so that an older state never replaces a newer one.
    saving: Mutex<()>,
    clock: Box<dyn Clock>,
    loaded: Loaded,
    saves: AtomicU64,
    failures: AtomicU64,
}

/// What the last life left.
#[derive(Debug, Default)]
struct Loaded {
    /// There was a life before this, with positions.
    is_there: bool,
    saved_ms: i64,
}

#[derive(Debug, Default)]
struct Table {
    files: HashMap<FileId, Entry>,
    released: VecDeque<FileId>,
    journals: HashMap<String, SavedJournal>,
}

#[derive(Clone, Debug)]
struct Entry {
    path: PathBuf,
    mark: Mark,
    is_held: bool,
    /// Its content was read elsewhere.
    is_copy: bool,
}

/// What is known of a file that somebody wants to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is followed under another path.
    Taken,
    /// It was followed before, up to there.
    Known(Mark),
    /// Never seen.
    New,
}

impl Ledger {
    /// Reads the positions of the last life. A file that cannot be read is an error in the log, and
    /// as if there were none.
    pub fn open(file: Option<PathBuf>, clock: Box<dyn Clock>) -> Ledger {
        let saved = file.as_deref().and_then(|path| match positions::load(path) {
            Ok(saved) => saved,
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "positions are not known");
                None
            }
        });
        let mut table = Table::default();
        let mut loaded = Loaded::default();
        if let Some(saved) = saved {
            loaded = Loaded { is_there: true, saved_ms: saved.saved_ms };
            for file in saved.files {
                let (path, is_copy) = (file.path.into(), file.is_copy);
                let entry = Entry { path, mark: file.mark, is_held: false, is_copy };
                table.files.insert(file.id, entry);
                table.released.push_back(file.id);
            }
            table.journals = saved
                .journals
                .into_iter()
                .map(|journal| (journal.source.clone(), journal))
                .collect();
        }
        Ledger {
            gate: RwLock::new(()),
            table: Mutex::new(table),
            file,
            saving: Mutex::new(()),
            clock,
            loaded,
            saves: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Milliseconds since the epoch, by the wall clock.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The monotonic clock.
    pub(crate) fn monotonic(&self) -> std::time::Duration {
        self.clock.monotonic()
    }

    /// When the positions of the last life were taken, if there were any.
    pub(crate) fn last_life_ms(&self) -> Option<i64> {
        self.loaded.is_there.then_some(self.loaded.saved_ms)
    }

    /// While this is held no scrape comes between what is counted and what is noted.
    pub(crate) fn counting(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read()
    }

    /// Takes a file for one follower, who notes it under this path.
    pub(crate) fn claim(&self, id: FileId, path: &Path) -> Claim {
        let mut table = self.table.lock();
        let mark = Mark::default();
        let fresh = Entry { path: path.to_owned(), mark, is_held: true, is_copy: false };
        match table.files.get_mut(&id) {
            None => {
                table.files.insert(id, fresh);
                Claim::New
            }
            Some(entry) if entry.is_held || entry.is_copy => Claim::Taken,
            Some(entry) => {
                entry.is_held = true;
                entry.path = path.to_owned();
                Claim::Known(entry.mark)
            }
        }
    }

    /// Takes a copy, to read in it what could not be read in the original.
    pub(crate) fn claim_copy(&self, id: FileId, path: &Path) {
        let mark = Mark::default();
        let entry = Entry { path: path.to_owned(), mark, is_held: true, is_copy: false };
        self.table.lock().files.insert(id, entry);
    }

    /// Whether somebody follows the file.
    pub(crate) fn is_held(&self, id: FileId) -> bool {
        self.table.lock().files.get(&id).is_some_and(|entry| entry.is_held)
    }

    /// Whether the file was ever followed, or is a copy.
    pub(crate) fn is_known(&self, id: FileId) -> bool {
        self.table.lock().files.contains_key(&id)
    }

    /// Notes how far a file was read.
    pub(crate) fn note(&self, id: FileId, mark: Mark) {
        if let Some(entry) = self.table.lock().files.get_mut(&id) {
            entry.mark = mark;
        }
    }

    /// Nobody follows the file any more, but it is still there.
    pub(crate) fn release(&self, id: FileId) {
        let mut table = self.table.lock();
        if let Some(entry) = table.files.get_mut(&id) {
            entry.is_held = false;
            table.released.push_back(id);
        }
        while table.released.len() > RELEASED_MAX {
            let Some(id) = table.released.pop_front() else { break };
            if table.files.get(&id).is_some_and(|entry| !entry.is_held) {
                table.files.remove(&id);
            }
        }
    }

    /// The file is gone.
    pub(crate) fn forget(&self, id: FileId) {
        self.table.lock().files.remove(&id);
    }

    /// Notes a copy of what was read under this path.
    pub(crate) fn note_copy(&self, id: FileId, path: &Path) {
        let mark = Mark::default();
        let copy = Entry { path: path.to_owned(), mark, is_held: false, is_copy: true };
        let mut table = self.table.lock();
        if table.files.insert(id, copy).is_none() {
            table.released.push_back(id);
        }
    }

    /// Forgets the files of this path that nobody follows, except those that were just seen.
    pub(crate) fn keep_only(&self, path: &Path, seen: &HashSet<FileId>) {
        let is_kept =
            |id: &FileId, entry: &Entry| entry.is_held || entry.path != path || seen.contains(id);
        self.table.lock().files.retain(|id, entry| is_kept(id, entry));
    }

    /// Files that were followed under this path and that nobody follows now.
    pub(crate) fn left_at(&self, path: &Path) -> Vec<(FileId, Mark)> {
        let table = self.table.lock();
        let is_left = |entry: &Entry| !entry.is_held && !entry.is_copy && entry.path == path;
        let left = table.files.iter().filter(|(_, entry)| is_left(entry));
        left.map(|(id, entry)| (*id, entry.mark)).collect()
    }

    /// Paths of files that nobody follows now.
    pub(crate) fn left_paths(&self) -> Vec<PathBuf> {
        let table = self.table.lock();
        let left = table.files.values().filter(|entry| !entry.is_held && !entry.is_copy);
        left.map(|entry| entry.path.clone()).collect()
    }

    /// Paths and marks of what is followed in a directory.
    pub(crate) fn held_in(&self, directory: &Path) -> Vec<(PathBuf, Mark)> {
        let table = self.table.lock();
        let is_near = |entry: &&Entry| entry.is_held && entry.path.parent() == Some(directory);
        let near = table.files.values().filter(is_near);
        near.map(|entry| (entry.path.clone(), entry.mark)).collect()
    }

    /// Where reading of a journal stopped.
    pub(crate) fn journal(&self, source: &str) -> Option<SavedJournal> {
        self.table.lock().journals.get(source).cloned()
    }

    /// Notes how far a journal was read.
    pub(crate) fn note_journal(&self, journal: SavedJournal) {
        self.table.lock().journals.insert(journal.source.clone(), journal);
    }

    /// Takes what was counted and the positions at one moment, and saves the positions before it
    /// returns. That they could not be saved is logged and counted.
    pub fn commit<T>(&self, take: impl FnOnce() -> T) -> T {
        let Some(path) = &self.file else {
            let _closed = self.gate.write();
            return take();
        };
        let _saving = self.saving.lock();
        let (taken, saved) = {
            let _closed = self.gate.write();
            (take(), self.snapshot())
        };
        match positions::save(path, &saved) {
            Ok(()) => self.saves.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "positions are not saved");
                self.failures.fetch_add(1, Ordering::Relaxed)
            }
        };
        taken
    }

    /// How often positions were saved, and how often that failed.
    pub fn saves(&self) -> (u64, u64) {
        (self.saves.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }

    fn snapshot(&self) -> Saved {
        let table = self.table.lock();
        let files = table.files.iter().map(|(id, entry)| SavedFile {
            path: entry.path.to_string_lossy().into_owned(),
            id: *id,
            mark: entry.mark,
            is_copy: entry.is_copy,
        });
        let mut saved = Saved {
            version: positions::VERSION,
            saved_ms: self.clock.now_ms(),
            files: files.collect(),
            journals: table.journals.values().cloned().collect(),
        };
        saved.files.sort_by(|a, b| (&a.path, a.id).cmp(&(&b.path, b.id)));
        saved
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, Ledger};
    use crate::source::fingerprint::{Digest, FileId, Mark};
    use common_service::SystemClock;
    use std::path::Path;

    fn id(inode: u64) -> FileId {
        FileId { device: 1, inode, born_ns: 0 }
    }

    #[test]
    fn what_a_commit_saw_is_what_the_next_life_knows() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("positions");
        let open = || Ledger::open(Some(file.clone()), Box::new(SystemClock));
        let ledger = open();
        assert_eq!(ledger.last_life_ms(), None);
        assert_eq!(ledger.claim(id(1), Path::new("/a")), Claim::New);
        assert_eq!(ledger.claim(id(1), Path::new("/b")), Claim::Taken);
        let mark = Mark { offset: 9, head: Digest::of(b"x"), ..Mark::default() };
        ledger.note(id(1), mark);
        assert_eq!(ledger.commit(|| 7), 7);
        ledger.note(id(1), Mark { offset: 99, ..mark });
        let next = open();
        assert!(next.last_life_ms().is_some());
        assert_eq!(next.left_at(Path::new("/a")), [(id(1), mark)]);
        assert_eq!(next.claim(id(1), Path::new("/b")), Claim::Known(mark));
        next.release(id(1));
        next.forget(id(1));
        assert_eq!(next.claim(id(1), Path::new("/b")), Claim::New);
        assert_eq!(next.saves(), (0, 0));
    }

    #[test]
    fn positions_that_cannot_be_saved_are_counted_and_stop_nobody() {
        let ledger = Ledger::open(Some("/nonexistent/x/y".into()), Box::new(SystemClock));
        assert_eq!(ledger.commit(|| 1), 1);
        assert_eq!(ledger.saves(), (0, 1));
    }
}
