//! Compaction: what is old enough moves from the head to a block, and small blocks into larger ones.
//!
//! The order makes a crash harmless at any point. A block is durable and visible before the head
//! lets go of its samples, and those before the log does; blocks go after the one that replaces
//! them. Samples that stand twice meanwhile are shown once: queries merge by time, and a start
//! forgets of the log what blocks have. Queries that began with an older list of blocks find in the
//! head what they need: it is truncated when they are done.

mod counters;
mod head;
mod merge;
mod out_of_order;
mod partial;
mod plan;
mod stale;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use common_model::TimestampMs;
use server_storage::Watch;

use crate::block::{BlockMeta, Classed};
use crate::db::{Db, Inner};
use crate::wal::count;
use crate::{Error, maintenance};

pub(crate) use counters::CompactionCounters;
pub(crate) use head::{Late, write_head};
pub(crate) use out_of_order::Writing;
pub(crate) use stale::StaleSeries;

/// How often it is looked whether there is anything to compact.
const COMPACT_INTERVAL_MS: i64 = 60 * 1000;
/// Blocks are merged that take at most this part of what may be kept in bytes: the new block is
/// written beside the old ones, and what is kept must have room for both.
const MERGE_PART: u64 = 10;

/// What a compaction needs from outside.
pub(crate) struct Pass<'a> {
    /// Gives names for blocks.
    pub(crate) name: &'a mut dyn FnMut() -> String,
    /// Ends it early.
    pub(crate) watch: &'a Watch,
    /// Whether the disk is full: the head goes to a block as far as it can, so that the log can be
    /// cut, and blocks stay as they are.
    pub(crate) is_urgent: bool,
}

impl Db {
    /// Moves samples to blocks, and blocks into larger ones, as is due. `name` gives names for blocks,
    /// as [`crate::block::ulid`] makes them. Ends early when the watch says so. After an error
    /// everything is as it was, but for what was done before, and it may be tried again.
    pub fn compact(&self, name: &mut dyn FnMut() -> String, watch: &Watch) -> Result<(), Error> {
        self.run(&mut Pass { name, watch, is_urgent: false })
    }

    /// The same for a disk that is full: see [`Pass::is_urgent`].
    pub(crate) fn compact_urgently(
        &self,
        name: &mut dyn FnMut() -> String,
        watch: &Watch,
    ) -> Result<(), Error> {
        self.run(&mut Pass { name, watch, is_urgent: true })
    }

    fn run(&self, pass: &mut Pass<'_>) -> Result<(), Error> {
        let inner = &self.inner;
        let _alone = inner.compacting.lock();
        inner.check_open()?;
        let before = inner.head.compacted_until.load(Ordering::Acquire);
        let written = inner.compact_head(pass);
        let with_head = before < inner.head.compacted_until.load(Ordering::Acquire);
        let left = inner.leave_head();
        let result = written
            .and(left)
            .and_then(|()| inner.compact_out_of_order(pass, with_head))
            .and_then(|()| inner.compact_stale(pass))
            .and_then(|()| if pass.is_urgent { Ok(()) } else { inner.compact_blocks(pass) });
        let result = result.inspect_err(|error| inner.reserve.note(error));
        if result.as_ref().is_err_and(|error| !matches!(error, Error::Interrupted)) {
            count(&inner.compaction.failed, 1);
        }
        result
    }

    /// Compacts when a minute has passed since the last time.
    pub fn compact_if_due(
        &self,
        now: TimestampMs,
        name: &mut dyn FnMut() -> String,
        watch: &Watch,
    ) -> Result<(), Error> {
        if !maintenance::falls_due(&self.inner, now, COMPACT_INTERVAL_MS, |s| &mut s.compacted) {
            return Ok(());
        }
        count(&self.inner.compaction.triggered, 1);
        self.compact(name, watch)
    }
}

