//! Opening, sharing and closing a database.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common_model::{Metadata, TimestampMs};
use parking_lot::Mutex;
use server_storage::{Appendable, Appender, Querier, Queryable, StorageError, Watch};

use crate::appender::{Batch, Scratches};
use crate::block::BlockMeta;
use crate::blocks::{self, Blocks, Retention};
use crate::compact::{CompactionCounters, Left, Writing};
use crate::fs::{Fs, Lock};
use crate::head::Head;
use crate::head_chunks::HeadChunks;
use crate::maintenance::{Schedule, bytes_of_disk, log_bytes};
use crate::merge::MergeQuerier;
use crate::out_of_order_log::OutOfOrderLog;
use crate::querier::HeadQuerier;
use crate::replay::{Aliases, Replay, ReplayProgress, ReplayReport, SegmentOutcome};
use crate::wal::segments::{self, Listing, checkpoint_path, segment_path};
use crate::wal::{Wal, WalCounters, checkpoint, count, repair};
use crate::{Error, Options, snapshot};

/// An open database; clones share it. Dropping the last one without [`Db::close`] is what a kill
/// does: nothing that was committed is lost.
#[derive(Clone)]
pub struct Db {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    /// What the options said of retention, or somebody since.
    pub(crate) retention_ms: AtomicI64,
    pub(crate) retention_bytes: AtomicU64,
    /// Bits of the number.
    pub(crate) retention_percentage: AtomicU64,
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) wal_dir: PathBuf,
    pub(crate) head: Head,
    pub(crate) blocks: Blocks,
    pub(crate) wal: Mutex<Wal>,
    pub(crate) wal_counters: Arc<WalCounters>,
    /// Held while a sync runs, and before the log is locked: one at a time.
    pub(crate) sync: Mutex<()>,
    pub(crate) schedule: Mutex<Schedule>,
    /// Held while samples move from the head to blocks, and by those whom that would confuse. Comes
    /// before all other locks.
    pub(crate) compacting: Mutex<()>,
    pub(crate) compaction: CompactionCounters,
    /// How far head and log were freed of what blocks have.
    pub(crate) left: Mutex<Left>,
    /// Locked behind `sync`.
    pub(crate) out_of_order_log: Mutex<OutOfOrderLog>,
    pub(crate) out_of_order_writing: Mutex<Option<Writing>>,
    /// Removed series whose records may still stand in the log, with its last segment at the time.
    pub(crate) removed: Mutex<HashMap<u64, u64>>,
    /// Numbers in the log's older part that mean a series with another number.
    pub(crate) aliases: Aliases,
    pub(crate) replay: ReplayReport,
    pub(crate) replay_took: Duration,
    lock: Mutex<Option<Box<dyn Lock>>>,
    closed: AtomicBool,
    pub(crate) scratches: Scratches,
}

impl Inner {
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }
}

/// Keeps other processes out of a data directory.
pub(crate) fn lock(fs: &dyn Fs, dir: &Path) -> Result<Box<dyn Lock>, Error> {
    let path = dir.join("lock");
    fs.lock(&path).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::WouldBlock => Error::Locked { path: dir.to_owned() },
        _ => Error::io("lock", &path)(cause),
    })
}

impl Db {
    /// Opens the data directory, made if need be, and replays its log. Damage never keeps it from
    /// opening, nor does a full disk.
    pub fn open(options: Options, fs: Arc<dyn Fs>) -> Result<Db, Error> {
        Db::open_watched(options, fs, &ReplayProgress::default())
    }

