//! What can be set about the database.

use std::path::PathBuf;

use crate::wal::SEGMENT_BYTES;

/// Two hours: the range of a first block, and the longest a chunk may span.
pub const CHUNK_RANGE_MS: i64 = 2 * 60 * 60 * 1000;

/// Settings of a database; start from [`Options::new`].
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory, as Prometheus' `--storage.tsdb.path`.
    pub dir: PathBuf,
    /// How long samples are kept.
    pub retention_ms: i64,
    /// Bytes of blocks and log together; when there are more the oldest blocks go. Zero is no limit.
    pub retention_bytes: u64,
    /// The same as a part of the disk in percent; where it is not zero it prevails.
    pub retention_percentage: f64,
    /// Bytes of all chunks in memory; when there are more the oldest go, whatever the retention,
    /// but none of the newest [`Options::chunk_range_ms`].
    pub chunk_bytes_max: u64,
    /// Series in memory; more are refused.
    pub series_max: usize,
    /// Samples in one batch; more are refused.
    pub batch_samples_max: usize,
    /// How far behind the newest sample others may be, in any order; zero takes them in order only.
    pub out_of_order_window_ms: i64,
    /// Samples out of order that wait for a block, in memory or in files of head chunks; more are
    /// refused.
    pub out_of_order_samples_max: u64,
    /// So many samples of a series out of order leave the memory for a file.
    pub out_of_order_chunk_samples: usize,
    /// Exemplars kept at a time; zero keeps and logs none.
    pub exemplars_max: usize,
    /// Size of the log's segments.
    pub wal_segment_bytes: u64,
    /// How long committed samples may wait for the disk; what a power cut can cost.
    pub sync_interval_ms: i64,
    /// How often old samples are looked for.
    pub truncate_interval_ms: i64,
    /// How often the directory is looked through for blocks that are new or too old.
    pub reload_interval_ms: i64,
    /// Range that no chunk crosses; half of it is how far behind the newest sample others may be.
    /// It is the range of a block made from the head, too.
    pub chunk_range_ms: i64,
    /// Longest range of a block that is made of others; zero is a tenth of the retention, at most 31
    /// days.
    pub block_range_max_ms: i64,
    /// Whether new chunks of floats have the XOR2 encoding, which Prometheus reads from 3.11 on.
    pub xor2: bool,
    /// Share of the series in memory from which on those that ended go to blocks; zero keeps them as
    /// long as others.
    pub stale_series_share: f64,
    /// How many they must be, besides.
    pub stale_series_min: usize,
    /// Bytes on the disk that are set aside for the day it is full; zero is none.
    pub reserve_bytes: u64,
}

impl Options {
    /// The defaults for a data directory.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Options {
        Options {
            dir: dir.into(),
            retention_ms: 15 * 24 * 60 * 60 * 1000,
            retention_bytes: 0,
            retention_percentage: 0.0,
            chunk_bytes_max: 128 << 20,
            series_max: 5_000_000,
            batch_samples_max: 16_000_000,
            out_of_order_window_ms: 0,
            out_of_order_samples_max: 2_000_000,
            out_of_order_chunk_samples: 32,
            exemplars_max: 0,
            wal_segment_bytes: SEGMENT_BYTES,
            sync_interval_ms: 1000,
            truncate_interval_ms: 60 * 60 * 1000,
            reload_interval_ms: 60 * 1000,
            chunk_range_ms: CHUNK_RANGE_MS,
            block_range_max_ms: 0,
            xor2: false,
            stale_series_share: 0.0,
            stale_series_min: 1,
            reserve_bytes: crate::reserve::RESERVE_BYTES,
        }
    }
}