impl Inner {
    /// Writes what is old enough to blocks, a range at a time. The caller holds the lock.
    fn compact_head(self: &Arc<Self>, pass: &mut Pass<'_>) -> Result<(), Error> {
        while let Some((_, end)) = self.head_range(pass.is_urgent) {
            self.head.refuse_before(end);
            if let Err(error) = self.heal_head_chunks(true) {
                tracing::warn!(%error, "damaged head chunks go to no block");
            }
            // A batch that was under way may have brought older ones.
            let Some((oldest, _)) = self.head.uncompacted() else { break };
            let ulid = (pass.name)();
            let meta = self.timed(|| head::compact(self, (oldest, end), &ulid, pass.watch))?;
            if let Some(meta) = meta {
                self.adopt(&meta)?;
            }
            self.head.compacted_until.fetch_max(end, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Makes blocks of blocks until none is due, or the head is. The caller holds the lock.
    fn compact_blocks(self: &Arc<Self>, pass: &mut Pass<'_>) -> Result<(), Error> {
        let ranges = plan::ranges(self.head.chunk_range_ms, self.block_range_max_ms());
        while self.head_range(pass.is_urgent).is_none() {
            let Some(parents) = self.next_parents(&ranges)? else { break };
            let ulid = (pass.name)();
            let (fs, dir) = (&self.fs, &self.options.dir);
            let made = self.timed(|| merge::compact(fs, dir, &ulid, &parents, pass.watch));
            let dirs: Vec<_> = parents.iter().map(|p| p.block.dir().to_owned()).collect();
            match made {
                Ok(made) => {
                    count(&self.compaction.vertical, u64::from(made.overlapped));
                    match made.meta {
                        Some(meta) => self.adopt(&meta)?,
                        // Nothing is left of them.
                        None => {
                            self.outlive(&dirs)?;
                            self.mark(&dirs, &|meta| meta.compaction.deletable = true)?;
                        }
                    }
                }
                Err(error @ Error::Corrupt { .. }) => {
                    // They stay as they are, and are not chosen again.
                    self.mark(&dirs, &|meta| meta.compaction.failed = true)?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The blocks to make one of. The oldest go first where bytes are limited, so that old and new
    /// have room beside each other.
    fn next_parents(&self, ranges: &[i64]) -> Result<Option<Vec<Classed>>, Error> {
        loop {
            let mut blocks = Vec::clone(&self.blocks.list());
            // A block of those that have some samples of times that the head still has, and of others,
            // would look as if the head had none of that time left.
            let covered = self.head.compacted_until.load(Ordering::Acquire);
            blocks.retain(|open| {
                let meta = open.block.meta();
                !meta.is_partial() || meta.max_time <= covered
            });
            let metas: Vec<&BlockMeta> = blocks.iter().map(|open| open.block.meta()).collect();
            let Some(places) = plan::choose(&metas, ranges) else { return Ok(None) };
            let parents: Vec<Classed> = places.iter().map(|at| blocks[*at].clone()).collect();
            let bytes: u64 = parents.iter().map(|open| open.block.size_bytes()).sum();
            let mut retention = self.retention();
            if retention.bytes == 0 {
                return Ok(Some(parents));
            }
            if bytes > retention.bytes / MERGE_PART {
                return Ok(None);
            }
            retention.log_bytes = retention.log_bytes.saturating_add(bytes);
            self.blocks.reload(&*self.fs, &self.options.dir, retention)?;
            let left = self.blocks.list();
            let is_there = |p: &Classed| left.iter().any(|b| Arc::ptr_eq(&b.block, &p.block));
            if parents.iter().all(is_there) {
                return Ok(Some(parents));
            }
        }
    }

    /// Makes a block that was just written visible, and those that it replaces go. One that cannot be
    /// opened is removed: all of it is still elsewhere.
    fn adopt(&self, meta: &BlockMeta) -> Result<(), Error> {
        let reloaded = self.reload_blocks();
        let dir = self.options.dir.join(&meta.ulid);
        if self.blocks.list().iter().any(|open| open.block.dir() == dir) {
            if let Err(error) = reloaded {
                tracing::warn!(%error, "a block was replaced or is too old, and stays for now");
            }
            return Ok(());
        }
        let problem = self.blocks.problem(&dir);
        if reloaded.is_ok() && problem.is_none() {
            // It is too old for what is to be kept.
            return Ok(());
        }
        // The error that was first is the one to tell.
        let _ = self.fs.remove_dir(&dir);
        reloaded?;
        Err(Error::Corrupt { path: dir, problem: problem.unwrap_or_default() })
    }

    fn mark(
        &self,
        dirs: &[std::path::PathBuf],
        change: &dyn Fn(&mut BlockMeta),
    ) -> Result<(), Error> {
        self.blocks.mark(&*self.fs, dirs, change)?;
        self.reload_blocks()
    }

    /// Counts a run and its time.
    fn timed<T>(&self, act: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        self.compaction.populating.store(1, Ordering::Relaxed);
        let outcome = act();
        self.compaction.populating.store(0, Ordering::Relaxed);
        count(&self.compaction.ran, 1);
        self.compaction.duration.observe_duration(start.elapsed());
        outcome
    }

    /// The longest range of a block: what the options say, or a tenth of the retention and at most 31
    /// days.
    fn block_range_max_ms(&self) -> i64 {
        let configured = self.options.block_range_max_ms;
        let derived = || {
            let tenth = self.retention_ms.load(Ordering::Relaxed) / 10;
            tenth.min(31 * 24 * 60 * 60 * 1000)
        };
        if configured > 0 { configured } else { derived() }
    }
}

/// Whether samples that blocks have were dropped from the head, and those from the log.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// The head has nothing before this time that blocks have.
    pub(crate) head: Option<TimestampMs>,
    /// Nor has the log, as far as its segments can be dropped.
    pub(crate) log: Option<TimestampMs>,
}
