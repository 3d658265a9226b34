//! Blocks written from samples that were collected in memory.

use std::path::Path;

use common_model::Labels;
use server_tsdb::block::{Block, BlockMeta, BlockWriter, ChunkCutter};

use super::real_fs;
use crate::block_name::new_block_name;

/// What a block says of itself, and its bytes.
pub(super) type Row = (BlockMeta, u64);

/// Writes a block of series in order of labels; `None` where there are none.
pub(super) fn block<'a>(
    dir: &Path,
    series: impl IntoIterator<Item = (&'a Labels, ChunkCutter)>,
) -> Result<Option<Row>, server_tsdb::Error> {
    let fs = real_fs();
    let name = new_block_name();
    let mut writer = BlockWriter::create(fs.clone(), dir, &name)?;
    for (labels, cutter) in series {
        let chunks = cutter.into_chunks();
        let encoded: Vec<_> = chunks.iter().map(|chunk| chunk.as_encoded()).collect();
        writer.add_series(labels, &encoded)?;
    }
    let Some(meta) = writer.finish(None, None)? else { return Ok(None) };
    let bytes = Block::open(&*fs, &dir.join(&name))?.size_bytes();
    Ok(Some((meta, bytes)))
}
