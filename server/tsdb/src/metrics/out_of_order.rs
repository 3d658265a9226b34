//! What is said of samples out of order and their log.

use common_instrument::{Family, Samples};

use super::load;
use crate::db::Inner;
use crate::wal::segments;

const APPENDED: Family = Family::counter(
    "prometheus_tsdb_head_out_of_order_samples_appended_total",
    "Total number of appended out of order samples.",
);
const TOO_OLD: Family = Family::counter(
    "prometheus_tsdb_too_old_samples_total",
    "Total number of out of order samples ingestion failed attempts with out of support enabled, but sample outside of time window.",
);
const WAITING: Family = Family::gauge(
    "hearth_tsdb_head_out_of_order_samples",
    "Samples out of order that wait to be written to blocks.",
);
const IN_FILES: Family = Family::gauge(
    "hearth_tsdb_head_out_of_order_samples_in_files",
    "Samples out of order that wait to be written to blocks in files of head chunks, not in memory.",
);
const SEGMENT: Family = Family::gauge(
    "prometheus_tsdb_out_of_order_wbl_segment_current",
    "Write log segment index that TSDB is currently writing to.",
);
const BYTES: Family = Family::gauge(
    "prometheus_tsdb_out_of_order_wbl_storage_size_bytes",
    "Size of the write log directory.",
);
const FAILED: Family = Family::counter(
    "prometheus_tsdb_out_of_order_wbl_writes_failed_total",
    "Total number of write log writes that failed.",
);
const CORRUPTIONS: Family = Family::counter(
    "hearth_tsdb_out_of_order_wbl_corruptions_total",
    "Damaged places in the log of samples out of order.",
);
const TORN: Family = Family::counter(
    "hearth_tsdb_out_of_order_wbl_torn_tails_total",
    "Ends of the log of samples out of order that a crash tore and that were cut.",
);

/// Adds them.
pub(super) fn collect(samples: &mut Samples, inner: &Inner) {
    let late = &inner.head.out_of_order;
    let float = [("type", "float")];
    samples.push(&APPENDED, &float, load(&late.appended));
    samples.push(&TOO_OLD, &float, load(&late.too_old));
    samples.push(&WAITING, &[], late.len() as f64);
    samples.push(&IN_FILES, &[], late.in_files() as f64);
    let log = inner.out_of_order_log.lock();
    samples.push(&SEGMENT, &[], log.wal.current_number() as f64);
    samples.push(&FAILED, &[], load(&log.counters.writes_failed));
    samples.push(&CORRUPTIONS, &[], load(&log.counters.corruptions));
    samples.push(&TORN, &[], load(&log.counters.torn_tails));
    if let Ok(bytes) = segments::bytes(&*inner.fs, &log.dir) {
        samples.push(&BYTES, &[], bytes as f64);
    }
}
