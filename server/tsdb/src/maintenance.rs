//! What has to be done now and then: syncing, forgetting, shortening the log.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common_model::TimestampMs;
use server_storage::Watch;

use crate::Error;
use crate::blocks::Retention;
use crate::db::{Db, Inner};
use crate::fs::Fs;
use crate::head_chunks::HEAD_CHUNKS;
use crate::metrics::upkeep::timed;
use crate::reserve;
use crate::wal::writer::Record;
use crate::wal::{checkpoint, count, record, segments};

/// How often the maintenance thread looks whether something is due.
const TICK: Duration = Duration::from_millis(250);
/// A truncation frees at least this part of the retention, and at most twice that: it rewrites the
/// log, and a clock that jumped ahead must not empty the store at once.
const TRUNCATE_PART: i64 = 10;
/// When chunks have too many bytes, this part of the limit is freed beyond what is needed.
const SPACE_PART: u64 = 10;

/// How long chunks that could not be written to a file wait for another attempt.
const MAP_RETRY_MS: i64 = 5000;
/// How often damaged chunks are looked for in the log, which may not have them.
const HEAL_INTERVAL_MS: i64 = 60 * 1000;
/// Files of head chunks that nobody read for so long are no longer mapped.
const VIEWS_INTERVAL_MS: i64 = 60 * 1000;

/// How often the bytes of chunks are compared with their limit.
const SPACE_INTERVAL_MS: i64 = 60 * 1000;
/// How finely the time is found before which chunks go for space.
pub(crate) const STEPS_PER_RANGE: i64 = 24;

/// How much of the log is looked through for what can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Two thirds, since what was written last is to stay anyhow.
    Most,
    /// Everything that was written before.
    All,
}

/// When things were done last.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    synced: Option<TimestampMs>,
    truncated: Option<TimestampMs>,
    measured: Option<TimestampMs>,
    reloaded: Option<TimestampMs>,
    healed: Option<TimestampMs>,
    /// When chunks could not be written to a file.
    map_failed: Option<TimestampMs>,
    views: Option<TimestampMs>,
    pub(crate) compacted: Option<TimestampMs>,
    /// When the space that is set aside was looked at, and when it was given up.
    pub(crate) reserved: Option<TimestampMs>,
    pub(crate) relieved: Option<TimestampMs>,
}

/// Whether `interval` has passed; a clock that was set back counts as passed.
fn due(last: Option<TimestampMs>, now: TimestampMs, interval: i64) -> bool {
    last.is_none_or(|last| now < last || now.saturating_sub(last) >= interval)
}

/// Bytes of a part of the disk; `None` where there is no such limit, or where it cannot be known.
pub(crate) fn bytes_of_disk(fs: &dyn Fs, dir: &Path, percentage: f64) -> Option<u64> {
    if percentage <= 0.0 {
        return None;
    }
    match fs.disk_bytes(dir) {
        Ok(bytes) => Some((bytes as f64 * percentage / 100.0) as u64).filter(|bytes| *bytes > 0),
        Err(error) => {
            tracing::warn!(%error, "the size of the disk is not known, the limit in bytes holds");
            None
        }
    }
}

/// Bytes of both logs, of the head's chunks, and of what is set aside.
pub(crate) fn log_bytes(fs: &dyn Fs, dir: &Path) -> u64 {
    let bytes = |name: &str| segments::bytes(fs, &dir.join(name)).unwrap_or_default();
    bytes("wal") + bytes("wbl") + bytes(HEAD_CHUNKS) + reserve::bytes(fs, dir)
}

/// Whether something of the schedule is due now, and then takes note that it is done.
pub(crate) fn falls_due(
    inner: &Inner,
    now: TimestampMs,
    interval: i64,
    which: impl Fn(&mut Schedule) -> &mut Option<TimestampMs>,
) -> bool {
    let mut schedule = inner.schedule.lock();
    let last = which(&mut schedule);
    let due = due(*last, now, interval);
    if due {
        *last = Some(now);
    }
    due
}

