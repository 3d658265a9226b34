//! `tsdb create-blocks-from openmetrics`: a file of samples, turned into blocks.
//!
//! One pass over the file fills the blocks of all times at once, as compressed chunks. When these
//! take too much memory, the latest block is given up and left to another pass.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;
use std::process::ExitCode;

use common_exposition::{Dialect, Event, Parser, Series};
use common_model::Labels;
use common_service::flags::Matches;
use server_tsdb::block::{Block, BlockWriter, ChunkCutter, ulid};

use super::pieces::Pieces;
use super::{real_fs, table};
use crate::commands::print;
use crate::promtool::query::pairs;
use crate::promtool::{fail, refuse};

/// Span of a block, unless `--max-block-duration` permits three, nine, ... times as much.
const BLOCK_MS: i64 = 2 * 3600 * 1000;
/// Most often that span is made three times as long.
const BLOCK_TRIPLINGS_MAX: u32 = 9;
/// Bytes of chunks in memory; beyond them the latest block waits for another pass.
const CHUNK_BYTES_MAX: usize = 128 << 20;
/// What a series of a block takes beside its chunks, about.
const SERIES_BYTES: usize = 300;

/// `tsdb create-blocks-from openmetrics`
pub(in crate::promtool) fn openmetrics(matches: &Matches) -> ExitCode {
    let labels = match pairs(matches, "label") {
        Ok(labels) => labels,
        Err(error) => return refuse(error),
    };
    match import(matches, labels) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn import(matches: &Matches, labels: Vec<(String, String)>) -> Result<(), String> {
    let arg = |name| matches.arg(name);
    let input = Path::new(arg("input file").unwrap_or_default());
    let out = Path::new(arg("output directory").unwrap_or("data/"));
    let longest = matches.duration("max-block-duration").as_millis();
    let mut import = Import::new(block_ms(i64::try_from(longest).unwrap_or(i64::MAX)), labels);
    let (is_quiet, for_humans) = (matches.bool("quiet"), matches.bool("human-readable"));
    let io = |error: std::io::Error| {
        format!("open {}: {}", input.display(), common_service::go_io_error(&error))
    };
    std::fs::create_dir_all(out).map_err(|error| format!("create output dir: {error}"))?;
    let mut with_header = true;
    while let Some(from) = import.next {
        import.pass(from, &mut Pieces::new(File::open(input).map_err(io)?))?;
        for (_, block) in std::mem::take(&mut import.blocks) {
            let row =
                import.write(block, out).map_err(|error| format!("block creation: {error}"))?;
            if let Some((meta, bytes)) = row.filter(|_| !is_quiet) {
                print(&table::blocks([(&meta, bytes)], with_header, for_humans));
                with_header = false;
            }
        }
    }
    Ok(())
}

/// The span of the blocks where they may be as long as `longest`.
pub(super) fn block_ms(longest: i64) -> i64 {
    let spans = (0..=BLOCK_TRIPLINGS_MAX).map(|times| BLOCK_MS * 3_i64.pow(times));
    spans.take_while(|span| *span <= longest).last().unwrap_or(BLOCK_MS)
}

/// What one block will hold, by the numbers of series.
type Buffer = HashMap<u32, ChunkCutter>;

/// An import under way.
struct Import {
    block_ms: i64,
    extra: Vec<(String, String)>,
    /// Series by their text in the file.
    numbers: HashMap<Box<[u8]>, u32>,
    /// Series by their labels: two texts may mean the same.
    by_labels: HashMap<Labels, u32>,
    labels: Vec<Labels>,
    /// Blocks by the time at which they begin.
    blocks: BTreeMap<i64, Buffer>,
    /// Bytes of all chunks.
    bytes: usize,
    /// Where the blocks of the next pass begin, if there is to be one.
    next: Option<i64>,
    randomness: RandomState,
}

impl Import {
    fn new(block_ms: i64, extra: Vec<(String, String)>) -> Import {
        Import {
            block_ms,
            extra,
            numbers: HashMap::new(),
            by_labels: HashMap::new(),
            labels: Vec::new(),
            blocks: BTreeMap::new(),
            bytes: 0,
            next: Some(i64::MIN),
            randomness: RandomState::new(),
        }
    }

    /// Fills the blocks from a time on, as many as there is memory for.
    fn pass(&mut self, from: i64, pieces: &mut Pieces<File>) -> Result<(), String> {
        self.bytes = 0;
        self.next = None;
        let mut last: Option<(Vec<u8>, u32)> = None;
        while let Some(piece) = pieces.next()? {
            let mut parser = Parser::new(piece, Dialect::OpenMetrics);
            loop {
                let event = parser.next().map_err(|error| wrong(&format!("next: {error}")))?;
                let series = match event {
                    None => break,
                    Some(Event::Series(series)) => series,
                    Some(_) => continue,
                };
                let Some(time) = series.timestamp else {
                    return Err(wrong("expected timestamp for series got none"));
                };
                let number = match &last {
                    Some((raw, number)) if *raw == series.raw => *number,
                    _ => {
                        let number = self.number(&series)?;
                        let raw = last.get_or_insert_with(|| (Vec::new(), number));
                        raw.0.clear();
                        raw.0.extend_from_slice(series.raw);
                        raw.1 = number;
                        number
                    }
                };
                if time >= from {
                    self.push(number, time, series.value);
                }
            }
        }
        Ok(())
    }

    fn number(&mut self, series: &Series<'_>) -> Result<u32, String> {
        if let Some(number) = self.numbers.get(series.raw) {
            return Ok(*number);
        }
        let labels = series.labels().map_err(|error| wrong(&format!("next: {error}")))?;
        let mut labels = labels.to_builder();
        for (name, value) in &self.extra {
            labels.set(name, value);
        }
        let labels = labels.build();
        let next = u32::try_from(self.labels.len()).map_err(|_| wrong("too many series"))?;
        let number = *self.by_labels.entry(labels.clone()).or_insert(next);
        if number == next {
            self.labels.push(labels);
        }
        self.numbers.insert(series.raw.into(), number);
        Ok(number)
    }

    fn push(&mut self, number: u32, time: i64, value: f64) {
        let begin = time.div_euclid(self.block_ms) * self.block_ms;
        if self.next.is_some_and(|next| begin >= next) {
            return;
        }
        let before = self.bytes;
        let cutter = self.blocks.entry(begin).or_default().entry(number).or_insert_with(|| {
            self.bytes += SERIES_BYTES;
            ChunkCutter::new(self.block_ms)
        });
        let grown = cutter.push(time, value);
        self.bytes = self.bytes.saturating_add_signed(grown as isize);
        if self.bytes > CHUNK_BYTES_MAX && self.bytes > before && self.blocks.len() > 1 {
            self.give_up_the_latest();
        }
    }

    fn give_up_the_latest(&mut self) {
        if let Some((begin, block)) = self.blocks.pop_last() {
            self.next = Some(begin);
            let bytes = |cutter: ChunkCutter| -> usize {
                cutter.into_chunks().iter().map(|chunk| chunk.bytes.len()).sum()
            };
            let freed: usize = block.into_values().map(|c| bytes(c) + SERIES_BYTES).sum();
            self.bytes = self.bytes.saturating_sub(freed);
        }
    }

    /// Writes a block; returns what it says of itself and its size.
    fn write(&self, block: Buffer, dir: &Path) -> Result<Option<Row>, server_tsdb::Error> {
        let mut series: Vec<(&Labels, ChunkCutter)> = block
            .into_iter()
            .filter_map(|(number, cutter)| Some((self.labels.get(number as usize)?, cutter)))
            .collect();
        series.sort_by(|a, b| a.0.cmp(b.0));
        let fs = real_fs();
        let name = self.name();
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

    fn name(&self) -> String {
        let now = common_service::clock::system_time().duration_since(std::time::UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_millis() as u64);
        let mut random = [0; 10];
        for (at, part) in random.chunks_mut(8).enumerate() {
            let mut hasher = self.randomness.build_hasher();
            hasher.write_u64(now ^ at as u64);
            hasher.write_usize(self.blocks.len());
            hasher.write_u64(RandomState::new().build_hasher().finish());
            let bytes = hasher.finish().to_le_bytes();
            part.copy_from_slice(&bytes[..part.len()]);
        }
        ulid(now, random)
    }
}

/// What a block says of itself, and its bytes.
type Row = (server_tsdb::block::BlockMeta, u64);

fn wrong(problem: &str) -> String {
    format!("getting min and max timestamp: {problem}")
}
