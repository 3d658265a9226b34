//! One thread: a part of the files, and the sink that counts their lines.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::Metadata;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::address::Format;
use super::fingerprint::{FileId, Likeness, WINDOW_BYTES};
use super::generations::is_rotation_of;
use super::glob::{Expansion, Pattern};
use super::inbox::Inbox;
use super::ledger::Ledger;
use super::options::{SourceOptions, Start};
use super::reading::{CHUNK_BYTES, Context};
use super::stats::Stats;
use super::tail::{Origin, Tail};
use super::watch::{Events, Watch};
use crate::line::LineSink;

/// Even where the kernel tells of changes everything is looked at that often.
const SAFETY: Duration = Duration::from_secs(2);

/// Changes that come closer together are taken together.
const COALESCE: Duration = Duration::from_millis(5);

/// Patterns are expanded at most that often, however much appears.
const SCAN_SPACING: Duration = Duration::from_millis(20);

/// A new file whose name is that of a rotated one may be a copy in the making for so long.
const COPY_IN_MAKING_MS: i64 = 2000;

/// Paths that one pattern stands for.
const PATHS_MAX: usize = 100_000;

/// Batches that are taken before files have their turn.
const BATCHES_A_TURN: usize = 64;

/// What shards share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) options: Arc<SourceOptions>,
    pub(crate) patterns: Arc<RwLock<Vec<(Pattern, Format)>>>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Takes named pipes that were found.
    pub(crate) pipes: Arc<dyn Fn(&Path) + Send + Sync>,
}

/// One thread's part.
pub(crate) struct Shard {
    shared: Shared,
    index: usize,
    of: usize,
    inbox: Inbox,
    sink: Box<dyn LineSink + Send>,
    tails: HashMap<u64, Tail>,
    by_path: HashMap<PathBuf, u64>,
    next_key: u64,
    watch: Watch,
    buffer: Vec<u8>,
    decoded: Vec<u8>,
    directories_told: bool,
    /// Patterns that were there when they were expanded last.
    patterns: usize,
    /// More than the bounds was there once; it is told once.
    is_full: bool,
    /// Tails to look at, whatever else happens.
    due: BTreeSet<u64>,
    /// When, by the monotonic clock.
    last_scan: Duration,
    next_scan: Duration,
    next_poll: Duration,
    next_safety: Duration,
    again: HashMap<u64, Duration>,
}

impl Shard {
    pub(crate) fn new(
        shared: Shared,
        index: usize,
        of: usize,
        inbox: Inbox,
        sink: Box<dyn LineSink + Send>,
    ) -> Shard {
        let watch = Watch::new(shared.options.watch);
        Shard {
            shared,
            index,
            of,
            inbox,
            sink,
            tails: HashMap::new(),
            by_path: HashMap::new(),
            next_key: 0,
            watch,
            buffer: vec![0; CHUNK_BYTES + WINDOW_BYTES],
            decoded: Vec::new(),
            directories_told: false,
            patterns: 0,
            is_full: false,
            due: BTreeSet::new(),
            last_scan: Duration::ZERO,
            next_scan: Duration::ZERO,
            next_poll: Duration::ZERO,
            next_safety: Duration::ZERO,
            again: HashMap::new(),
        }
    }

    /// Finds the files that are there, and notes where they begin. Nothing that is written after
    /// this is missed.
    pub(crate) fn start(&mut self) {
        self.scan(true);
        let last_life = self.shared.ledger.last_life_ms();
        let keys: Vec<u64> = self.tails.keys().copied().collect();
        for key in keys {
            if let Some(since_ms) = last_life {
                self.with_tail(key, |tail, cx| tail.resume(since_ms, cx));
            }
            self.look(key);
        }
    }

    /// Works until the end is asked for.
    pub(crate) fn run(mut self) {
        let mut last_turn = Duration::ZERO;
        while !self.shared.stop.load(Ordering::Acquire) {
            self.wait();
            let now = self.shared.ledger.monotonic();
            let since = now.saturating_sub(last_turn);
            if self.due.is_empty() && since < COALESCE {
                std::thread::sleep(COALESCE - since);
            }
            last_turn = now;
            self.turn();
        }
        self.finish();
    }

    /// Does what is due now.
    fn turn(&mut self) {
        self.inbox.wake.clear();
        self.take_batches(BATCHES_A_TURN);
        let events = self.watch.take();
        let now = self.shared.ledger.monotonic();
        let scan = self.note(events) || now >= self.next_scan || self.has_more_patterns();
        if scan {
            let earliest = self.last_scan + SCAN_SPACING;
            if now >= earliest {
                self.scan(false);
            } else {
                self.next_scan = self.next_scan.min(earliest);
            }
        }
        self.note_polls(now);
        for key in std::mem::take(&mut self.due) {
            self.look(key);
        }
    }

