//! Blocks: a span of time in files that never change, as Prometheus writes and reads them.
//!
//! [`Block`] reads one through mapped pages and keeps only an outline of its index in memory. All
//! bytes are taken for hostile: what is wrong gives an error with file and position.

mod chunks;
mod cursor;
mod decode;
mod delete;
mod flaw;
mod index;
mod known;
mod meta;
mod projection;
mod rewrite;
mod select;
mod symbols;
mod table;
mod tombstones;
mod ulid;
mod untangle;
mod verify;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common_model::Labels;
use server_storage::{SampleColumns, Watch};

use crate::Error;
use crate::fs::{Fs, Mapped};

pub(crate) use cursor::{BlockCursor, Classed, Spare};
use flaw::Flaw;
pub use index::ChunkMeta;
use index::Index;
use index::SeriesEntry;
pub(crate) use known::KnownLabels;
pub use meta::{BlockCompaction, BlockMeta, BlockParent, BlockStats};
pub(crate) use meta::{FROM_OUT_OF_ORDER, FROM_STALE_SERIES};
pub(crate) use projection::Projection;
pub(crate) use rewrite::{Kept, Rest, each_sample, without};
use select::matching;
use tombstones::Tombstones;
pub use ulid::{is_ulid, ulid};
pub(crate) use untangle::untangle;
pub(crate) use write::write_or_discard;
pub use write::{BlockWriter, ChunkCutter, EncodedChunk, OwnedChunk, cut_floats};

/// Most bytes a `meta.json` may have.
const META_BYTES_MAX: usize = 16 << 20;

/// How many blocks were opened in this process.
static OPENED: AtomicU32 = AtomicU32::new(0);

/// An open block.
pub struct Block {
    /// Which of the blocks of this process it is.
    serial: u32,
    dir: PathBuf,
    meta: BlockMeta,
    index: Index,
    segments: Vec<Mapped>,
    tombstones: Tombstones,
    size_bytes: u64,
}

impl Block {
    /// Opens the block in a folder and checks what can be checked without reading all of it.
    pub fn open(fs: &dyn Fs, dir: &Path) -> Result<Block, Error> {
        let meta = read_meta(fs, dir)?;
        let tombstones = read_tombstones(fs, dir)?;
        Block::with(fs, dir, meta, tombstones)
    }

    /// Opens a block of which index and chunks can be read; says what is missing beside them. Where
    /// it does not say what time it is of, that is all time.
    pub(crate) fn open_damaged(fs: &dyn Fs, dir: &Path) -> Result<(Block, Vec<Error>), Error> {
        let (meta, meta_error) = split(read_meta(fs, dir));
        let (tombstones, tombstones_error) = split(read_tombstones(fs, dir));
        let unknown = || BlockMeta {
            ulid: dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            min_time: i64::MIN,
            max_time: i64::MAX,
            ..BlockMeta::default()
        };
        let meta = meta.unwrap_or_else(|| (unknown(), 0));
        let block = Block::with(fs, dir, meta, tombstones.unwrap_or_default())?;
        Ok((block, meta_error.into_iter().chain(tombstones_error).collect()))
    }

    /// The block of parts that were read, with their sizes.
    fn with(
        fs: &dyn Fs,
        dir: &Path,
        (meta, meta_bytes): (BlockMeta, usize),
        (tombstones, tombstone_bytes): (Tombstones, usize),
    ) -> Result<Block, Error> {
        let index =
            Index::open(map(fs, &dir.join("index"))?).map_err(corrupt(dir.join("index")))?;
        let segments = open_segments(fs, &dir.join("chunks"))?;
        let mut size_bytes = (meta_bytes + tombstone_bytes + index.len()) as u64;
        size_bytes += segments.iter().map(|segment| segment.len() as u64).sum::<u64>();
        let serial = OPENED.fetch_add(1, Ordering::Relaxed);
        Ok(Block { serial, dir: dir.to_owned(), meta, index, segments, tombstones, size_bytes })
    }

    /// First and last times that were deleted from a series.
    pub(crate) fn deleted(&self, number: u32) -> &[(i64, i64)] {
        self.tombstones.get(&u64::from(number)).map_or(&[], Vec::as_slice)
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it says of itself.
    #[must_use]
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// Bytes of all its files.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Bytes of its outline in memory; the rest are pages the system may drop.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let ranges = self.tombstones.values().map(|ranges| ranges.capacity() * 16 + 48);
        let segments = self.segments.capacity() * size_of::<Mapped>();
        let index = self.index.symbols.heap_bytes() + self.index.table.heap_bytes();
        index + segments + ranges.sum::<usize>()
    }

    /// Bytes of its table of symbols in memory.
    pub(crate) fn symbol_bytes(&self) -> usize {
        self.index.symbols.heap_bytes()
    }

    /// Number of distinct label names and values.
    #[must_use]
    pub fn symbols(&self) -> usize {
        self.index.symbols.len()
    }

