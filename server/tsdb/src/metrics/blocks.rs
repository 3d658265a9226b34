//! What is said of blocks.

use common_instrument::{Family, Samples};

use super::load;
use crate::blocks::Blocks;

const LOADED: Family =
    Family::gauge("prometheus_tsdb_blocks_loaded", "Number of currently loaded data blocks");
const BYTES: Family = Family::gauge(
    "prometheus_tsdb_storage_blocks_bytes",
    "The number of bytes that are currently used for local storage by all blocks.",
);
const OUTLINE_BYTES: Family =
    Family::gauge("hearth_tsdb_block_outline_bytes", "Bytes of memory that open blocks take.");
const SYMBOL_BYTES: Family = Family::gauge(
    "prometheus_tsdb_symbol_table_size_bytes",
    "Size of symbol table in memory for loaded blocks",
);
const BROKEN: Family = Family::gauge(
    "hearth_tsdb_blocks_broken",
    "Number of blocks in the directory that cannot be opened and are left out.",
);
const RELOADS: Family = Family::counter(
    "prometheus_tsdb_reloads_total",
    "Number of times the database reloaded block data from disk.",
);
const RELOADS_FAILED: Family = Family::counter(
    "prometheus_tsdb_reloads_failures_total",
    "Number of times the database failed to reloadBlocks block data from disk.",
);
const BY_TIME: Family = Family::counter(
    "prometheus_tsdb_time_retentions_total",
    "The number of times that blocks were deleted because the maximum time limit was exceeded.",
);
const BY_SIZE: Family = Family::counter(
    "prometheus_tsdb_size_retentions_total",
    "The number of times that blocks were deleted because the maximum number of bytes was exceeded.",
);
const BYTES_MAX: Family = Family::gauge(
    "prometheus_tsdb_retention_limit_bytes",
    "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled",
);

const PERCENTAGE: Family = Family::gauge(
    "prometheus_tsdb_retention_limit_percentage",
    "Max percentage of total storage space to be retained in the tsdb blocks, configured 0 means disabled",
);

/// Adds them; returns the first time of all blocks.
pub(super) fn collect(
    samples: &mut Samples,
    blocks: &Blocks,
    bytes_max: u64,
    percentage: f64,
) -> Option<i64> {
    let list = blocks.list();
    let open = || list.iter().map(|open| &open.block);
    samples.push(&LOADED, &[], list.len() as f64);
    samples.push(&BYTES, &[], open().map(|block| block.size_bytes()).sum::<u64>() as f64);
    let outline = open().map(|block| block.heap_bytes()).sum::<usize>();
    samples.push(&OUTLINE_BYTES, &[], outline as f64);
    let symbols = open().map(|block| block.symbol_bytes()).sum::<usize>();
    samples.push(&SYMBOL_BYTES, &[], symbols as f64);
    samples.push(&BROKEN, &[], blocks.broken() as f64);
    let counters = &blocks.counters;
    samples.push(&RELOADS, &[], load(&counters.reloads));
    samples.push(&RELOADS_FAILED, &[], load(&counters.reloads_failed));
    samples.push(&BY_TIME, &[], load(&counters.dropped_for_time));
    samples.push(&BY_SIZE, &[], load(&counters.dropped_for_size));
    samples.push(&BYTES_MAX, &[], bytes_max as f64);
    samples.push(&PERCENTAGE, &[], percentage);
    list.first().map(|open| open.block.meta().min_time)
}
