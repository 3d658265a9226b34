//! `meta.json`: what a block says of itself. Keys that are not known here are kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A hint: the samples of the block came out of order.
pub(crate) const FROM_OUT_OF_ORDER: &str = "from-out-of-order";
/// Set of blocks of series that left the head before the others.
pub(crate) const FROM_STALE_SERIES: &str = "from-stale-series";
/// What says of a block that it has some of a head's samples and not the others of their time.
const PARTIAL: [&str; 3] = [FROM_OUT_OF_ORDER, FROM_STALE_SERIES, "from-selected-series"];

/// The only version there is.
pub(super) const META_VERSION: u32 = 1;

/// What a block says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockMeta {
    /// Name of the block and of its folder.
    pub ulid: String,
    /// Time of the first sample, or before.
    pub min_time: i64,
    /// The first time behind the last sample.
    pub max_time: i64,
    /// Sizes.
    #[serde(default)]
    pub stats: BlockStats,
    /// Where the block comes from.
    #[serde(default)]
    pub compaction: BlockCompaction,
    /// Version of the format, one.
    pub version: u32,
    /// Whatever else stands in the file, as Thanos' `thanos`.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Sizes of a block; zeros are not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockStats {
    /// Samples of all kinds.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_samples: u64,
    /// Float samples; blocks before Prometheus 3.5 do not say.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_float_samples: u64,
    /// Histogram samples.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_histogram_samples: u64,
    /// Series.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_series: u64,
    /// Chunks.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_chunks: u64,
    /// Deleted ranges.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_tombstones: u64,
}

/// Where a block comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockCompaction {
    /// One for a block made from samples, more for one made from blocks.
    pub level: u32,
    /// The blocks of level one that are in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Nothing is left in it.
    #[serde(skip_serializing_if = "is_false")]
    pub deletable: bool,
    /// The blocks it was made of and replaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<BlockParent>,
    /// Compacting it failed once.
    #[serde(skip_serializing_if = "is_false")]
    pub failed: bool,
    /// How it came about, as `from-out-of-order`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A block that was compacted into another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockParent {
    /// Its name.
    pub ulid: String,
    /// Its first time.
    pub min_time: i64,
    /// The first time behind it.
    pub max_time: i64,
}

impl BlockMeta {
    /// Reads the file's text.
    pub fn parse(text: &[u8]) -> Result<BlockMeta, String> {
        let meta: BlockMeta = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if meta.version != META_VERSION {
            return Err(format!("version {}, expected {META_VERSION}", meta.version));
        }
        if meta.min_time > meta.max_time {
            return Err(format!("time from {} to {}", meta.min_time, meta.max_time));
        }
        Ok(meta)
    }

    /// The file's text, indented as Prometheus does it.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let style = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut writer = serde_json::Serializer::with_formatter(&mut text, style);
        // Keys are texts and the sink is memory: neither can fail.
        let written = self.serialize(&mut writer);
        debug_assert!(written.is_ok(), "{written:?}");
        text
    }

    /// Whether a head may have other samples of the block's time: because these came out of order, or
    /// are those of some series alone.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.compaction.hints.iter().any(|hint| PARTIAL.contains(&&**hint))
    }

    /// Whether there may be samples in `[start, end]`.
    #[must_use]
    pub fn overlaps(&self, start: i64, end: i64) -> bool {
        self.min_time <= end && start < self.max_time
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}
