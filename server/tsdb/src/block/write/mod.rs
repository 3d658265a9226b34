//! Writing a block, series by series, in the order Prometheus does: chunks, index, `meta.json`,
//! tombstones, each durable, and the folder gets its name last.

mod chunk_files;
mod cut;
mod index_file;
mod output;
mod spool;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_model::Labels;

use super::meta::META_VERSION;
use super::{BlockCompaction, BlockMeta, BlockStats, ChunkMeta, is_ulid, tombstones};
use crate::Error;
use crate::chunk::{self, Encoding};
use crate::fs::Fs;

use chunk_files::ChunkFiles;
pub use cut::{ChunkCutter, OwnedChunk, cut_floats};
use output::Output;
use spool::Spool;

/// Series in one block, as many as have a number in the index.
const SERIES_MAX: u32 = u32::MAX;

/// A chunk as it will stand in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedChunk<'a> {
    /// The number of an [`Encoding`].
    pub encoding: u8,
    /// Time of the first sample.
    pub min_time: i64,
    /// Time of the last sample.
    pub max_time: i64,
    /// The samples, behind two bytes that count them.
    pub bytes: &'a [u8],
}

impl EncodedChunk<'_> {
    /// How many samples it says it has; of an encoding that is not known what all others begin with.
    pub(crate) fn samples(&self) -> u16 {
        match Encoding::from_number(self.encoding) {
            Some(encoding) => chunk::samples(encoding, self.bytes),
            None => chunk::xor::count(self.bytes),
        }
    }
}

/// A block that is being written. One that is dropped before [`BlockWriter::finish`] leaves a folder
/// that the next start of a database removes.
#[derive(Debug)]
pub struct BlockWriter {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    folder: PathBuf,
    ulid: String,
    chunks: ChunkFiles,
    spool: Spool,
    stats: BlockStats,
    /// Times of the first and the last sample.
    span: (i64, i64),
    last: Labels,
    references: Vec<ChunkMeta>,
}

impl BlockWriter {
    /// Starts the block `ulid` in a data directory, which is made if need be.
    pub fn create(fs: Arc<dyn Fs>, dir: &Path, ulid: &str) -> Result<BlockWriter, Error> {
        if !is_ulid(ulid) {
            return Err(Error::Input { problem: format!("\"{ulid}\" is no name for a block") });
        }
        let folder = unfinished(dir, ulid);
        fs.create_dir(&folder).map_err(Error::io("create", &folder))?;
        Ok(BlockWriter {
            chunks: ChunkFiles::create(fs.clone(), folder.join("chunks"))?,
            spool: Spool::create(&*fs, folder.join("index_tmp_s"))?,
            fs,
            dir: dir.to_owned(),
            folder,
            ulid: ulid.to_owned(),
            stats: BlockStats::default(),
            span: (i64::MAX, i64::MIN),
            last: Labels::empty(),
            references: Vec::new(),
        })
    }

