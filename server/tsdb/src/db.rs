//! Opening, sharing and closing a database.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use common_model::{Metadata, TimestampMs};
use parking_lot::Mutex;
use server_storage::{Appendable, Appender, Querier, Queryable, StorageError, Watch};

use crate::appender::{Batch, Scratches};
use crate::block::{BlockMeta, KnownLabels};
use crate::blocks::Blocks;
use crate::compact::{CompactionCounters, Left, StaleSeries, Writing};
use crate::fs::{Fs, Lock};
use crate::head::Head;
use crate::head_chunks::HeadChunks;
use crate::maintenance::Schedule;
use crate::merge::MergeQuerier;
use crate::metrics::upkeep::Upkeep;
use crate::opening::{self, Logs, Recovery};
use crate::out_of_order_log::OutOfOrderLog;
use crate::querier::HeadQuerier;
use crate::replay::{ReplayProgress, ReplayReport};
use crate::reserve::Reserve;
use crate::wal::{Wal, WalCounters};
use crate::{Error, Options};

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
    pub(crate) known_labels: Arc<KnownLabels>,
    pub(crate) wal: Mutex<Wal>,
    pub(crate) wal_counters: Arc<WalCounters>,
    /// Held while a sync runs, and before the log is locked: one at a time.
    pub(crate) sync: Mutex<()>,
    pub(crate) schedule: Mutex<Schedule>,
    /// Held while samples move from the head to blocks, and by those whom that would confuse. Comes
    /// before all other locks.
    pub(crate) compacting: Mutex<()>,
    pub(crate) compaction: CompactionCounters,
    pub(crate) stale: StaleSeries,
    pub(crate) upkeep: Upkeep,
    /// How far head and log were freed of what blocks have.
    pub(crate) left: Mutex<Left>,
    /// Locked behind `sync`.
    pub(crate) out_of_order_log: Mutex<OutOfOrderLog>,
    pub(crate) out_of_order_writing: Mutex<Option<Writing>>,
    /// Removed series whose records may still stand in the log, with its last segment at the time.
    pub(crate) removed: Mutex<HashMap<u64, u64>>,
    pub(crate) recovery: Recovery,
    pub(crate) reserve: Reserve,
    lock: Mutex<Option<Box<dyn Lock>>>,
    closed: AtomicBool,
    pub(crate) scratches: Scratches,
}

impl Inner {
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }

    /// From now on nothing is taken any more.
    pub(crate) fn give_up(&self) {
        self.closed.store(true, Ordering::Release);
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
        let (db, logs) = Db::prepare(options, fs)?;
        db.inner.recover(&logs, progress);
        Ok(db)
    }

    /// As [`Db::open`], but waits for the end of the replay for `patience` only: it goes on in a
    /// thread of its own. Until [`Db::is_replayed`] queries find what is read so far, and
    /// whoever wants to append, delete or compact waits, so that samples of the log come first.
    pub fn open_behind(
        options: Options,
        fs: Arc<dyn Fs>,
        progress: Arc<ReplayProgress>,
        patience: Duration,
    ) -> Result<Db, Error> {
        let (db, logs) = Db::prepare(options, fs)?;
        let behind = db.clone();
        let work = move || behind.inner.recover(&logs, &progress);
        let started = std::thread::Builder::new().name("tsdb-replay".to_owned()).spawn(work);
        started.map_err(Error::io("start a thread for", &db.inner.options.dir))?;
        db.inner.recovery.wait_for(patience);
        Ok(db)
    }

    /// Everything of a database but what is in its logs.
    fn prepare(options: Options, fs: Arc<dyn Fs>) -> Result<(Db, Logs), Error> {
        fs.create_dir(&options.dir).map_err(Error::io("create", &options.dir))?;
        let lock = lock(&*fs, &options.dir)?;
        let wal_dir = options.dir.join("wal");
        let files = HeadChunks::new(fs.clone(), &options.dir);
        let mut head = Head::new(options.chunk_range_ms, files);
        head.out_of_order.chunk_samples = options.out_of_order_chunk_samples.max(1);
        head.xor2.store(options.xor2, Ordering::Relaxed);
        head.exemplars.resize(options.exemplars_max);
        let window_ms = options.out_of_order_window_ms.max(0);
        head.out_of_order.window_ms.store(window_ms, Ordering::Relaxed);
        let blocks = opening::find_blocks(&*fs, &options);
        if let Some(time) = blocks.head_time(options.chunk_range_ms, &[]) {
            head.compacted_until.store(time, Ordering::Release);
        }
        let (wal_counters, late_counters) = (Arc::default(), Arc::default());
        let logs = Logs::find(&*fs, &options.dir)?;
        let (next, next_late) = logs.next_numbers();
        let bytes = options.wal_segment_bytes;
        let wal = Wal::new(fs.clone(), &wal_dir, bytes, next, Arc::clone(&wal_counters));
        let late_dir = options.dir.join("wbl");
        let late = OutOfOrderLog::new(fs.clone(), late_dir, bytes, next_late, late_counters);
        let stale = StaleSeries::new(options.stale_series_share, options.stale_series_min);
        let inner = Inner {
            retention_ms: AtomicI64::new(options.retention_ms),
            retention_bytes: AtomicU64::new(options.retention_bytes),
            retention_percentage: AtomicU64::new(options.retention_percentage.to_bits()),
            options,
            fs,
            wal_dir,
            head,
            blocks,
            known_labels: Arc::default(),
            wal: Mutex::new(wal),
            wal_counters,
            sync: Mutex::new(()),
            schedule: Mutex::default(),
            compacting: Mutex::default(),
            compaction: CompactionCounters::default(),
            stale,
            upkeep: Upkeep::default(),
            left: Mutex::default(),
            out_of_order_log: Mutex::new(late),
            out_of_order_writing: Mutex::default(),
            removed: Mutex::default(),
            recovery: Recovery::default(),
            reserve: Reserve::default(),
            lock: Mutex::new(Some(lock)),
            closed: AtomicBool::new(false),
            scratches: Scratches::default(),
        };
        Ok((Db { inner: Arc::new(inner) }, logs))
    }

    /// What opening found in the log; nothing yet while that is being replayed.
    #[must_use]
    pub fn replay_report(&self) -> &ReplayReport {
        &self.inner.recovery.found().report
    }

    /// Whether the log is replayed, so that queries find all there is.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.inner.recovery.is_done()
    }

    /// Waits until the log is replayed.
    pub fn wait_until_replayed(&self) {
        self.inner.recovery.wait();
    }

    /// Gives up a replay that is under way, for the process is to end: what is in the log stays
    /// there, and the database takes nothing any more.
    pub fn stop_replay(&self) {
        if !self.inner.recovery.is_done() {
            self.inner.give_up();
        }
    }

    /// Starts a batch, once the log is replayed.
    #[must_use]
    pub fn appender(&self) -> Box<dyn Appender> {
        self.inner.recovery.wait();
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
        let (head, known) = (Some(head), Some(self.inner.known_labels.clone()));
        Box::new(MergeQuerier { blocks, head, start, end, watch: Watch::default(), known })
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
        self.inner.give_up();
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
