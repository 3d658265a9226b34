//! Salvages what is good of damaged blocks and segments; the originals are kept beside it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Checked, Finding, Severity, check};
use crate::Error;
use crate::block::{
    Block, BlockCompaction, BlockMeta, BlockWriter, EncodedChunk, Kept, is_ulid, without,
    write_or_discard,
};
use crate::db::lock;
use crate::fs::Fs;
use crate::head_chunks::{HEAD_CHUNKS, mend_first};
use crate::wal::{repair as wal_repair, segments};

/// How a block is called that was put aside; neither we nor Prometheus read such a folder.
pub(super) const ASIDE: &str = ".corrupt";

/// Repairs a data directory that no server has open: of each damaged block what is good becomes a
/// block named by `name`, damaged segments are written anew without the damage, and the originals get
/// a name that ends in `.corrupt`. `each` is called with what was found and what was done; what comes
/// back is the state afterwards.
///
/// # Errors
/// Where the directory is in use, or a file cannot be read or written. What was done before holds.
pub fn repair(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    name: &mut dyn FnMut() -> String,
    each: &mut dyn FnMut(&Finding),
) -> Result<Checked, Error> {
    let _lock = lock(&**fs, dir)?;
    let mut damaged: HashSet<PathBuf> = HashSet::new();
    check(&**fs, dir, &mut |finding| {
        if finding.severity == Severity::Damage {
            damaged.insert(finding.path.clone());
        }
        each(finding);
    })?;
    let mut tell = |path: &Path, problem: String| {
        each(&Finding { path: path.to_owned(), problem, severity: Severity::Note });
    };
    for entry in fs.list(dir).map_err(Error::io("list", dir))? {
        let path = dir.join(&entry.name);
        if is_ulid(&entry.name) && damaged.iter().any(|file| file.starts_with(&path)) {
            let told = repair_block(fs, dir, &entry.name, &name())?;
            tell(&path, told);
        }
    }
    for log in ["wal", "wbl"] {
        repair_log(&**fs, &dir.join(log), &damaged, &mut tell)?;
    }
    let head_chunks = dir.join(HEAD_CHUNKS);
    let aside = mend_first(&**fs, &head_chunks, |path| damaged.contains(path))?;
    if aside > 0 {
        let told = format!("{aside} files put aside; the log has what was in them");
        tell(&head_chunks, told);
    }
    check(&**fs, dir, &mut |_| {})
}

/// Writes what is good of a block to a new one and puts it aside; says what became of it.
fn repair_block(fs: &Arc<dyn Fs>, dir: &Path, old: &str, new: &str) -> Result<String, Error> {
    let path = dir.join(old);
    let (salvaged, mut told) = match Block::open_damaged(&**fs, &path) {
        Ok((block, missing)) => {
            let salvaged = write_or_discard(fs, dir, new, |writer| salvage(&block, writer, new))?;
            let missing = missing.iter().map(|error| format!("; gone is what was in {error}"));
            (salvaged, missing.collect())
        }
        Err(error) => (None, format!("; {error}")),
    };
    let aside = dir.join(format!("{old}{ASIDE}"));
    fs.rename(&path, &aside).map_err(Error::io("rename", &path))?;
    fs.sync_dir(dir).map_err(Error::io("sync", dir))?;
    let what = match salvaged {
        Some(BlockMeta { stats, .. }) => format!(
            "put aside; {} samples of {} series are in {new}",
            stats.num_samples, stats.num_series
        ),
        None => "put aside; nothing of it could be read".to_owned(),
    };
    told.insert_str(0, &what);
    Ok(told)
}

/// Writes what can be read and was not deleted.
fn salvage(block: &Block, mut writer: BlockWriter, ulid: &str) -> Result<Option<BlockMeta>, Error> {
    block.verify(&mut |_, _| {}, &mut |series| {
        let mut kept = Vec::with_capacity(series.chunks.len());
        for chunk in series.chunks {
            let (encoding, bytes) = block.chunk(chunk.reference)?;
            let (min_time, max_time) = (chunk.min_time, chunk.max_time);
            let whole = EncodedChunk { encoding, min_time, max_time, bytes };
            // What was verified can be read; what cannot be cut stays out.
            match without(&whole, block.deleted(series.number)) {
                Ok(None) => kept.push(Kept::Whole(whole)),
                Ok(Some(rest)) => kept.extend(rest.into_iter().map(Kept::Part)),
                Err(_) => {}
            }
        }
        let chunks: Vec<_> = kept.iter().map(Kept::as_encoded).collect();
        if chunks.is_empty() { Ok(()) } else { writer.add_series(series.labels, &chunks) }
    })?;
    let BlockMeta { min_time, max_time, compaction, .. } = block.meta();
    let compaction = BlockCompaction {
        level: compaction.level.max(1),
        sources: vec![ulid.to_owned()],
        parents: Vec::new(),
        ..compaction.clone()
    };
    let range = (*max_time < i64::MAX).then_some((*min_time, *max_time));
    writer.finish(range, Some(compaction))
}

fn repair_log(
    fs: &dyn Fs,
    dir: &Path,
    damaged: &HashSet<PathBuf>,
    tell: &mut dyn FnMut(&Path, String),
) -> Result<(), Error> {
    let listing = segments::list(fs, dir)?;
    let mut folders = vec![(dir.to_owned(), listing.segments)];
    for number in listing.checkpoints {
        let folder = segments::checkpoint_path(dir, number);
        let inside = segments::list(fs, &folder)?.segments;
        folders.push((folder, inside));
    }
    for (folder, row) in folders {
        for (number, _) in row {
            let path = segments::segment_path(&folder, number);
            if damaged.contains(&path) {
                wal_repair::replace(fs, &folder, number)?;
                tell(
                    &path,
                    "written anew without the damage; the original is beside it".to_owned(),
                );
            }
        }
    }
    Ok(())
}