    /// As [`Db::open`]; `progress` tells meanwhile how far the replay is.
    pub fn open_watched(
        options: Options,
        fs: Arc<dyn Fs>,
        progress: &ReplayProgress,
    ) -> Result<Db, Error> {
        fs.create_dir(&options.dir).map_err(Error::io("create", &options.dir))?;
        let lock = lock(&*fs, &options.dir)?;
        let wal_dir = options.dir.join("wal");
        let files = HeadChunks::new(fs.clone(), &options.dir);
        let head = Head::new(options.chunk_range_ms, files);
        head.exemplars.resize(options.exemplars_max);
        let blocks = find_blocks(&*fs, &options);
        if let Some(time) = blocks.head_time(options.chunk_range_ms, &[]) {
            head.compacted_until.store(time, Ordering::Release);
        }
        let wal_counters = Arc::new(WalCounters::default());
        let start = Instant::now();
        let Recovered { mut report, aliases, next } =
            recover(&*fs, &wal_dir, &head, &wal_counters, progress)?;
        let late = recover_out_of_order(&fs, &options, &head, &mut report, &aliases)?;
        let wal =
            Wal::new(fs.clone(), &wal_dir, options.wal_segment_bytes, next, wal_counters.clone());
        let inner = Inner {
            retention_ms: AtomicI64::new(options.retention_ms),
            retention_bytes: AtomicU64::new(options.retention_bytes),
            retention_percentage: AtomicU64::new(options.retention_percentage.to_bits()),
            options,
            fs,
            wal_dir,
            head,
            blocks,
            wal: Mutex::new(wal),
            wal_counters,
            sync: Mutex::new(()),
            schedule: Mutex::default(),
            compacting: Mutex::default(),
            compaction: CompactionCounters::default(),
            left: Mutex::default(),
            out_of_order_log: Mutex::new(late),
            out_of_order_writing: Mutex::default(),
            removed: Mutex::default(),
            aliases,
            replay_took: start.elapsed(),
            replay: report,
            lock: Mutex::new(Some(lock)),
            closed: AtomicBool::new(false),
            scratches: Scratches::default(),
        };
        inner.take_up();
        Ok(Db { inner: Arc::new(inner) })
    }

    /// What opening found in the log.
    #[must_use]
    pub fn replay_report(&self) -> &ReplayReport {
        &self.inner.replay
    }

    /// Starts a batch.
    #[must_use]
    pub fn appender(&self) -> Box<dyn Appender> {
        Box::new(Batch::new(self.inner.clone()))
    }

    /// A view of the samples in `[start, end]`.
    #[must_use]
    pub fn querier(&self, start: TimestampMs, end: TimestampMs) -> Box<dyn Querier> {
        let (db, watch) = (self.inner.clone(), Watch::default());
        let view = db.blocks.list();
        let mut blocks = Vec::clone(&view);
        let head = HeadQuerier { db, view, start, end, watch };
        blocks.retain(|open| open.block.meta().overlaps(start, end));
        if blocks.is_empty() {
            return Box::new(head);
        }
        Box::new(MergeQuerier { blocks, head: Some(head), start, end, watch: Watch::default() })
    }

    /// What the open blocks say of themselves, in order of time.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockMeta> {
        self.inner.blocks.list().iter().map(|open| open.block.meta().clone()).collect()
    }

    /// From now on samples may be so far behind the newest one, in any order; zero takes them in order
    /// only.
    pub fn set_out_of_order_window(&self, window_ms: i64) {
        self.inner.set_out_of_order_window(window_ms);
    }

    /// What metrics say of themselves: metric name and metadata, each pair once, sorted by name.
    #[must_use]
    pub fn metadata(&self) -> Vec<(String, Metadata)> {
        self.inner.head.metric_metadata()
    }

    /// Ends the database: what is committed becomes durable, later batches are refused, and the
    /// directory is free for another process.
    pub fn close(&self) -> Result<(), Error> {
        let _idle = self.inner.compacting.lock();
        let _alone = self.inner.sync.lock();
        let synced = self.inner.wal.lock().cut();
        let synced = synced.and(self.inner.out_of_order_log.lock().wal.cut());
        self.inner.closed.store(true, Ordering::Release);
        self.inner.lock.lock().take();
        synced
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("dir", &self.inner.options.dir).finish_non_exhaustive()
    }
}