    /// Names of labels and how many values each has, sorted.
    pub fn label_names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.index.table.names()
    }

    /// Calls `each` with the values of a label in order and the number of their series, until it
    /// says false.
    pub fn label_values(
        &self,
        name: &str,
        each: &mut dyn FnMut(&str, usize) -> bool,
    ) -> Result<(), Error> {
        let mut broken = None;
        let walked =
            self.index.table.values(name, "", &mut |value, offset| match self.index.list(offset) {
                Ok(list) => each(value, list.len()),
                Err(flaw) => {
                    broken = Some(flaw);
                    false
                }
            });
        walked.and(broken.map_or(Ok(()), Err)).map_err(|flaw| self.index_error(flaw))
    }

    /// Calls `each` with the values of a label in order.
    pub(crate) fn each_value(&self, name: &str, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let walked = self.index.table.values(name, "", &mut |value, _| {
            each(value);
            true
        });
        walked.map_err(|flaw| self.index_error(flaw))
    }

    /// Calls `each` with every series in order of labels and its chunks, until it says false.
    pub fn series(&self, each: &mut dyn FnMut(&Labels, &[ChunkMeta]) -> bool) -> Result<(), Error> {
        let mut buffer = Vec::new();
        let mut chunks = Vec::new();
        for number in self.index.all().map_err(|flaw| self.index_error(flaw))? {
            let entry = self.entry(u32::from_be_bytes(*number))?;
            let labels = self.labels(&entry, &mut buffer)?;
            chunks.clear();
            for chunk in self.index.chunks(&entry) {
                chunks.push(chunk.map_err(|flaw| self.index_error(flaw))?);
            }
            if !each(&labels, &chunks) {
                break;
            }
        }
        Ok(())
    }

    /// Encoding and bytes of a chunk.
    pub fn chunk(&self, reference: u64) -> Result<(u8, &[u8]), Error> {
        self.raw_chunk(reference).map_err(|flaw| self.chunk_error(reference, flaw))
    }

    fn raw_chunk(&self, reference: u64) -> Result<(u8, &[u8]), Flaw> {
        let offset = reference & u64::from(u32::MAX);
        let segment = usize::try_from(reference >> 32).ok().and_then(|at| self.segments.get(at));
        let missing = flaw::flaw(offset, "chunk segment does not exist, asked for");
        chunks::chunk(segment.ok_or_else(missing)?, offset)
    }

    pub(crate) fn matching(
        &self,
        matchers: &[common_model::Matcher],
        watch: &Watch,
    ) -> Result<Vec<u32>, Error> {
        matching(&self.index, matchers, watch).map_err(|flaw| self.index_error(flaw))
    }

    #[inline]
    pub(crate) fn entry(&self, number: u32) -> Result<SeriesEntry, Error> {
        self.index.series(number).map_err(|flaw| self.index_error(flaw))
    }

    /// The labels of a series; `buffer` is kept between calls.
    pub(crate) fn labels(
        &self,
        entry: &SeriesEntry,
        buffer: &mut Vec<u8>,
    ) -> Result<Labels, Error> {
        self.index.labels(entry, buffer).map_err(|flaw| self.index_error(flaw))
    }

    /// Makes of its series' labels only some.
    pub(crate) fn projection(&self, names: &Arc<[String]>) -> Option<Projection> {
        Projection::new(&self.index, names)
    }

    /// The labels of a series that a projection is of.
    pub(crate) fn some_labels(
        &self,
        entry: &SeriesEntry,
        projection: &mut Projection,
        buffer: &mut Vec<u8>,
    ) -> Result<Labels, Error> {
        projection.labels(&self.index, entry, buffer).map_err(|flaw| self.index_error(flaw))
    }

    /// Whether references of symbols mean the same here and there.
    pub(crate) fn same_symbols(&self, other: &Block) -> bool {
        self.index.symbols.same(&other.index.symbols)
    }

    /// Whether two series have the same references.
    #[inline]
    pub(crate) fn same_references(
        &self,
        entry: &SeriesEntry,
        other: (&Block, &SeriesEntry),
    ) -> bool {
        self.index.references(entry) == other.0.index.references(other.1)
    }

    /// The order of two series by labels.
    pub(crate) fn compare(
        &self,
        entry: &SeriesEntry,
        (other, others): (&Block, &SeriesEntry),
    ) -> Result<std::cmp::Ordering, Error> {
        let mut right = other.index.pairs(others);
        for left in self.index.pairs(entry) {
            let left = left.map_err(|flaw| self.index_error(flaw))?;
            let Some(right) = right.next() else { return Ok(std::cmp::Ordering::Greater) };
            let order = left.cmp(&right.map_err(|flaw| other.index_error(flaw))?);
            if order.is_ne() {
                return Ok(order);
            }
        }
        Ok(right.next().map_or(std::cmp::Ordering::Equal, |_| std::cmp::Ordering::Less))
    }

    /// Time of the first sample of the first chunk that reaches into `[start, end]`.
    #[inline]
    pub(crate) fn first_time(
        &self,
        entry: &SeriesEntry,
        start: i64,
        end: i64,
    ) -> Result<Option<i64>, Error> {
        for chunk in self.index.chunks(entry) {
            let chunk = chunk.map_err(|flaw| self.index_error(flaw))?;
            if chunk.max_time >= start {
                return Ok(Some(chunk.min_time).filter(|first| *first <= end));
            }
        }
        Ok(None)
    }

    /// Appends the samples of a series in `[start, end]` to columns, deleted ones left out.
    pub(crate) fn read(
        &self,
        number: u32,
        entry: &SeriesEntry,
        (start, end): (i64, i64),
        columns: &mut SampleColumns,
    ) -> Result<(), Error> {
        let before = columns.len();
        for chunk in self.index.chunks(entry) {
            let chunk = chunk.map_err(|flaw| self.index_error(flaw))?;
            if chunk.min_time > end {
                break;
            }
            if chunk.max_time < start {
                continue;
            }
            let (encoding, bytes) = self.chunk(chunk.reference)?;
            decode::read(encoding, bytes, (start, end), columns).map_err(|error| {
                let offset = chunk.reference & u64::from(u32::MAX);
                self.corrupt_chunk(chunk.reference, format!("{error}, at byte {offset}"))
            })?;
        }
        if let Some(ranges) = self.tombstones.get(&u64::from(number)) {
            bury(ranges, before, columns);
        }
        Ok(())
    }

    fn index_error(&self, flaw: Flaw) -> Error {
        corrupt(self.dir.join("index"))(flaw)
    }

    fn chunk_error(&self, reference: u64, flaw: Flaw) -> Error {
        self.corrupt_chunk(reference, flaw.to_string())
    }

    fn corrupt_chunk(&self, reference: u64, problem: String) -> Error {
        Error::Corrupt { path: self.segment_path(reference), problem }
    }

    fn segment_path(&self, reference: u64) -> PathBuf {
        self.dir.join("chunks").join(format!("{:06}", (reference >> 32) + 1))
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("dir", &self.dir).finish_non_exhaustive()
    }
}

