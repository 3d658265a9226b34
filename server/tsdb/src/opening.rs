//! Opening: what is on disk becomes head and blocks again, at once or while queries are answered.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::blocks::{self, Blocks, Retention};
use crate::compact::Left;
use crate::db::Inner;
use crate::fs::Fs;
use crate::maintenance::{bytes_of_disk, log_bytes};
use crate::replay::{Aliases, Replay, ReplayProgress, ReplayReport, SegmentOutcome};
use crate::wal::segments::{self, Listing, checkpoint_path, segment_path};
use crate::wal::{WalCounters, checkpoint, count, repair};
use crate::{Error, Options, snapshot};

/// What a replay left to know.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) report: ReplayReport,
    /// Numbers in the log's older part that mean a series with another number.
    pub(crate) aliases: Aliases,
    pub(crate) took: Duration,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    New,
    Running,
    Done,
}

/// How far the recovery of what the logs hold is.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    phase: Mutex<Phase>,
    changed: Condvar,
    done: AtomicBool,
    found: OnceLock<Found>,
    nothing: Found,
}

impl Recovery {
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// What was found; nothing before the end.
    pub(crate) fn found(&self) -> &Found {
        self.found.get().unwrap_or(&self.nothing)
    }

    /// Waits for the end.
    pub(crate) fn wait(&self) {
        if self.is_done() {
            return;
        }
        let mut phase = self.phase.lock();
        while *phase != Phase::Done {
            self.changed.wait(&mut phase);
        }
    }

    /// Waits until it began, and then for the end, but not longer than that.
    pub(crate) fn wait_for(&self, patience: Duration) {
        let mut phase = self.phase.lock();
        while *phase == Phase::New {
            self.changed.wait(&mut phase);
        }
        let until = Instant::now() + patience;
        while *phase != Phase::Done && !self.changed.wait_until(&mut phase, until).timed_out() {}
    }

    fn enter(&self, next: Phase) {
        self.done.store(next == Phase::Done, Ordering::Release);
        *self.phase.lock() = next;
        self.changed.notify_all();
    }
}

/// Says that the recovery ended, also where it came to a bad end: nobody waits forever.
struct Ending<'a>(&'a Inner);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What was not read may not be written over.
            self.0.give_up();
        }
        self.0.recovery.enter(Phase::Done);
    }
}

/// A log as it was found.
struct Log {
    dir: PathBuf,
    listing: Listing,
    /// The newest checkpoint: number, directory, segments in it.
    checkpoint: Option<(u64, PathBuf, Listing)>,
}

impl Log {
    fn find(fs: &dyn Fs, dir: PathBuf) -> Result<Log, Error> {
        let mut listing = segments::list(fs, &dir)?;
        match repair::finish(fs, &dir, &listing) {
            Ok(false) => {}
            Ok(true) => listing = segments::list(fs, &dir)?,
            Err(error) => tracing::warn!(%error, "an interrupted repair stays unfinished"),
        }
        let checkpoint = match listing.checkpoints.last().copied() {
            Some(number) => {
                let inside = checkpoint_path(&dir, number);
                let listing = segments::list(fs, &inside)?;
                Some((number, inside, listing))
            }
            None => None,
        };
        Ok(Log { dir, listing, checkpoint })
    }

    fn covered(&self) -> Option<u64> {
        self.checkpoint.as_ref().map(|checkpoint| checkpoint.0)
    }

    fn next_number(&self) -> u64 {
        let last = self.listing.segments.last().map(|(number, _)| *number);
        last.max(self.covered()).map_or(0, |number| number + 1)
    }
}

/// The logs as they were found, which have to be read yet.
pub(crate) struct Logs {
    wal: Log,
    late: Log,
}

impl Logs {
    pub(crate) fn find(fs: &dyn Fs, dir: &Path) -> Result<Logs, Error> {
        let wal_dir = dir.join("wal");
        if let Err(error) = fs.create_dir(&wal_dir) {
            // The log makes it when it has something to write.
            tracing::warn!(%error, dir = %wal_dir.display(), "cannot create the log's directory");
        }
        Ok(Logs { wal: Log::find(fs, wal_dir)?, late: Log::find(fs, dir.join("wbl"))? })
    }

    /// Numbers of the segments that come next, in order and out of order.
    pub(crate) fn next_numbers(&self) -> (u64, u64) {
        (self.wal.next_number(), self.late.next_number())
    }
}