impl Db {
    /// Makes everything committed so far durable. After a failure the log goes on in a new segment;
    /// the error says that even this did not work, and nothing is lost unless the machine fails.
    pub fn sync(&self) -> Result<(), Error> {
        let inner = &self.inner;
        inner.check_open()?;
        let _one_at_a_time = inner.sync.lock();
        let ticket = {
            let mut wal = inner.wal.lock();
            wal.recover()?;
            wal.begin_sync()
        };
        if let Some(ticket) = ticket {
            let start = Instant::now();
            // Batches are written meanwhile.
            let outcome = ticket.run();
            inner.wal.lock().end_sync(&ticket, outcome, start.elapsed())?;
        }
        let mut late = inner.out_of_order_log.lock();
        late.wal.recover()?;
        match late.wal.begin_sync() {
            None => Ok(()),
            Some(ticket) => {
                let start = Instant::now();
                let outcome = ticket.run();
                late.wal.end_sync(&ticket, outcome, start.elapsed())
            }
        }
    }

    /// Syncs when the interval of the options has passed since the last time.
    pub fn sync_if_due(&self, now: TimestampMs) -> Result<(), Error> {
        let interval = self.inner.options.sync_interval_ms;
        if falls_due(&self.inner, now, interval, |schedule| &mut schedule.synced) {
            return self.sync();
        }
        Ok(())
    }

    /// Drops what is too old or too much, when the interval of the options has passed since the last
    /// time; says whether anything was dropped.
    pub fn truncate_if_due(&self, now: TimestampMs) -> Result<bool, Error> {
        let inner = &self.inner;
        {
            let mut schedule = inner.schedule.lock();
            let by_age = due(schedule.truncated, now, inner.options.truncate_interval_ms);
            if !by_age && !due(schedule.measured, now, SPACE_INTERVAL_MS) {
                return Ok(false);
            }
            schedule.measured = Some(now);
            if by_age {
                schedule.truncated = Some(now);
            }
        }
        let (by_age, by_space) = (inner.cutoff_by_age(now), inner.cutoff_by_space());
        let Some(time) = by_age.max(by_space) else { return Ok(false) };
        let (chunks, result) = self.forget(time);
        if by_space > by_age && time > inner.head.compacted_until.load(Ordering::Acquire) {
            count(&inner.head.counters.chunks_dropped_for_space, chunks);
        }
        result.map(|()| true)
    }

    /// Writes chunks that are full to files, which frees their memory, and those whose files turned out
    /// to be damaged again, from the log; says how many were full. After an error
    /// those that are left stay in memory, and are readable as before.
    pub fn map_head_chunks(&self) -> Result<u64, Error> {
        self.inner.check_open()?;
        let written = self.inner.map_chunks();
        self.inner.heal_head_chunks(false)?;
        written
    }

    /// The same, unless it failed a moment ago.
    fn map_head_chunks_if_due(&self, now: TimestampMs) -> Result<u64, Error> {
        let inner = &self.inner;
        if falls_due(inner, now, VIEWS_INTERVAL_MS, |schedule| &mut schedule.views) {
            inner.head.files.forget_views();
        }
        let failed = inner.schedule.lock().map_failed;
        if failed.is_some() && !due(failed, now, MAP_RETRY_MS) {
            return Ok(0);
        }
        if inner.head.files.is_damaged()
            && falls_due(inner, now, HEAL_INTERVAL_MS, |schedule| &mut schedule.healed)
        {
            inner.heal_head_chunks(false)?;
        }
        let result = inner.check_open().and_then(|()| inner.map_chunks());
        let result = result.inspect_err(|error| inner.reserve.note(error));
        inner.schedule.lock().map_failed = result.is_err().then_some(now);
        result
    }

