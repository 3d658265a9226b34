//! What the database says of itself, under Prometheus' names where Prometheus has one.

mod blocks;
mod head_chunks;
mod out_of_order;
pub(crate) mod upkeep;

use std::sync::atomic::{AtomicU64, Ordering};

use common_instrument::{CollectError, Collector, Family, Samples};

use crate::db::{Db, Inner};
use crate::exemplars;
use crate::head::HeadCounters;
use crate::wal::{WalCounters, segments};

/// A counter of the head, or of the log.
type Read<T> = fn(&T) -> &AtomicU64;

const HEAD_COUNTERS: &[(Family, Read<HeadCounters>)] = &[
    (
        Family::counter(
            "prometheus_tsdb_head_series_created_total",
            "Total number of series created in the head",
        ),
        |c| &c.series_created,
    ),
    (
        Family::counter(
            "prometheus_tsdb_head_series_removed_total",
            "Total number of series removed in the head",
        ),
        |c| &c.series_removed,
    ),
    (
        Family::counter(
            "prometheus_tsdb_head_chunks_created_total",
            "Total number of chunks created in the head",
        ),
        |c| &c.chunks_created,
    ),
    (
        Family::counter(
            "prometheus_tsdb_head_chunks_removed_total",
            "Total number of chunks removed in the head",
        ),
        |c| &c.chunks_removed,
    ),
    (
        Family::counter(
            "prometheus_tsdb_head_truncations_total",
            "Total number of head truncations attempted.",
        ),
        |c| &c.truncations,
    ),
    (
        Family::counter(
            "hearth_tsdb_duplicate_samples_total",
            "Samples refused because another value stands at their time.",
        ),
        |c| &c.duplicates,
    ),
    (
        Family::counter(
            "hearth_tsdb_limit_refused_total",
            "Samples and metadata refused because a limit of the store was reached.",
        ),
        |c| &c.limit_refused,
    ),
    (
        Family::counter(
            "hearth_tsdb_chunks_dropped_for_space_total",
            "Chunks dropped before their retention ended because chunks took too many bytes.",
        ),
        |c| &c.chunks_dropped_for_space,
    ),
];

const WAL_COUNTERS: &[(Family, Read<WalCounters>)] = &[
    (
        Family::counter(
            "prometheus_tsdb_wal_corruptions_total",
            "Total number of WAL corruptions.",
        ),
        |c| &c.corruptions,
    ),
    (
        Family::counter(
            "prometheus_tsdb_wal_writes_failed_total",
            "Total number of write log writes that failed.",
        ),
        |c| &c.writes_failed,
    ),
    (
        Family::counter(
            "prometheus_tsdb_wal_completed_pages_total",
            "Total number of completed pages.",
        ),
        |c| &c.pages_completed,
    ),
    (
        Family::counter("prometheus_tsdb_wal_page_flushes_total", "Total number of page flushes."),
        |c| &c.page_flushes,
    ),
    (
        Family::counter(
            "prometheus_tsdb_wal_truncations_total",
            "Total number of write log truncations attempted.",
        ),
        |c| &c.truncations,
    ),
    (
        Family::counter(
            "prometheus_tsdb_wal_truncations_failed_total",
            "Total number of write log truncations that failed.",
        ),
        |c| &c.truncations_failed,
    ),
    (
        Family::counter(
            "prometheus_tsdb_checkpoint_creations_total",
            "Total number of checkpoint creations attempted.",
        ),
        |c| &c.checkpoints,
    ),
    (
        Family::counter(
            "prometheus_tsdb_checkpoint_creations_failed_total",
            "Total number of checkpoint creations that failed.",
        ),
        |c| &c.checkpoints_failed,
    ),
    (
        Family::counter(
            "hearth_tsdb_wal_torn_tails_total",
            "Ends of the log that a crash tore and that were cut.",
        ),
        |c| &c.torn_tails,
    ),
    (
        Family::counter(
            "hearth_tsdb_wal_quarantined_segments_total",
            "Damaged segments of the log that were put aside.",
        ),
        |c| &c.quarantined,
    ),
    (
        Family::counter(
            "hearth_tsdb_wal_fsync_failed_total",
            "Syncs of the log that failed, each of which cost a segment.",
        ),
        |c| &c.syncs_failed,
    ),
];

const APPENDED: Family = Family::counter(
    "prometheus_tsdb_head_samples_appended_total",
    "Total number of appended samples.",
);
const OUT_OF_ORDER: Family = Family::counter(
    "prometheus_tsdb_out_of_order_samples_total",
    "Total number of out of order samples ingestion failed attempts due to out of order being disabled.",
);
const OUT_OF_BOUNDS: Family = Family::counter(
    "prometheus_tsdb_out_of_bound_samples_total",
    "Total number of out of bound samples ingestion failed attempts with out of order support disabled.",
);
const SERIES: Family =
    Family::gauge("prometheus_tsdb_head_series", "Total number of series in the head block.");
const CHUNKS: Family =
    Family::gauge("prometheus_tsdb_head_chunks", "Total number of chunks in the head block.");
const CHUNK_BYTES: Family =
    Family::gauge("hearth_tsdb_head_chunk_bytes", "Bytes of all chunks in memory.");