/// Opens the blocks, after what a crash left of some was removed.
pub(crate) fn find_blocks(fs: &dyn Fs, options: &Options) -> Blocks {
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

impl Inner {
    /// Reads the logs into the head. Who wants to compact or delete waits meanwhile.
    pub(crate) fn recover(&self, logs: &Logs, progress: &ReplayProgress) {
        let _alone = self.compacting.lock();
        self.recovery.enter(Phase::Running);
        let _ending = Ending(self);
        let start = Instant::now();
        let (report, aliases) = self.recover_in_order(&logs.wal, progress);
        let report = self.recover_late(&logs.late, report, &aliases);
        if self.check_open().is_err() {
            tracing::info!("the replay of the log was given up");
            return;
        }
        self.take_up(&report);
        let found = Found { report, aliases, took: start.elapsed() };
        // Nobody else sets it.
        let _ = self.recovery.found.set(found);
    }

    /// Rebuilds the head and mends the log.
    fn recover_in_order(&self, log: &Log, progress: &ReplayProgress) -> (ReplayReport, Aliases) {
        let fs = &*self.fs;
        let awaiting = Mutex::default();
        let mut replay = Replay::new(&self.head, &awaiting);
        if let Some((_, dir, inside)) = &log.checkpoint {
            // The segments of a checkpoint have numbers of their own, which tell nobody anything.
            let unseen = ReplayProgress::default();
            self.replay_segments(&mut replay, (dir, inside, None), (&self.wal_counters, &unseen));
        }
        let segments = (&*log.dir, &log.listing, log.covered());
        self.replay_segments(&mut replay, segments, (&self.wal_counters, progress));
        if self.check_open().is_err() {
            return (replay.report, replay.aliases);
        }
        let doubts = replay.end();
        if let Err(error) = self.believe_log(doubts) {
            tracing::warn!(%error, "head chunks keep samples that the log does not have");
        }
        if let Err(error) = checkpoint::remove_covered(fs, &log.dir, &log.listing) {
            tracing::warn!(%error, "files the checkpoint covers stay behind");
        }
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
        (replay.report, replay.aliases)
    }

    /// Takes up the samples that came out of order.
    fn recover_late(&self, log: &Log, report: ReplayReport, aliases: &Aliases) -> ReplayReport {
        let counters = self.out_of_order_log.lock().counters.clone();
        let awaiting = Mutex::default();
        let mut replay = Replay::out_of_order(&self.head, &awaiting, report, aliases.clone());
        let unseen = ReplayProgress::default();
        self.replay_segments(&mut replay, (&log.dir, &log.listing, None), (&counters, &unseen));
        if self.check_open().is_ok() {
            self.head.out_of_order.await_files_anew(replay.refused.drain());
            if let Err(error) = self.map_late() {
                tracing::warn!(%error, "samples out of order stay in memory");
            }
            // Twice, since they were just used.
            self.head.files.forget_views();
            self.head.files.forget_views();
        }
        replay.report
    }

    /// Lets head and log begin behind the blocks.
    fn take_up(&self, report: &ReplayReport) {
        // Of the log the head has only what blocks made from a head do not cover; queries drop what
        // others hold too. New samples must lie behind all of them.
        let covered = self.head.compacted_until.load(Ordering::Acquire);
        if covered > i64::MIN {
            // Series whose samples are all in blocks.
            self.forget_in_head(covered);
            if report.samples_covered == 0 {
                *self.left.lock() = Left { head: Some(covered), log: Some(covered) };
            }
        }
        if report.series_left > 0 {
            // Those that did not come back.
            self.forget_in_head(i64::MIN);
        }
        if let Some(time) = self.blocks.max_time() {
            self.head.min_valid_time.fetch_max(time, Ordering::AcqRel);
        }
    }

    /// Replays the segments behind `covered` and mends those that need it.
    fn replay_segments(
        &self,
        replay: &mut Replay<'_>,
        (dir, listing, covered): (&Path, &Listing, Option<u64>),
        (counters, progress): (&WalCounters, &ReplayProgress),
    ) {
        let fs = &*self.fs;
        let wanted = |number: &u64| covered.is_none_or(|covered| *number > covered);
        let numbers: Vec<u64> = listing.segments.iter().map(|s| s.0).filter(wanted).collect();
        if let (Some(first), Some(last)) = (numbers.first(), numbers.last()) {
            progress.begin(*first, *last);
        }
        let go_on = || self.check_open().is_ok();
        for &number in &numbers {
            progress.reach(number);
            let is_last = numbers.last() == Some(&number);
            match replay.segment(fs, &segment_path(dir, number), &go_on) {
                Ok(None) => return,
                Ok(Some(outcome)) => mend(replay, fs, dir, number, is_last, &outcome, counters),
                Err(error) => {
                    tracing::error!(%error, "a segment of the log cannot be read");
                    replay.report.corruptions += 1;
                    count(&counters.corruptions, 1);
                }
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
