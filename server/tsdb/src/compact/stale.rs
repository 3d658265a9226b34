//! Series that ended leave the memory before the others of their time: to blocks of their own, which
//! are merged with those of the others later.
//!
//! Where targets come and go most series of a head may be such. Their blocks say that they are
//! partial, in the words that all versions of Prometheus understand, and the log is cut of them, so
//! that a start does not bring them back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use common_instrument::{Child, Family, Histogram, Samples, exponential_buckets};
use parking_lot::Mutex;

use super::Pass;
use super::head::{Late, write_series};
use crate::Error;
use crate::block::{BlockWriter, EncodedChunk, FROM_OUT_OF_ORDER, FROM_STALE_SERIES};
use crate::db::{Db, Inner};
use crate::head::Ended;
use crate::maintenance::Share;
use crate::wal::count;

const SERIES: Family = Family::gauge(
    "prometheus_tsdb_head_stale_series",
    "Total number of stale series in the head block.",
);
const TRIGGERED: Family = Family::counter(
    "prometheus_tsdb_stale_series_compactions_triggered_total",
    "Total number of triggered stale series compactions.",
);
const FAILED: Family = Family::counter(
    "prometheus_tsdb_stale_series_compactions_failed_total",
    "Total number of stale series compactions that failed.",
);
const DURATION: Family = Family::histogram(
    "prometheus_tsdb_stale_series_compaction_duration_seconds",
    "Duration of stale series compaction runs.",
);

/// When they go, and what is known of them.
#[derive(Debug)]
pub(crate) struct StaleSeries {
    /// Bits of the share of all series from which on they go; zero keeps them.
    share: AtomicU64,
    /// How many they must be, besides.
    min: AtomicUsize,
    /// How many there were when it was looked last.
    found: AtomicUsize,
    triggered: AtomicU64,
    failed: AtomicU64,
    duration: Histogram,
    leaving: Mutex<Option<Leaving>>,
}

/// Series on their way out of the head.
#[derive(Debug)]
struct Leaving {
    /// In order of labels.
    ids: Vec<u32>,
    ended: Vec<Ended>,
    /// Blocks have their samples before this.
    until: i64,
    /// Blocks have everything: what is left are readers that do not know it, and the log.
    is_written: bool,
}

impl StaleSeries {
    pub(crate) fn new(share: f64, min: usize) -> StaleSeries {
        StaleSeries {
            share: AtomicU64::new(share.to_bits()),
            min: AtomicUsize::new(min),
            found: AtomicUsize::new(0),
            triggered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            duration: Histogram::new(&exponential_buckets(1.0, 2.0, 14)),
            leaving: Mutex::default(),
        }
    }

    fn is_due(&self, found: usize, series: usize) -> bool {
        let share = f64::from_bits(self.share.load(Ordering::Relaxed));
        let min = self.min.load(Ordering::Relaxed).max(1);
        share > 0.0 && found >= min && found as f64 >= share * series as f64
    }

    pub(crate) fn collect(&self, samples: &mut Samples) {
        samples.push(&SERIES, &[], self.found.load(Ordering::Relaxed) as f64);
        samples.push(&TRIGGERED, &[], self.triggered.load(Ordering::Relaxed) as f64);
        samples.push(&FAILED, &[], self.failed.load(Ordering::Relaxed) as f64);
        self.duration.push(samples, DURATION.name, DURATION.help, &[]);
    }
}

impl Db {
    /// From now on series that ended leave the memory when they are that share of all (zero keeps
    /// them) and at least so many.
    pub fn set_stale_series_limit(&self, share: f64, min: usize) {
        let stale = &self.inner.stale;
        stale.share.store(share.to_bits(), Ordering::Relaxed);
        stale.min.store(min, Ordering::Relaxed);
    }
}

impl Inner {
    /// Lets series that ended leave the head where they are many. The caller holds the lock.
    pub(super) fn compact_stale(self: &Arc<Self>, pass: &mut Pass<'_>) -> Result<(), Error> {
        let mut leaving = self.stale.leaving.lock();
        if leaving.is_none() {
            let ended = self.head.ended();
            self.stale.found.store(ended.len(), Ordering::Relaxed);
            if pass.is_urgent || !self.stale.is_due(ended.len(), self.head.index.read().len()) {
                return Ok(());
            }
            count(&self.stale.triggered, 1);
            let ids = self.head.sorted(ended.iter().map(|(id, _)| *id).collect());
            *leaving = Some(Leaving { ids, ended, until: i64::MIN, is_written: false });
        }
        let Some(state) = leaving.as_mut() else { return Ok(()) };
        let start = Instant::now();
        let outcome = self.let_leave(pass, state);
        match &outcome {
            Ok(true) => *leaving = None,
            Err(error) if !matches!(error, Error::Interrupted) => count(&self.stale.failed, 1),
            _ => {}
        }
        self.stale.duration.observe_duration(start.elapsed());
        outcome.map(|_| ())
    }

    /// Takes the steps that can be taken; says whether it was the last.
    fn let_leave(
        self: &Arc<Self>,
        pass: &mut Pass<'_>,
        state: &mut Leaving,
    ) -> Result<bool, Error> {
        if !state.is_written {
            if let Err(error) = self.heal_head_chunks(true) {
                tracing::warn!(%error, "damaged head chunks go to no block");
            }
            self.write_stale(pass, state)?;
            state.is_written = true;
        }
        if self.blocks.has_old_readers() {
            return Ok(false);
        }
        // The log first: what came back of one that was removed might be older than what the log had of it.
        self.head.unlog_ended(&state.ended);
        let until = self.head.compacted_until.load(Ordering::Acquire);
        let leaving = state.ids.iter().copied().collect();
        if !self.cut_log(until, Share::All, &leaving)? {
            return Ok(false);
        }
        let removed = self.head.remove_ended(&state.ended);
        tracing::info!(series = removed.len(), "series that ended left the memory");
        self.head.forget_tombstones(&removed, i64::MIN);
        Ok(true)
    }

    /// Writes blocks of what the head has of them.
    fn write_stale(
        self: &Arc<Self>,
        pass: &mut Pass<'_>,
        state: &mut Leaving,
    ) -> Result<(), Error> {
        let range = self.head.chunk_range_ms;
        // Blocks have what is before that, which the head may still have.
        let covered = self.head.compacted_until.load(Ordering::Acquire);
        let oldest = self.head.span().0.max(covered);
        let from = oldest.div_euclid(range).saturating_mul(range).max(covered);
        let Some(last) = state.ended.iter().map(|(_, at)| *at).max() else { return Ok(()) };
        let (ids, watch) = (&state.ids, pass.watch);
        let write = |writer: &mut BlockWriter, (start, end): (i64, i64)| {
            let note = |chunk: &EncodedChunk<'_>| self.compaction.note(chunk);
            write_series(self, writer, ids, (start, end - 1), (Late::Without, watch), &note)
        };
        // The first for versions that do not know the second, and would take the block for all of a head.
        let hints = [FROM_OUT_OF_ORDER, FROM_STALE_SERIES];
        self.write_partial(pass, (from, last), &mut state.until, &hints, &write)
    }
}