impl Appendable for Db {
    fn appender(&self) -> Box<dyn Appender> {
        Db::appender(self)
    }
}

impl Queryable for Db {
    fn querier(
        &self,
        start: TimestampMs,
        end: TimestampMs,
    ) -> Result<Box<dyn Querier>, StorageError> {
        Ok(Db::querier(self, start, end))
    }
}

/// Opens the blocks, after what a crash left of some was removed.
fn find_blocks(fs: &dyn Fs, options: &Options) -> Blocks {
    if let Err(error) = blocks::clean(fs, &options.dir) {
        tracing::warn!(%error, "what is left of an unfinished block stays");
    }
    if let Err(error) = snapshot::clean(fs, &options.dir) {
        tracing::warn!(%error, "what is left of an unfinished snapshot stays");
    }
    let retention = Retention {
        time_ms: options.retention_ms,
        bytes: bytes_of_disk(fs, &options.dir, options.retention_percentage)
            .unwrap_or(options.retention_bytes),
        log_bytes: log_bytes(fs, &options.dir),
    };
    let blocks = Blocks::default();
    if let Err(error) = blocks.reload(fs, &options.dir, retention) {
        tracing::error!(%error, "not all blocks are as they should be");
    }
    blocks
}

/// Takes up the samples that came out of order.
fn recover_out_of_order(
    fs: &Arc<dyn Fs>,
    options: &Options,
    head: &Head,
    report: &mut ReplayReport,
    aliases: &Aliases,
) -> Result<OutOfOrderLog, Error> {
    let (dir, counters) = (options.dir.join("wbl"), Arc::new(WalCounters::default()));
    let mut listing = segments::list(&**fs, &dir)?;
    match repair::finish(&**fs, &dir, &listing) {
        Ok(false) => {}
        Ok(true) => listing = segments::list(&**fs, &dir)?,
        Err(error) => tracing::warn!(%error, "an interrupted repair stays unfinished"),
    }
    let mut replay = Replay::out_of_order(head, std::mem::take(report), aliases.clone());
    let unseen = ReplayProgress::default();
    replay_segments(&mut replay, &**fs, &dir, &listing, None, (&counters, &unseen));
    *report = replay.report;
    let next = listing.segments.last().map_or(0, |(number, _)| number + 1);
    let segment_bytes = options.wal_segment_bytes;
    head.out_of_order.window_ms.store(options.out_of_order_window_ms.max(0), Ordering::Relaxed);
    Ok(OutOfOrderLog::new(fs.clone(), dir, segment_bytes, next, counters))
}

impl Inner {
    /// Lets head and log begin behind the blocks.
    fn take_up(&self) {
        // Of the log the head has only what blocks made from a head do not cover; queries drop what
        // others hold too. New samples must lie behind all of them.
        let covered = self.head.compacted_until.load(Ordering::Acquire);
        if covered > i64::MIN {
            // Series whose samples are all in blocks.
            self.forget_in_head(covered);
            if self.replay.samples_covered == 0 {
                *self.left.lock() = Left { head: Some(covered), log: Some(covered) };
            }
        }
        if let Some(time) = self.blocks.max_time() {
            self.head.min_valid_time.fetch_max(time, Ordering::AcqRel);
        }
    }
}

struct Recovered {
    report: ReplayReport,
    aliases: Aliases,
    /// Number of the next segment.
    next: u64,
}