const SYMBOL_BYTES: Family = Family::gauge(
    "hearth_tsdb_head_symbol_bytes",
    "Bytes of all label names and values in memory.",
);
const MIN_TIME: Family = Family::gauge(
    "prometheus_tsdb_head_min_time",
    "Minimum time bound of the head block. The unit is decided by the library consumer.",
);
const MIN_TIME_SECONDS: Family =
    Family::gauge("prometheus_tsdb_head_min_time_seconds", "Minimum time bound of the head block.");
const MAX_TIME: Family = Family::gauge(
    "prometheus_tsdb_head_max_time",
    "Maximum timestamp of the head block. The unit is decided by the library consumer.",
);
const MAX_TIME_SECONDS: Family =
    Family::gauge("prometheus_tsdb_head_max_time_seconds", "Maximum timestamp of the head block.");
const LOWEST: Family = Family::gauge(
    "prometheus_tsdb_lowest_timestamp",
    "Lowest timestamp value stored in the database. The unit is decided by the library consumer.",
);
const LOWEST_SECONDS: Family = Family::gauge(
    "prometheus_tsdb_lowest_timestamp_seconds",
    "Lowest timestamp value stored in the database.",
);
const RETENTION: Family = Family::gauge(
    "prometheus_tsdb_retention_limit_seconds",
    "How long to retain samples in storage.",
);
const REPLAY: Family = Family::gauge(
    "prometheus_tsdb_data_replay_duration_seconds",
    "Time taken to replay the data on disk.",
);
const REPLAYING: Family = Family::gauge(
    "hearth_tsdb_replaying",
    "Whether the log is still being replayed, so that queries miss samples and appends wait.",
);
const SEGMENT: Family = Family::gauge(
    "prometheus_tsdb_wal_segment_current",
    "Write log segment index that TSDB is currently writing to.",
);
const WAL_BYTES: Family =
    Family::gauge("prometheus_tsdb_wal_storage_size_bytes", "Size of the write log directory.");

impl Collector for Db {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let inner = &*self.inner;
        let counters = &inner.head.counters;
        for (family, read) in HEAD_COUNTERS {
            samples.push(family, &[], load(read(counters)));
        }
        for (family, read) in WAL_COUNTERS {
            samples.push(family, &[], load(read(&inner.wal_counters)));
        }
        let float = [("type", "float")];
        let histogram = [("type", "histogram")];
        samples.push(&APPENDED, &float, load(&counters.samples_appended));
        samples.push(&APPENDED, &histogram, load(&counters.histograms_appended));
        samples.push(&OUT_OF_ORDER, &float, load(&counters.out_of_order));
        samples.push(&OUT_OF_BOUNDS, &float, load(&counters.out_of_bounds));
        let stats = self.stats();
        samples.push(&SERIES, &[], stats.series as f64);
        samples.push(&CHUNKS, &[], stats.chunks as f64);
        samples.push(&CHUNK_BYTES, &[], stats.chunk_bytes as f64);
        samples.push(&SYMBOL_BYTES, &[], inner.head.symbols.read().text_bytes() as f64);
        let bytes_max = inner.retention_bytes.load(Ordering::Relaxed);
        let percentage = f64::from_bits(inner.retention_percentage.load(Ordering::Relaxed));
        let first = blocks::collect(samples, &inner.blocks, bytes_max, percentage);
        let lowest = first.unwrap_or(stats.min_time).min(stats.min_time);
        times(samples, stats.min_time, stats.max_time, lowest);
        inner.compaction.collect(samples);
        inner.stale.collect(samples);
        out_of_order::collect(samples, inner);
        head_chunks::collect(samples, &inner.head.files);
        exemplars::collect(samples, &inner.head);
        samples.push(&RETENTION, &[], inner.retention_ms.load(Ordering::Relaxed) as f64 / 1000.0);
        crate::reserve::collect(samples, inner);
        log(samples, inner);
        Ok(())
    }
}

fn times(samples: &mut Samples, min: i64, max: i64, lowest: i64) {
    let seconds = |ms: i64| (ms as f64 / 1000.0).trunc();
    for (family, value) in [
        (&MIN_TIME, min as f64),
        (&MIN_TIME_SECONDS, seconds(min)),
        (&MAX_TIME, max as f64),
        (&MAX_TIME_SECONDS, seconds(max)),
        (&LOWEST, lowest as f64),
        (&LOWEST_SECONDS, seconds(lowest)),
    ] {
        samples.push(family, &[], value);
    }
}

fn log(samples: &mut Samples, inner: &Inner) {
    samples.push(&REPLAYING, &[], f64::from(u8::from(!inner.recovery.is_done())));
    samples.push(&REPLAY, &[], inner.recovery.found().took.as_secs_f64());
    samples.push(&SEGMENT, &[], inner.wal.lock().current_number() as f64);
    inner.upkeep.collect(samples, &inner.wal_counters.sync_seconds);
    if let Ok(bytes) = segments::bytes(&*inner.fs, &inner.wal_dir) {
        samples.push(&WAL_BYTES, &[], bytes as f64);
    }
}

fn load(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}
