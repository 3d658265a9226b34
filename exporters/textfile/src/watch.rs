//! A hint that files changed, from the kernel.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;

/// Changed files that are remembered one by one between two scrapes.
const CHANGED_MAX: usize = 1000;

/// Watches directories. Only a hint: events get lost, and some file systems have none, so times
/// and sizes are compared all the same.
#[derive(Default)]
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
    changed: Arc<Changed>,
}

/// What changed since the last scrape.
#[derive(Default)]
struct Changed {
    files: Mutex<HashSet<PathBuf>>,
    all: AtomicBool,
}

impl Changed {
    fn note(&self, event: notify::Result<notify::Event>) {
        let Ok(event) = event else {
            self.all.store(true, Relaxed);
            return;
        };
        // Our own reading is an event, too.
        if event.kind.is_access() {
            return;
        }
        let mut files = self.files.lock();
        if event.need_rescan() || files.len() + event.paths.len() > CHANGED_MAX {
            files.clear();
            self.all.store(true, Relaxed);
        } else {
            files.extend(event.paths);
        }
    }
}

impl Watch {
    /// Watches exactly these directories. What cannot be watched is left alone.
    pub(crate) fn set(&mut self, directories: &[PathBuf]) {
        let wanted: HashSet<PathBuf> = directories.iter().cloned().collect();
        if wanted == self.watched {
            return;
        }
        let changed = Arc::clone(&self.changed);
        let watcher = self
            .watcher
            .take()
            .map_or_else(|| notify::recommended_watcher(move |event| changed.note(event)), Ok);
        let Ok(mut watcher) = watcher else { return };
        for gone in self.watched.difference(&wanted) {
            // A directory that is gone is not watched any more anyway.
            let _ = watcher.unwatch(gone);
        }
        for new in wanted.difference(&self.watched) {
            if let Err(error) = watcher.watch(new, RecursiveMode::NonRecursive) {
                tracing::debug!(directory = %new.display(), %error, "directory is not watched");
            }
        }
        self.watcher = Some(watcher);
        self.watched = wanted;
    }

    /// Takes what changed since the last call.
    pub(crate) fn take(&self) -> impl Fn(&Path) -> bool + use<> {
        let all = self.changed.all.swap(false, Relaxed);
        let files = std::mem::take(&mut *self.changed.files.lock());
        move |path| all || files.contains(path)
    }
}