    /// Looks for blocks that are new or too old, when the interval of the options has passed since
    /// the last time.
    pub fn reload_if_due(&self, now: TimestampMs) -> Result<(), Error> {
        {
            let mut schedule = self.inner.schedule.lock();
            let last = schedule.reloaded.get_or_insert(now);
            if !due(Some(*last), now, self.inner.options.reload_interval_ms) {
                return Ok(());
            }
            *last = now;
        }
        self.reload_blocks()
    }

    /// Opens blocks that appeared in the directory, forgets those that vanished and removes those
    /// that are replaced by others, too old or too much.
    pub fn reload_blocks(&self) -> Result<(), Error> {
        self.inner.check_open()?;
        self.inner.reload_blocks()
    }

    /// From now on samples are kept so long, and blocks and log have at most so many bytes, or such a
    /// part of the disk in percent, together (zero is no limit). What is too much goes when it is
    /// looked for next.
    pub fn set_retention(&self, time_ms: i64, bytes: u64, percentage: f64) {
        self.inner.retention_ms.store(time_ms, Ordering::Relaxed);
        self.inner.retention_bytes.store(bytes, Ordering::Relaxed);
        self.inner.retention_percentage.store(percentage.to_bits(), Ordering::Relaxed);
    }

    /// Whether chunks of floats that begin from now on have the XOR2 encoding.
    pub fn set_xor2(&self, xor2: bool) {
        self.inner.head.xor2.store(xor2, Ordering::Relaxed);
    }

    /// Drops chunks that end before `time` and shortens the log accordingly. On error the memory is
    /// free all the same and the log longer than need be.
    pub fn truncate(&self, time: TimestampMs) -> Result<(), Error> {
        self.forget(time).1
    }

    /// Does what [`Db::truncate`] says; returns the number of chunks too.
    fn forget(&self, time: TimestampMs) -> (u64, Result<(), Error>) {
        let inner = &self.inner;
        let _alone = inner.compacting.lock();
        if let Err(error) = inner.check_open() {
            return (0, Err(error));
        }
        let chunks = inner.forget_in_head(time);
        (chunks, inner.shorten_log(time, Share::Most))
    }

    /// Starts threads that sync, compact and truncate when due, until the value returned is dropped.
    /// `clock` tells milliseconds since the epoch, `name` gives names for blocks, as
    /// [`crate::block::ulid`] makes them.
    pub fn spawn_maintenance(
        &self,
        clock: Clock,
        mut name: Box<dyn FnMut() -> String + Send>,
    ) -> std::io::Result<Maintenance> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = Maintenance { stop: stop.clone(), threads: Vec::new() };
        let stopped = stop.clone();
        let watch = Watch::new(Arc::new(move || !stopped.load(Ordering::Acquire)));
        let db = self.clone();
        let sync = each_tick("tsdb-sync", stop.clone(), clock.clone(), move |now| {
            if let Err(error) = db.sync_if_due(now) {
                db.inner.reserve.note(&error);
                tracing::error!(%error, "the log is not synced");
            }
            db.inner.check_open().is_ok()
        })?;
        running.threads.push(sync);
        let db = self.clone();
        let chunks = each_tick("tsdb-chunks", stop.clone(), clock.clone(), move |now| {
            if let Err(error) = db.map_head_chunks_if_due(now) {
                tracing::warn!(%error, "full chunks stay in memory");
            }
            db.inner.check_open().is_ok()
        })?;
        running.threads.push(chunks);
        let db = self.clone();
        // A thread of its own: syncs do not wait for what takes minutes.
        let compact = each_tick("tsdb-compact", stop, clock, move |now| {
            match db.relieve_if_full(now, &mut *name, &watch) {
                Ok(()) | Err(Error::Interrupted | Error::Closed) => {}
                Err(error) => tracing::error!(%error, "the disk stays full"),
            }
            match db.compact_if_due(now, &mut *name, &watch) {
                Ok(()) | Err(Error::Interrupted | Error::Closed) => {}
                Err(error) => tracing::error!(%error, "compaction failed"),
            }
            if let Err(error) = db.truncate_if_due(now) {
                tracing::error!(%error, "the log is not shortened");
            }
            if let Err(error) = db.reload_if_due(now) {
                tracing::error!(%error, "blocks are not reloaded");
            }
            match db.keep_reserve_if_due(now) {
                Ok(()) | Err(Error::Closed) => {}
                Err(error) => tracing::warn!(%error, "no space is set aside"),
            }
            db.inner.check_open().is_ok()
        })?;
        running.threads.push(compact);
        Ok(running)
    }
}

