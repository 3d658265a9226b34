//! The time-series database: head, write-ahead log and chunks in Prometheus' formats.
//!
//! A batch goes through [`Db`]'s appender into the log ([`wal`]) and then into the head, where
//! queries find it; opening replays the log. [`block`]s hold what is older. All files are reached
//! through [`fs`].

pub mod block;
pub mod check;
pub mod chunk;
pub mod fs;
pub mod wal;

mod appender;
mod blocks;
mod codec;
mod compact;
mod db;
mod delete;
mod error;
mod exemplars;
mod head;
mod head_chunks;
mod maintenance;
mod merge;
mod metrics;
mod opening;
mod options;
mod out_of_order_log;
mod querier;
mod read_only;
mod replay;
mod reserve;
mod sample;
mod snapshot;
mod stats;

pub use blocks::{OpenedBlocks, open_blocks};
pub use db::Db;
pub use delete::DELETED_RANGES_MAX;
pub use error::Error;
pub use maintenance::{Clock, Maintenance};
pub use merge::block_querier;
pub use options::{CHUNK_RANGE_MS, Options};
pub use read_only::ReadOnlyFs;
pub use replay::{ReplayProgress, ReplayReport};
pub use reserve::{RESERVE_BYTES, RESERVE_FILE};
pub use stats::{Cardinality, Stat, Stats};
