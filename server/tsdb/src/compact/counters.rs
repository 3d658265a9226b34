//! What is counted about compactions, under Prometheus' names.

use std::sync::atomic::{AtomicU64, Ordering};

use common_instrument::{Child, Family, Histogram, Samples, exponential_buckets};

use crate::block::EncodedChunk;

const TRIGGERED: Family = Family::counter(
    "prometheus_tsdb_compactions_triggered_total",
    "Total number of triggered compactions for the partition.",
);
const RAN: Family = Family::counter(
    "prometheus_tsdb_compactions_total",
    "Total number of compactions that were executed for the partition.",
);
const FAILED: Family = Family::counter(
    "prometheus_tsdb_compactions_failed_total",
    "Total number of compactions that failed for the partition.",
);
const SKIPPED: Family = Family::counter(
    "prometheus_tsdb_compactions_skipped_total",
    "Total number of skipped compactions due to disabled auto compaction.",
);
const VERTICAL: Family = Family::counter(
    "prometheus_tsdb_vertical_compactions_total",
    "Total number of compactions done on overlapping blocks.",
);
const POPULATING: Family = Family::gauge(
    "prometheus_tsdb_compaction_populating_block",
    "Set to 1 when a block is currently being written to the disk.",
);
const DURATION: Family =
    Family::histogram("prometheus_tsdb_compaction_duration_seconds", "Duration of compaction runs");
const SIZE: Family = Family::histogram(
    "prometheus_tsdb_compaction_chunk_size_bytes",
    "Final size of chunks on their first compaction",
);
const SAMPLES: Family = Family::histogram(
    "prometheus_tsdb_compaction_chunk_samples",
    "Final number of samples on their first compaction",
);
const RANGE: Family = Family::histogram(
    "prometheus_tsdb_compaction_chunk_range_seconds",
    "Final time range of chunks on their first compaction",
);

/// Counters of compactions.
#[derive(Debug)]
pub(crate) struct CompactionCounters {
    pub(crate) triggered: AtomicU64,
    pub(crate) ran: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) vertical: AtomicU64,
    /// Blocks that are being written.
    pub(crate) populating: AtomicU64,
    pub(crate) duration: Histogram,
    size: Histogram,
    samples: Histogram,
    range: Histogram,
}

impl Default for CompactionCounters {
    fn default() -> CompactionCounters {
        let histogram =
            |start, factor, count| Histogram::new(&exponential_buckets(start, factor, count));
        CompactionCounters {
            triggered: AtomicU64::new(0),
            ran: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            vertical: AtomicU64::new(0),
            populating: AtomicU64::new(0),
            duration: histogram(1.0, 2.0, 14),
            size: histogram(32.0, 1.5, 12),
            samples: histogram(4.0, 1.5, 12),
            range: histogram(100.0, 4.0, 10),
        }
    }
}

impl CompactionCounters {
    /// Takes note of a chunk that leaves the head.
    pub(crate) fn note(&self, chunk: &EncodedChunk<'_>) {
        self.size.observe(chunk.bytes.len() as f64);
        self.samples.observe(f64::from(chunk.samples()));
        // Milliseconds, whatever the name says: so the original counts.
        self.range.observe(chunk.max_time.saturating_sub(chunk.min_time) as f64);
    }

    /// Adds them.
    pub(crate) fn collect(&self, samples: &mut Samples) {
        let zero = AtomicU64::new(0);
        for (family, number) in [
            (&TRIGGERED, &self.triggered),
            (&RAN, &self.ran),
            (&FAILED, &self.failed),
            // Compaction cannot be disabled.
            (&SKIPPED, &zero),
            (&VERTICAL, &self.vertical),
            (&POPULATING, &self.populating),
        ] {
            samples.push(family, &[], number.load(Ordering::Relaxed) as f64);
        }
        for (family, histogram) in [
            (&DURATION, &self.duration),
            (&SIZE, &self.size),
            (&SAMPLES, &self.samples),
            (&RANGE, &self.range),
        ] {
            histogram.push(samples, family.name, family.help, &[]);
        }
    }
}