fn corrupt<P: ToString>(path: PathBuf) -> impl FnOnce(P) -> Error {
    move |problem| Error::Corrupt { path, problem: problem.to_string() }
}

fn map(fs: &dyn Fs, path: &Path) -> Result<Mapped, Error> {
    fs.map(path).map_err(Error::io("map", path))
}

/// What `meta.json` says, and how long it is.
fn read_meta(fs: &dyn Fs, dir: &Path) -> Result<(BlockMeta, usize), Error> {
    let path = dir.join("meta.json");
    let text = map(fs, &path)?;
    let meta = parse_meta(&text).map_err(corrupt(path))?;
    Ok((meta, text.len()))
}

/// What was deleted, and how long the file is; one that is missing says nothing.
fn read_tombstones(fs: &dyn Fs, dir: &Path) -> Result<(Tombstones, usize), Error> {
    let path = dir.join("tombstones");
    match map(fs, &path) {
        Ok(bytes) => {
            let tombstones = tombstones::parse(&bytes).map_err(corrupt(path))?;
            Ok((tombstones, bytes.len()))
        }
        Err(Error::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => {
            Ok((Tombstones::new(), 0))
        }
        Err(error) => Err(error),
    }
}

fn split<T>(result: Result<T, Error>) -> (Option<T>, Option<Error>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    }
}

fn parse_meta(text: &[u8]) -> Result<BlockMeta, String> {
    if text.len() > META_BYTES_MAX {
        return Err(format!("{} bytes, at most {META_BYTES_MAX} are read", text.len()));
    }
    BlockMeta::parse(text)
}

fn open_segments(fs: &dyn Fs, dir: &Path) -> Result<Vec<Mapped>, Error> {
    let mut segments = Vec::new();
    for entry in fs.list(dir).map_err(Error::io("list", dir))? {
        // Other names are none of ours, as in the original.
        if entry.is_dir || entry.name.parse::<u64>().is_err() {
            continue;
        }
        let path = dir.join(&entry.name);
        let segment = fs.map(&path).map_err(Error::io("map", &path))?;
        chunks::check_header(&segment).map_err(corrupt(path))?;
        segments.push(segment);
    }
    Ok(segments)
}

/// Takes samples of deleted ranges out, from a place on.
fn bury(ranges: &[(i64, i64)], from: usize, columns: &mut SampleColumns) {
    let dead = |time: i64| ranges.iter().any(|(first, last)| (*first..=*last).contains(&time));
    let kept: Vec<bool> =
        columns.timestamps.iter().enumerate().map(|(at, time)| at < from || !dead(*time)).collect();
    retain(&mut columns.timestamps, &kept);
    retain(&mut columns.values, &kept);
    retain(&mut columns.histograms, &kept);
    retain(&mut columns.starts, &kept);
}

/// Columns that are not used are empty and stay so.
fn retain<T>(column: &mut Vec<T>, kept: &[bool]) {
    let mut keep = kept.iter();
    column.retain(|_| keep.next().is_some_and(|kept| *kept));
}
