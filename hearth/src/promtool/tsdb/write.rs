//! Blocks written from samples that were collected in memory.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;

use common_model::Labels;
use server_tsdb::block::{Block, BlockMeta, BlockWriter, ChunkCutter, ulid};

use super::real_fs;

/// What a block says of itself, and its bytes.
pub(super) type Row = (BlockMeta, u64);

/// Writes a block of series in order of labels; `None` where there are none.
pub(super) fn block<'a>(
    dir: &Path,
    series: impl IntoIterator<Item = (&'a Labels, ChunkCutter)>,
) -> Result<Option<Row>, server_tsdb::Error> {
    let fs = real_fs();
    let name = new_name();
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

/// A name that no other block has.
fn new_name() -> String {
    let now = common_service::clock::system_time().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_millis() as u64);
    let mut random = [0; 10];
    for part in random.chunks_mut(8) {
        // Each of these states is seeded anew.
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(now);
        let bytes = hasher.finish().to_le_bytes();
        part.copy_from_slice(&bytes[..part.len()]);
    }
    ulid(now, random)
}
