//! `tsdb create-blocks-from openmetrics`: a file of samples, turned into blocks.
//!
//! One pass over the file fills the blocks of all times at once, as compressed chunks. When these
//! take too much memory, the latest block is given up and left to another pass.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use common_exposition::{Dialect, Event, Parser, Series};
use common_model::Labels;
use common_service::flags::Matches;
use server_tsdb::block::ChunkCutter;

use super::pieces::Pieces;
use super::table;
use super::write::{self, Row};
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
    let span = block_ms(i64::try_from(longest).unwrap_or(i64::MAX));
    let mut import = Import::new(span, CHUNK_BYTES_MAX, labels);
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
    /// Beyond so many bytes of chunks the latest block waits for another pass.
    bytes_max: usize,
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
}

impl Import {
    fn new(block_ms: i64, bytes_max: usize, extra: Vec<(String, String)>) -> Import {
        Import {
            block_ms,
            bytes_max,
            extra,
            numbers: HashMap::new(),
            by_labels: HashMap::new(),
            labels: Vec::new(),
            blocks: BTreeMap::new(),
            bytes: 0,
            next: Some(i64::MIN),
        }
    }

    /// Fills the blocks from a time on, as many as there is memory for.
    fn pass(&mut self, from: i64, pieces: &mut Pieces<impl Read>) -> Result<(), String> {
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
        if self.bytes > self.bytes_max && self.bytes > before && self.blocks.len() > 1 {
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
        write::block(dir, series)
    }
}

fn wrong(problem: &str) -> String {
    format!("getting min and max timestamp: {problem}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples by the begin of their block, and how many passes they took.
    fn imported(text: &str, bytes_max: usize) -> (BTreeMap<i64, Vec<(Labels, i64)>>, usize) {
        let mut import = Import::new(BLOCK_MS, bytes_max, Vec::new());
        let (mut all, mut passes) = (BTreeMap::new(), 0);
        while let Some(from) = import.next {
            passes += 1;
            import.pass(from, &mut Pieces::new(text.as_bytes())).unwrap();
            for (begin, buffer) in std::mem::take(&mut import.blocks) {
                let of_series = |(number, cutter): (u32, ChunkCutter)| {
                    let chunks = cutter.into_chunks();
                    (import.labels[number as usize].clone(), chunks[0].min_time)
                };
                let mut series: Vec<_> = buffer.into_iter().map(of_series).collect();
                series.sort();
                assert!(all.insert(begin, series).is_none(), "block {begin} was made twice");
            }
        }
        (all, passes)
    }

    #[test]
    fn blocks_that_do_not_fit_into_memory_are_left_to_another_pass() {
        let mut text = String::new();
        for hour in [9, 1, 3, 7, 5, 3, 1] {
            for series in 0..4 {
                text.push_str(&format!("m{{s=\"{series}\"}} {hour} {}\n", hour * 3600 + series));
            }
        }
        text.push_str("# EOF\n");
        let (whole, passes) = imported(&text, CHUNK_BYTES_MAX);
        assert_eq!((whole.len(), passes), (5, 1));
        for bytes_max in [1, 2 * SERIES_BYTES, 9 * SERIES_BYTES, 17 * SERIES_BYTES] {
            let (pieces, passes) = imported(&text, bytes_max);
            assert!((2..=5).contains(&passes), "{bytes_max}: {passes} passes");
            assert_eq!(pieces, whole, "{bytes_max}");
        }
    }
}
