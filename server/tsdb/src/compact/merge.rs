//! Making one block of several: series by series, chunks as they are unless they overlap.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use common_model::Labels;
use server_storage::Watch;

use crate::Error;
use crate::block::{
    BlockCompaction, BlockCursor, BlockMeta, BlockParent, BlockWriter, Classed, FROM_OUT_OF_ORDER,
    Kept, untangle, write_or_discard,
};
use crate::fs::Fs;

/// What came of merging.
pub(super) struct Merged {
    /// The new block, unless nothing was left.
    pub(super) meta: Option<BlockMeta>,
    /// Whether blocks overlapped.
    pub(super) overlapped: bool,
}

/// Writes a block of everything in `parents`, which are in order of time; it says that it replaces
/// them. Of samples at the same time those of the last parent stay, as in queries.
pub(super) fn compact(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    ulid: &str,
    parents: &[Classed],
    watch: &Watch,
) -> Result<Merged, Error> {
    let meta = write_or_discard(fs, dir, ulid, |mut writer| {
        write(&mut writer, parents, watch)?;
        let (range, origin) = descent(parents);
        writer.finish(Some(range), Some(origin))
    })?;
    let metas = || parents.iter().map(|parent| parent.block.meta());
    let overlapped = metas().zip(metas().skip(1)).any(|(a, b)| b.min_time < a.max_time);
    Ok(Merged { meta, overlapped })
}

/// Range of time and origin of the new block.
fn descent(parents: &[Classed]) -> ((i64, i64), BlockCompaction) {
    let metas = || parents.iter().map(|parent| parent.block.meta());
    let min_time = metas().map(|meta| meta.min_time).min().unwrap_or_default();
    let max_time = metas().map(|meta| meta.max_time).max().unwrap_or_default();
    let sources: BTreeSet<&String> = metas().flat_map(|meta| &meta.compaction.sources).collect();
    let parent = |meta: &BlockMeta| BlockParent {
        ulid: meta.ulid.clone(),
        min_time: meta.min_time,
        max_time: meta.max_time,
    };
    let origin = BlockCompaction {
        level: 1 + metas().map(|meta| meta.compaction.level).max().unwrap_or_default(),
        sources: sources.into_iter().cloned().collect(),
        parents: metas().map(parent).collect(),
        hints: hints(parents),
        ..BlockCompaction::default()
    };
    ((min_time, max_time), origin)
}

/// A block of nothing but partial ones is one, too; with the hint that all versions know.
fn hints(parents: &[Classed]) -> Vec<String> {
    if parents.iter().all(|parent| parent.block.meta().is_partial()) {
        vec![FROM_OUT_OF_ORDER.to_owned()]
    } else {
        Vec::new()
    }
}

fn write(writer: &mut BlockWriter, parents: &[Classed], watch: &Watch) -> Result<(), Error> {
    let mut cursors = Vec::with_capacity(parents.len());
    for parent in parents {
        cursors.push(BlockCursor::new(parent.clone(), &[], (i64::MIN, i64::MAX), watch)?);
        watch.check(0).map_err(|_| Error::Interrupted)?;
    }
    let (mut group, mut buffer, mut seen) = (Vec::new(), Vec::new(), 0);
    loop {
        first_of(&cursors, &mut group)?;
        let Some(&lead) = group.first() else { return Ok(()) };
        seen += 1;
        watch.check(seen).map_err(|_| Error::Interrupted)?;
        let labels: Labels = cursors[lead].all_labels(&mut buffer)?;
        let mut chunks: Vec<Kept<'_>> = Vec::new();
        for &at in &group {
            if let Some(number) = cursors[at].number() {
                chunks.extend(parents[at].block.kept(number)?);
            }
        }
        let chunks = untangle(chunks).map_err(|error| {
            let path = parents[lead].block.dir().to_owned();
            Error::Corrupt { path, problem: format!("{labels}: {error}") }
        })?;
        if !chunks.is_empty() {
            let chunks: Vec<_> = chunks.iter().map(Kept::as_encoded).collect();
            writer.add_series(&labels, &chunks)?;
        }
        for &at in &group {
            cursors[at].advance()?;
        }
    }
}

/// The cursors that stand at the first series by labels.
fn first_of(cursors: &[BlockCursor], group: &mut Vec<usize>) -> Result<(), Error> {
    group.clear();
    for (at, cursor) in cursors.iter().enumerate().filter(|(_, cursor)| !cursor.is_done()) {
        let order = match group.first() {
            Some(&first) => cursor.compare(&cursors[first])?,
            None => std::cmp::Ordering::Equal,
        };
        if order.is_lt() {
            group.clear();
        }
        if order.is_le() {
            group.push(at);
        }
    }
    Ok(())
}
