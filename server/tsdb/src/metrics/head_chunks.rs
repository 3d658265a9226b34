//! What is said of chunks in files.

use std::sync::atomic::AtomicU64;

use common_instrument::{Family, Samples};

use super::load;
use crate::head_chunks::{HeadChunkCounters, HeadChunks};

/// One of the counters.
type Read = fn(&HeadChunkCounters) -> &AtomicU64;

const COUNTERS: &[(Family, Read)] = &[
    (
        Family::counter(
            "prometheus_tsdb_mmap_chunks_total",
            "Total number of chunks that were memory-mapped.",
        ),
        |c| &c.chunks,
    ),
    (
        Family::counter(
            "prometheus_tsdb_mmap_chunk_corruptions_total",
            "Total number of memory-mapped chunk corruptions.",
        ),
        |c| &c.corruptions,
    ),
    (
        Family::counter(
            "hearth_tsdb_head_chunks_torn_tails_total",
            "Ends of files of head chunks that a crash tore and that were cut.",
        ),
        |c| &c.torn_tails,
    ),
    (
        Family::counter(
            "hearth_tsdb_head_chunks_quarantined_files_total",
            "Damaged files of head chunks that were put aside.",
        ),
        |c| &c.quarantined,
    ),
    (
        Family::counter(
            "hearth_tsdb_head_chunks_write_failures_total",
            "Times that full chunks stayed in memory because they could not be written to a file.",
        ),
        |c| &c.writes_failed,
    ),
];

const BYTES: Family = Family::gauge(
    "prometheus_tsdb_head_chunks_storage_size_bytes",
    "Size of the chunks_head directory.",
);

/// Adds them.
pub(super) fn collect(samples: &mut Samples, files: &HeadChunks) {
    for (family, read) in COUNTERS {
        samples.push(family, &[], load(read(&files.counters)));
    }
    samples.push(&BYTES, &[], files.bytes() as f64);
}