    /// Notes what the kernel said; whether something is new that no tail knows.
    fn note(&mut self, events: Events) -> bool {
        let mut is_new = events.directories || events.all;
        if events.all {
            self.due.extend(self.tails.keys());
        }
        self.due.extend(events.files);
        for path in events.names {
            match self.by_path.get(&path) {
                Some(key) => {
                    self.due.insert(*key);
                }
                None => is_new = true,
            }
        }
        is_new
    }

    /// Notes tails that are due by the clock.
    fn note_polls(&mut self, now: Duration) {
        let is_due = |when: &Duration| *when <= now;
        self.due.extend(self.again.iter().filter(|(_, when)| is_due(when)).map(|(key, _)| *key));
        let everything = now >= self.next_safety;
        if !everything && now < self.next_poll {
            return;
        }
        let now_ms = self.shared.ledger.now_ms();
        for (key, tail) in &mut self.tails {
            if (everything || tail.is_polled()) && tail.may_have_changed(now_ms) {
                self.due.insert(*key);
            }
        }
        self.next_poll = now + self.shared.options.poll_interval;
        if everything {
            self.next_safety = now + SAFETY;
        }
    }

    fn wait(&self) {
        if !self.due.is_empty() {
            return;
        }
        let now = self.shared.ledger.monotonic();
        let has_polled = self.tails.values().any(Tail::is_polled);
        let mut until = self.next_scan.min(self.next_safety);
        if has_polled {
            until = until.min(self.next_poll);
        }
        until = self.again.values().fold(until, |until, when| until.min(*when));
        let wait = until.saturating_sub(now);
        let timeout = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let mut fds = vec![PollFd::from_borrowed_fd(self.inbox.wake.fd(), PollFlags::IN)];
        fds.extend(self.watch.queue().map(|queue| PollFd::from_borrowed_fd(queue, PollFlags::IN)));
        // What fails here is an interruption; the loop comes back.
        let _ = poll(&mut fds, Some(&timeout));
    }

    fn scan_interval(&self) -> Duration {
        let interval = self.shared.options.poll_log_interval;
        if self.directories_told { interval.max(SAFETY) } else { interval }
    }

    fn take_batches(&mut self, max: usize) {
        for _ in 0..max {
            let Some(batch) = self.inbox.take() else { return };
            let _counting = self.shared.ledger.counting();
            batch.source.counters.lines.add(batch.count);
            self.sink.chunk(&batch.source.name, &batch.lines);
            if let Some(journal) = batch.journal {
                self.shared.ledger.note_journal(journal);
            }
        }
        // There may be more.
        self.inbox.wake.wake();
    }

    fn has_more_patterns(&self) -> bool {
        self.patterns < self.shared.patterns.read().len()
    }

    /// Expands the patterns and follows what is new.
    fn scan(&mut self, is_start: bool) {
        let shared = self.shared.clone();
        let mut directories = BTreeSet::new();
        let mut waits = false;
        // More may come meanwhile.
        let patterns = shared.patterns.read().clone();
        self.patterns = patterns.len();
        for (pattern, format) in &patterns {
            let mut expansion = Expansion::default();
            pattern.expand(PATHS_MAX, &mut expansion);
            self.refuse(u64::from(expansion.is_cut), "a pattern stands for more than is looked at");
            directories.append(&mut expansion.directories);
            for path in &expansion.paths {
                if self.is_mine(path) && !self.by_path.contains_key(path) {
                    waits |= !self.discover(path, *format, is_start);
                }
            }
            if is_start {
                let left = shared.ledger.left_paths().into_iter().collect::<HashSet<_>>();
                for path in left {
                    let is_wanted = self.is_mine(&path) && pattern.covers(&path);
                    if is_wanted && !self.by_path.contains_key(&path) {
                        self.follow(&path, *format, Origin::Beginning);
                    }
                }
            }
        }
        // What could not be watched must be looked for.
        self.directories_told = self.watch.set_directories(directories.iter());
        let interval = self.scan_interval();
        let wait = if waits { interval.min(shared.options.poll_interval) } else { interval };
        self.last_scan = shared.ledger.monotonic();
        self.next_scan = self.last_scan + wait;
    }

