//! The write-ahead log in Prometheus' format: segments of pages of checksummed record fragments.

pub mod checkpoint;
pub mod histograms;
pub mod markers;
pub mod page;
pub mod reader;
pub mod record;
pub mod repair;
pub mod segments;
mod started;
pub mod writer;

pub use reader::{Event, SegmentReader};
pub use writer::{SyncTicket, Wal};

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::upkeep::SyncSeconds;

/// Bytes a segment has at most, unless the options say otherwise.
pub const SEGMENT_BYTES: u64 = 128 << 20;

/// What the log counts.
#[derive(Debug, Default)]
pub struct WalCounters {
    /// Places where stored bytes were not what was written; a torn tail is none.
    pub corruptions: AtomicU64,
    /// Tails that a crash tore and that were cut.
    pub torn_tails: AtomicU64,
    /// Corrupt segments put aside.
    pub quarantined: AtomicU64,
    /// Batches that could not be written.
    pub writes_failed: AtomicU64,
    /// Syncs that failed, each of which cost a segment.
    pub syncs_failed: AtomicU64,
    /// How long syncs took that succeeded.
    pub sync_seconds: SyncSeconds,
    /// Pages filled.
    pub pages_completed: AtomicU64,
    /// Writes to a segment.
    pub page_flushes: AtomicU64,
    /// Truncations of the log tried.
    pub truncations: AtomicU64,
    /// Truncations of the log that failed.
    pub truncations_failed: AtomicU64,
    /// Checkpoints tried.
    pub checkpoints: AtomicU64,
    /// Checkpoints that failed.
    pub checkpoints_failed: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
