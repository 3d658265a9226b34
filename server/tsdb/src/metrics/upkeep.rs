//! How long upkeep took, and how many appends there were, under Prometheus' names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use common_instrument::{Child, Family, Histogram, Samples, Summary};

use super::load;

const HEAD_GC: Family = Family::summary(
    "prometheus_tsdb_head_gc_duration_seconds",
    "Runtime of garbage collection in the head block.",
);
const WAL_TRUNCATION: Family =
    Family::summary("prometheus_tsdb_wal_truncate_duration_seconds", "Duration of WAL truncation.");
const FSYNC: Family =
    Family::summary("prometheus_tsdb_wal_fsync_duration_seconds", "Duration of write log fsync.");
const TOMBSTONES: Family = Family::histogram(
    "prometheus_tsdb_tombstone_cleanup_seconds",
    "The time taken to recompact blocks to remove tombstones.",
);
const CHECKPOINTS_DELETED: Family = Family::counter(
    "prometheus_tsdb_checkpoint_deletions_total",
    "Total number of checkpoint deletions attempted.",
);
const CHECKPOINTS_NOT_DELETED: Family = Family::counter(
    "prometheus_tsdb_checkpoint_deletions_failed_total",
    "Total number of checkpoint deletions that failed.",
);
const APPENDERS: Family = Family::gauge(
    "prometheus_tsdb_head_active_appenders",
    "Number of currently active appender transactions",
);
const LAST_APPEND: Family = Family::gauge(
    "prometheus_tsdb_isolation_high_watermark",
    "The highest TSDB append ID that has been given out.",
);
const FIRST_APPEND: Family = Family::gauge(
    "prometheus_tsdb_isolation_low_watermark",
    "The lowest TSDB append ID that is still referenced.",
);
/// What cannot fail, or does not exist here.
const NEVER: [Family; 3] = [
    Family::counter(
        "prometheus_tsdb_head_truncations_failed_total",
        "Total number of head truncations that failed.",
    ),
    Family::counter(
        "prometheus_tsdb_head_series_not_found_total",
        "Total number of requests for series that were not found.",
    ),
    Family::counter(
        "prometheus_tsdb_snapshot_replay_error_total",
        "Total number snapshot replays that failed.",
    ),
];

/// What is measured.
#[derive(Debug)]
pub(crate) struct Upkeep {
    pub(crate) head_gc: Summary,
    pub(crate) wal_truncation: Summary,
    pub(crate) tombstones: Histogram,
    pub(crate) checkpoints_deleted: AtomicU64,
    pub(crate) checkpoints_not_deleted: AtomicU64,
    pub(crate) appends: AtomicU64,
    pub(crate) appends_ended: AtomicU64,
}

impl Default for Upkeep {
    fn default() -> Upkeep {
        Upkeep {
            head_gc: Summary::new(&[]),
            wal_truncation: Summary::new(&[]),
            tombstones: Histogram::new(&[]),
            checkpoints_deleted: AtomicU64::new(0),
            checkpoints_not_deleted: AtomicU64::new(0),
            appends: AtomicU64::new(0),
            appends_ended: AtomicU64::new(0),
        }
    }
}

impl Upkeep {
    /// Adds all of it, and how long syncs of the log took.
    pub(super) fn collect(&self, samples: &mut Samples, syncs: &SyncSeconds) {
        let push = |samples: &mut Samples, family: &Family, summary: &Summary| {
            summary.push(samples, family.name, family.help, &[]);
        };
        push(samples, &HEAD_GC, &self.head_gc);
        push(samples, &WAL_TRUNCATION, &self.wal_truncation);
        push(samples, &FSYNC, &syncs.0);
        self.tombstones.push(samples, TOMBSTONES.name, TOMBSTONES.help, &[]);
        samples.push(&CHECKPOINTS_DELETED, &[], load(&self.checkpoints_deleted));
        samples.push(&CHECKPOINTS_NOT_DELETED, &[], load(&self.checkpoints_not_deleted));
        // In this order, so that there are never fewer than none.
        let ended = self.appends_ended.load(Ordering::Acquire);
        let begun = self.appends.load(Ordering::Acquire);
        let active = begun.saturating_sub(ended);
        samples.push(&APPENDERS, &[], active as f64);
        samples.push(&LAST_APPEND, &[], begun as f64);
        samples.push(&FIRST_APPEND, &[], (begun - active.min(begun)) as f64);
        for family in &NEVER {
            samples.push(family, &[], 0.0);
        }
    }
}

/// How long syncs of a log took.
#[derive(Debug)]
pub struct SyncSeconds(pub(crate) Summary);

impl Default for SyncSeconds {
    fn default() -> SyncSeconds {
        SyncSeconds(Summary::new(&[0.5, 0.9, 0.99]))
    }
}

/// Does something, and notes how long it took.
pub(crate) fn timed<T>(note: impl FnOnce(f64), act: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let outcome = act();
    note(began.elapsed().as_secs_f64());
    outcome
}