/// Rebuilds the head and mends the log.
fn recover(
    fs: &dyn Fs,
    dir: &Path,
    head: &Head,
    counters: &WalCounters,
    progress: &ReplayProgress,
) -> Result<Recovered, Error> {
    if let Err(error) = fs.create_dir(dir) {
        // The log makes it when it has something to write.
        tracing::warn!(%error, dir = %dir.display(), "cannot create the log's directory");
    }
    let mut listing = segments::list(fs, dir)?;
    match repair::finish(fs, dir, &listing) {
        Ok(false) => {}
        Ok(true) => listing = segments::list(fs, dir)?,
        Err(error) => tracing::warn!(%error, "an interrupted repair stays unfinished"),
    }
    let mut replay = Replay::new(head);
    let covered = listing.checkpoints.last().copied();
    if let Some(number) = covered {
        let checkpoint = checkpoint_path(dir, number);
        let inside = segments::list(fs, &checkpoint)?;
        // The segments of a checkpoint have numbers of their own, which tell nobody anything.
        let unseen = ReplayProgress::default();
        replay_segments(&mut replay, fs, &checkpoint, &inside, None, (counters, &unseen));
    }
    replay_segments(&mut replay, fs, dir, &listing, covered, (counters, progress));
    replay.end();
    if let Err(error) = checkpoint::remove_covered(fs, dir, &listing) {
        tracing::warn!(%error, "files the checkpoint covers stay behind");
    }
    let last = listing.segments.last().map(|(number, _)| *number);
    let next = last.max(covered).map_or(0, |number| number + 1);
    let report = &replay.report;
    tracing::info!(
        segments = report.segments,
        series = report.series,
        samples = report.samples,
        repeated = report.samples_repeated,
        in_files = report.samples_mapped,
        covered = report.samples_covered,
        unknown_refs = report.unknown_refs,
        corruptions = report.corruptions,
        "log replayed"
    );
    Ok(Recovered { report: replay.report, aliases: replay.aliases, next })
}

/// Replays the segments behind `covered` and mends those that need it.
fn replay_segments(
    replay: &mut Replay<'_>,
    fs: &dyn Fs,
    dir: &Path,
    listing: &Listing,
    covered: Option<u64>,
    (counters, progress): (&WalCounters, &ReplayProgress),
) {
    let wanted = |number: &u64| covered.is_none_or(|covered| *number > covered);
    let numbers: Vec<u64> = listing.segments.iter().map(|s| s.0).filter(wanted).collect();
    if let (Some(first), Some(last)) = (numbers.first(), numbers.last()) {
        progress.begin(*first, *last);
    }
    for &number in &numbers {
        progress.reach(number);
        let is_last = numbers.last() == Some(&number);
        match replay.segment(fs, &segment_path(dir, number)) {
            Ok(outcome) => mend(replay, fs, dir, number, is_last, &outcome, counters),
            Err(error) => {
                tracing::error!(%error, "a segment of the log cannot be read");
                replay.report.corruptions += 1;
                count(&counters.corruptions, 1);
            }
        }
    }
}

/// Cuts a torn tail, puts a damaged segment aside, and makes the last segment durable, whose writer
/// may have been killed before it could.
fn mend(
    replay: &mut Replay<'_>,
    fs: &dyn Fs,
    dir: &Path,
    number: u64,
    is_last: bool,
    outcome: &SegmentOutcome,
    counters: &WalCounters,
) {
    let torn = is_last && outcome.damage_inside == 0 && outcome.damage_at_end > 0;
    let damage = if torn { 0 } else { outcome.damage_inside + outcome.damage_at_end };
    let mut mended = Ok(());
    if torn {
        count(&counters.torn_tails, 1);
        mended = fs
            .open(&outcome.path)
            .and_then(|file| file.truncate(outcome.good_end))
            .map_err(Error::io("truncate", &outcome.path));
    }
    if damage > 0 {
        replay.report.corruptions += damage;
        count(&counters.corruptions, damage);
        mended = repair::replace(fs, dir, number);
        if mended.is_ok() {
            count(&counters.quarantined, 1);
        }
    } else if is_last && mended.is_ok() {
        let synced = fs.open(&outcome.path).and_then(|file| {
            file.sync()?;
            fs.sync_dir(dir)
        });
        // The kernel may have dropped any of it: write it again, from what was just read.
        if synced.is_err() {
            count(&counters.syncs_failed, 1);
            mended = repair::replace(fs, dir, number);
        }
    }
    if let Err(error) = mended {
        tracing::warn!(%error, "a segment of the log stays as it is");
    }
}