/// Tells milliseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> TimestampMs + Send + Sync>;

/// Starts a thread that acts every now and then while `act` says so.
fn each_tick(
    name: &str,
    stop: Arc<AtomicBool>,
    clock: Clock,
    mut act: impl FnMut(TimestampMs) -> bool + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        while !stop.load(Ordering::Acquire) && act(clock()) {
            thread::park_timeout(TICK);
        }
    })
}

/// Running maintenance threads; dropping it ends them.
#[derive(Debug)]
pub struct Maintenance {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in &self.threads {
            thread.thread().unpark();
        }
        for thread in self.threads.drain(..) {
            // A panic there was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

impl Inner {
    /// Writes full chunks to files, and samples out of order that make some; says how many.
    fn map_chunks(&self) -> Result<u64, Error> {
        let ordered = self.head.map_chunks();
        // While a log is replayed it is not known yet which of them are in files.
        let late = if self.recovery.is_done() { self.map_late() } else { Ok(0) };
        Ok(ordered? + late?)
    }

    pub(crate) fn chunk_bytes(&self) -> u64 {
        self.head.counters.chunk_bytes.load(Ordering::Relaxed)
    }

    /// Before which time samples are to go because chunks take too many bytes. Those of the newest
    /// range stay in any case: samples older than the cut are refused afterwards.
    pub(crate) fn cutoff_by_space(&self) -> Option<TimestampMs> {
        let max = self.options.chunk_bytes_max;
        if self.chunk_bytes() <= max {
            return None;
        }
        let step = (self.options.chunk_range_ms / STEPS_PER_RANGE).max(1);
        let cutoff = self.head.cutoff_for_bytes(max - max / SPACE_PART, step)?;
        Some(cutoff.min(self.head.span().1.saturating_sub(self.options.chunk_range_ms)))
    }

    /// Before which time samples are to go for their age.
    fn cutoff_by_age(&self, now: TimestampMs) -> Option<TimestampMs> {
        let (oldest, newest) = self.head.span();
        if oldest > newest {
            return None;
        }
        let retention_ms = self.retention_ms.load(Ordering::Relaxed);
        let step = (retention_ms / TRUNCATE_PART).max(1);
        let limit = now.min(newest).saturating_sub(retention_ms);
        if limit.saturating_sub(oldest) < step {
            return None;
        }
        Some(limit.min(oldest.saturating_add(2 * step)))
    }

    pub(crate) fn reload_blocks(&self) -> Result<(), Error> {
        self.blocks.reload(&*self.fs, &self.options.dir, self.retention())
    }

    pub(crate) fn retention(&self) -> Retention {
        Retention {
            time_ms: self.retention_ms.load(Ordering::Relaxed),
            bytes: self.bytes_max(),
            log_bytes: log_bytes(&*self.fs, &self.options.dir),
        }
    }

    /// Bytes of everything that is kept; zero is no limit.
    pub(crate) fn bytes_max(&self) -> u64 {
        let percentage = f64::from_bits(self.retention_percentage.load(Ordering::Relaxed));
        let bytes = self.retention_bytes.load(Ordering::Relaxed);
        bytes_of_disk(&*self.fs, &self.options.dir, percentage).unwrap_or(bytes)
    }

    /// Drops chunks of the head that end before `time`; says how many.
    pub(crate) fn forget_in_head(&self, time: TimestampMs) -> u64 {
        let note = |took| self.upkeep.head_gc.observe(took);
        let gone = timed(note, || self.head.truncate(time));
        let last = self.wal.lock().current_number();
        self.removed.lock().extend(gone.series.into_iter().map(|id| (u64::from(id), last)));
        gone.chunks
    }

    /// Drops of a share of the log what is before `time`.
    pub(crate) fn shorten_log(&self, time: TimestampMs, share: Share) -> Result<(), Error> {
        self.cut_log(time, share, &HashSet::new()).map(|_| ())
    }

    /// The same, and drops what it has of series in `leaving`, but for those that introduced themselves
    /// again. Says whether there was such a share.
    pub(crate) fn cut_log(
        &self,
        time: TimestampMs,
        share: Share,
        leaving: &HashSet<u32>,
    ) -> Result<bool, Error> {
        count(&self.wal_counters.truncations, 1);
        // What goes from the log must not come back from there.
        let old = time.min(self.head.span().0);
        let note = |took| self.upkeep.wal_truncation.observe(took);
        let late = || self.head.out_of_order.first_file();
        let truncate = || {
            self.head.files.truncate(old, late)?;
            self.truncate_wal(time, share, leaving)
        };
        let result = timed(note, truncate);
        if let Err(error) = &result {
            self.reserve.note(error);
            count(&self.wal_counters.truncations_failed, 1);
        }
        result
    }

    /// Replaces the older part of the log by a checkpoint.
    fn truncate_wal(
        &self,
        time: TimestampMs,
        share: Share,
        leaving: &HashSet<u32>,
    ) -> Result<bool, Error> {
        let current = {
            let _alone = self.sync.lock();
            let mut wal = self.wal.lock();
            if !leaving.is_empty() {
                // A record of nothing, so that there is a segment behind the last checkpoint, which
                // would stay as it is otherwise.
                let mut nothing = Vec::new();
                record::begin_tombstones(&mut nothing);
                wal.log(vec![Record::new(&nothing)])?;
            }
            wal.cut()?;
            wal.current_number()
        };
        let listing = segments::list(&*self.fs, &self.wal_dir)?;
        let last = match share {
            Share::Most => checkpoint::last_to_include(&listing, current),
            Share::All => listing.segments.iter().map(|s| s.0).filter(|n| *n < current).max(),
        };
        let Some(last) = last else { return Ok(false) };
        count(&self.wal_counters.checkpoints, 1);
        let removed: HashMap<u64, u64> = self.removed.lock().clone();
        let keep = |series: u64| {
            let now =
                self.recovery.found().aliases.get(&series).map_or(series, |id| u64::from(*id));
            let leaves = |id: u32| leaving.contains(&id) && self.head.is_unlogged(id);
            if !leaving.is_empty() && u32::try_from(now).is_ok_and(leaves) {
                return false;
            }
            let expires = removed.get(&series).is_some_and(|until| *until > last);
            expires || self.head.has(now) || self.head.has(series)
        };
        let bytes = self.options.wal_segment_bytes;
        // What was deleted stays so where samples came out of order, which another log has.
        // So it does where chunks in files have older samples.
        let late = self.head.out_of_order.span().map_or(time, |late| late.0.min(time));
        let times = (time, late.min(self.head.files.min_time()));
        let made = checkpoint::create(&self.fs, &self.wal_dir, &listing, last, times, &keep, bytes);
        if made.is_err() {
            count(&self.wal_counters.checkpoints_failed, 1);
        }
        made?;
        self.removed.lock().retain(|_, until| *until > last);
        let listing = segments::list(&*self.fs, &self.wal_dir)?;
        count(&self.upkeep.checkpoints_deleted, 1);
        checkpoint::remove_covered(&*self.fs, &self.wal_dir, &listing)
            .inspect_err(|_| count(&self.upkeep.checkpoints_not_deleted, 1))?;
        Ok(true)
    }
}