    /// Adds a series with its chunks. Series come in order of labels, chunks in order of time.
    pub fn add_series(
        &mut self,
        labels: &Labels,
        chunks: &[EncodedChunk<'_>],
    ) -> Result<(), Error> {
        if *labels <= self.last || self.spool.series == SERIES_MAX {
            let problem = format!("series {labels} of a block after {}", self.last);
            return Err(Error::Input { problem });
        }
        let mut before = None;
        for chunk in chunks {
            let late = before.is_some_and(|before| chunk.min_time <= before);
            if late || chunk.max_time < chunk.min_time {
                let (min, max) = (chunk.min_time, chunk.max_time);
                let problem = format!("chunk of {labels} from {min} to {max} is out of order");
                return Err(Error::Input { problem });
            }
            before = Some(chunk.max_time);
        }
        self.references.clear();
        for chunk in chunks {
            let reference = self.chunks.add(chunk)?;
            let EncodedChunk { min_time, max_time, .. } = *chunk;
            self.references.push(ChunkMeta { reference, min_time, max_time });
            self.span = (self.span.0.min(min_time), self.span.1.max(max_time));
            let samples = u64::from(chunk.samples());
            self.stats.num_samples += samples;
            match Encoding::from_number(chunk.encoding) {
                Some(encoding) if encoding.has_floats() => self.stats.num_float_samples += samples,
                _ => self.stats.num_histogram_samples += samples,
            }
        }
        self.stats.num_chunks += chunks.len() as u64;
        self.stats.num_series += 1;
        self.spool.add(labels, &self.references)?;
        self.last = labels.clone();
        Ok(())
    }

    /// Figures so far.
    #[must_use]
    pub fn stats(&self) -> BlockStats {
        self.stats
    }

    /// Completes the block; `None` when there were no series, and then there is no block. `range` is
    /// the time it stands for (the second not included), by default that of its samples;
    /// `compaction` says where it comes from, by default from samples.
    pub fn finish(
        mut self,
        range: Option<(i64, i64)>,
        compaction: Option<BlockCompaction>,
    ) -> Result<Option<BlockMeta>, Error> {
        if self.stats.num_series == 0 {
            self.abandon()?;
            return Ok(None);
        }
        let (min_time, max_time) = range.unwrap_or((self.span.0, self.span.1.saturating_add(1)));
        let of_samples =
            || BlockCompaction { level: 1, sources: vec![self.ulid.clone()], ..Default::default() };
        let meta = BlockMeta {
            ulid: self.ulid.clone(),
            min_time,
            max_time,
            stats: self.stats,
            compaction: compaction.unwrap_or_else(of_samples),
            version: META_VERSION,
            other: serde_json::Map::new(),
        };
        let (fs, folder) = (&*self.fs, &self.folder);
        self.chunks.finish()?;
        index_file::write(Output::create(fs, folder.join("index"))?, &mut self.spool)?;
        let spooled = folder.join("index_tmp_s");
        fs.remove(&spooled).map_err(Error::io("remove", &spooled))?;
        write_whole(fs, folder, "meta.json", &meta.to_text())?;
        let none = tombstones::encode(&tombstones::Tombstones::new());
        write_whole(fs, folder, "tombstones", &none)?;
        fs.sync_dir(folder).map_err(Error::io("sync", folder))?;
        let to = self.dir.join(&self.ulid);
        fs.rename(folder, &to).map_err(Error::io("rename", folder))?;
        fs.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))?;
        Ok(Some(meta))
    }

    /// Removes what was written.
    pub fn abandon(self) -> Result<(), Error> {
        self.fs.remove_dir(&self.folder).map_err(Error::io("remove", &self.folder))
    }
}

/// Writes the block `ulid` by `fill`, which finishes it. After an error nothing stays behind, or what
/// the next start removes.
pub(crate) fn write_or_discard(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    ulid: &str,
    fill: impl FnOnce(BlockWriter) -> Result<Option<BlockMeta>, Error>,
) -> Result<Option<BlockMeta>, Error> {
    let written = BlockWriter::create(fs.clone(), dir, ulid).and_then(fill);
    if written.is_err() {
        // The error that was first is the one to tell.
        let _ = fs.remove_dir(&unfinished(dir, ulid));
        let _ = fs.remove_dir(&dir.join(ulid));
    }
    written
}

/// The folder of a block until it is whole.
pub(crate) fn unfinished(dir: &Path, ulid: &str) -> PathBuf {
    dir.join(format!("{ulid}.tmp-for-creation"))
}

/// Writes a small file under another name first, so that it is there as a whole or not at all.
pub(super) fn write_whole(fs: &dyn Fs, dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let (path, early) = (dir.join(name), dir.join(format!("{name}.tmp")));
    let mut output = Output::create(fs, early.clone())?;
    output.put(bytes)?;
    output.finish()?;
    fs.rename(&early, &path).map_err(Error::io("rename", &early))
}