    /// Follows a path that was not followed; `false` if it is too early to say what it is.
    fn discover(&mut self, path: &Path, format: Format, is_start: bool) -> bool {
        let options = Arc::clone(&self.shared.options);
        let name = path.file_name().unwrap_or_default().as_bytes();
        if options.ignore.as_ref().is_some_and(|is_ignored| is_ignored(name)) {
            return true;
        }
        let Ok(found) = std::fs::metadata(path) else { return true };
        if found.file_type().is_fifo() {
            (self.shared.pipes)(path);
            return true;
        }
        let is_packed = name.ends_with(b".gz") || name.ends_with(b".zst");
        // What is packed was read before it was.
        if !found.is_file() || is_packed {
            return true;
        }
        let origin = if is_start {
            self.origin_at_start(&found)
        } else {
            match self.is_copy(path, &found) {
                Some(true) => return true,
                Some(false) => Origin::Beginning,
                None => return false,
            }
        };
        self.follow(path, format, origin);
        true
    }

    fn origin_at_start(&self, found: &Metadata) -> Origin {
        let is_new = self
            .shared
            .ledger
            .last_life_ms()
            .is_some_and(|saved_ms| FileId::of(found).born_ms(found) >= saved_ms);
        if is_new || self.shared.options.start == Start::Beginning {
            return Origin::Beginning;
        }
        Origin::Offset(found.len())
    }

    /// Whether a new file is a copy of one that is followed; `None` if that cannot be said yet.
    fn is_copy(&self, path: &Path, found: &Metadata) -> Option<bool> {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Some(false);
        };
        let ledger = &self.shared.ledger;
        let id = FileId::of(found);
        for (base, mark) in ledger.held_in(directory) {
            let base_name = base.file_name().unwrap_or_default();
            if !is_rotation_of(base_name.as_bytes(), name.as_bytes()) || ledger.is_known(id) {
                continue;
            }
            let age_ms = ledger.now_ms() - id.born_ms(found);
            if found.len() < mark.head.len as u64 && age_ms < COPY_IN_MAKING_MS {
                return None;
            }
            let like = std::fs::File::open(path).and_then(|file| mark.compare(&file));
            if mark.head.len > 0 && like.is_ok_and(|like| like != Likeness::Other) {
                ledger.note_copy(id, &base);
                return Some(true);
            }
        }
        Some(false)
    }

    fn follow(&mut self, path: &Path, format: Format, origin: Origin) {
        let files_max = self.shared.options.limits.files.div_ceil(self.of);
        let open: usize = self.tails.values().map(|tail| tail.open_files().max(1)).sum();
        if open >= files_max {
            self.refuse(1, "more logs than are followed");
            return;
        }
        self.next_key += 1;
        let key = self.next_key;
        let tail = self.lend(|cx| Tail::new(path.to_owned(), key, format, origin, cx));
        self.by_path.insert(path.to_owned(), key);
        self.tails.insert(key, tail);
        self.due.insert(key);
    }

    fn refuse(&mut self, files: u64, why: &str) {
        self.shared.stats.files_refused.add(files);
        if files > 0 && !self.is_full {
            tracing::warn!(files_max = self.shared.options.limits.files, "{why}");
            self.is_full = true;
        }
    }

    fn is_mine(&self, path: &Path) -> bool {
        shard_of(path.as_os_str().as_bytes(), self.of) == self.index
    }

    fn look(&mut self, key: u64) {
        self.again.remove(&key);
        let Some(looked) = self.with_tail(key, Tail::look) else { return };
        if looked.more {
            self.due.insert(key);
        }
        if let Some(again) = looked.again {
            self.again.insert(key, self.shared.ledger.monotonic() + again);
        }
        if looked.gone
            && let Some(tail) = self.tails.remove(&key)
        {
            self.by_path.remove(&tail.path);
            self.due.remove(&key);
            self.again.remove(&key);
        }
    }

    fn with_tail<T>(
        &mut self,
        key: u64,
        work: impl FnOnce(&mut Tail, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let mut tail = self.tails.remove(&key)?;
        let done = self.lend(|cx| work(&mut tail, cx));
        self.tails.insert(key, tail);
        Some(done)
    }

    fn lend<T>(&mut self, work: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let mut cx = Context {
            sink: &mut *self.sink,
            ledger: &self.shared.ledger,
            stats: &self.shared.stats,
            options: &self.shared.options,
            watch: &mut self.watch,
            buffer: &mut self.buffer,
            decoded: &mut self.decoded,
        };
        work(&mut cx)
    }

    /// Takes what has come, and ends. Without positions nobody reads on: unfinished lines are lines.
    fn finish(&mut self) {
        self.take_batches(usize::MAX);
        if self.has_more_patterns() {
            self.scan(false);
        }
        let flush = self.shared.options.positions.is_none();
        let keys: Vec<u64> = self.tails.keys().copied().collect();
        for key in keys {
            self.with_tail(key, |tail, cx| tail.finish(flush, cx));
        }
    }
}

/// Which shard counts a source.
pub(crate) fn shard_of(name: &[u8], of: usize) -> usize {
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    (hasher.finish() % of.max(1) as u64) as usize
}
