//! Reading all of a block to see whether it is what it must be.

use std::path::PathBuf;

use common_model::Labels;
use server_storage::SampleColumns;

use super::index::SeriesEntry;
use super::{Block, BlockStats, ChunkMeta, decode};
use crate::Error;
use crate::chunk::{self, Encoding};

/// Said of one file of a block.
pub(crate) type Complain<'a> = &'a mut dyn FnMut(PathBuf, String);

/// A series of which everything could be read, as far as `chunks` go.
pub(crate) struct Sound<'a> {
    pub(crate) number: u32,
    pub(crate) labels: &'a Labels,
    pub(crate) chunks: &'a [ChunkMeta],
}

/// What was counted while a block was read.
#[derive(Default)]
struct Walk {
    stats: BlockStats,
    pairs: u64,
    before: Labels,
    buffer: Vec<u8>,
    columns: SampleColumns,
    good: Vec<ChunkMeta>,
}

impl Block {
    /// Reads every series, chunk, list and deletion, and complains of what is wrong; `keep` gets what
    /// is good. Says what was found.
    pub(crate) fn verify(
        &self,
        complain: Complain<'_>,
        keep: &mut dyn FnMut(Sound<'_>) -> Result<(), Error>,
    ) -> Result<BlockStats, Error> {
        let index = self.dir.join("index");
        if self.dir.file_name().is_none_or(|name| name.to_string_lossy() != self.meta.ulid.as_str())
        {
            let problem = format!("says that it is the block {}", self.meta.ulid);
            complain(self.dir.join("meta.json"), problem);
        }
        let mut walk = Walk::default();
        match self.index.all() {
            Err(flaw) => complain(index.clone(), flaw.to_string()),
            Ok(numbers) => {
                if !numbers.is_sorted_by(|a, b| a < b) {
                    complain(index.clone(), "the list of all series is not sorted".to_owned());
                }
                for number in numbers {
                    self.verify_series(u32::from_be_bytes(*number), &mut walk, complain, keep)?;
                }
            }
        }
        self.verify_lists(walk.pairs, complain);
        for number in self.tombstones.keys() {
            if u32::try_from(*number).map_or(true, |number| self.index.series(number).is_err()) {
                let problem = format!("deletes of series {number}, which is not there");
                complain(self.dir.join("tombstones"), problem);
            }
        }
        self.compare_figures(&walk.stats, complain);
        Ok(walk.stats)
    }

    fn verify_series(
        &self,
        number: u32,
        walk: &mut Walk,
        complain: Complain<'_>,
        keep: &mut dyn FnMut(Sound<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let read = self.entry(number).and_then(|entry| {
            let labels = self.labels(&entry, &mut walk.buffer)?;
            Ok((entry, labels))
        });
        let (entry, labels) = match read {
            Ok(read) => read,
            Err(error) => {
                complain(self.dir.join("index"), error.problem());
                return Ok(());
            }
        };
        if labels <= walk.before {
            let problem = format!("series {labels} stands behind {}", walk.before);
            complain(self.dir.join("index"), problem);
            return Ok(());
        }
        walk.stats.num_series += 1;
        walk.pairs += labels.iter().count() as u64;
        walk.good.clear();
        self.verify_chunks(&entry, &labels, walk, complain);
        keep(Sound { number, labels: &labels, chunks: &walk.good })?;
        walk.before = labels;
        Ok(())
    }

    fn verify_chunks(
        &self,
        entry: &SeriesEntry,
        labels: &Labels,
        walk: &mut Walk,
        complain: Complain<'_>,
    ) {
        let mut end = i64::MIN;
        for chunk in self.index.chunks(entry) {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(flaw) => {
                    complain(self.dir.join("index"), flaw.to_string());
                    return;
                }
            };
            walk.stats.num_chunks += 1;
            match self.verify_chunk(&chunk, end, walk) {
                Ok(()) => {
                    end = chunk.max_time;
                    walk.good.push(chunk);
                }
                Err(problem) => {
                    let file = self.segment_path(chunk.reference);
                    complain(file, format!("{problem}; it belongs to {labels}"));
                }
            }
        }
    }

    fn verify_chunk(&self, chunk: &ChunkMeta, end: i64, walk: &mut Walk) -> Result<(), String> {
        let at = chunk.reference & u64::from(u32::MAX);
        let (encoding, bytes) = self.raw_chunk(chunk.reference).map_err(|flaw| flaw.to_string())?;
        let columns = &mut walk.columns;
        columns.clear();
        let whole = (i64::MIN, i64::MAX);
        decode::read(encoding, bytes, whole, columns)
            .map_err(|error| format!("{error}, in the chunk at byte {at}"))?;
        let samples = columns.len() as u64;
        walk.stats.num_samples += samples;
        // What was read has an encoding that is known.
        let known = Encoding::from_number(encoding);
        match known {
            Some(encoding) if encoding.has_floats() => walk.stats.num_float_samples += samples,
            _ => walk.stats.num_histogram_samples += samples,
        }
        let times = (columns.timestamps.first(), columns.timestamps.last());
        let (first, last) = (chunk.min_time, chunk.max_time);
        let said = known.map_or(0, |encoding| chunk::samples(encoding, bytes));
        if samples != u64::from(said) {
            return Err(format!("chunk at byte {at} has {samples} samples and says {said}"));
        }
        if times != (Some(&first), Some(&last)) {
            return Err(format!(
                "chunk at byte {at} is not from {first} to {last}, as its index says"
            ));
        }
        if first <= end {
            return Err(format!("chunk at byte {at} begins before the one before it ends"));
        }
        if first < self.meta.min_time || last >= self.meta.max_time {
            let (from, to) = (self.meta.min_time, self.meta.max_time);
            return Err(format!("chunk at byte {at} reaches beyond the block, {from} to {to}"));
        }
        Ok(())
    }

    /// Every list is sorted, its series have the label, and together they have every label once.
    fn verify_lists(&self, pairs: u64, complain: Complain<'_>) {
        let path = self.dir.join("index");
        let mut listed = 0;
        let names: Vec<String> =
            self.index.table.names().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let mut problems = Vec::new();
            let walked = self.index.table.values(&name, "", &mut |value, offset| {
                match self.index.list(offset) {
                    Err(flaw) => problems.push(format!("{flaw}: the list of {name}={value:?}")),
                    Ok(list) => {
                        listed += list.len() as u64;
                        if !list.is_sorted_by(|a, b| a < b) {
                            problems.push(format!("the list of {name}={value:?} is not sorted"));
                        }
                        let has = |number: &[u8; 4]| self.has(*number, &name, value);
                        if let Some(other) = list.iter().find(|number| !has(number)) {
                            let other = u32::from_be_bytes(*other);
                            let problem = format!(
                                "the list of {name}={value:?} names series {other}, which is not so"
                            );
                            problems.push(problem);
                        }
                    }
                }
                true
            });
            problems.extend(walked.err().map(|flaw| flaw.to_string()));
            problems.into_iter().for_each(|problem| complain(path.clone(), problem));
        }
        if listed != pairs {
            complain(path, format!("lists name {listed} labels of series, which have {pairs}"));
        }
    }

    fn has(&self, number: [u8; 4], name: &str, value: &str) -> bool {
        let Ok(entry) = self.index.series(u32::from_be_bytes(number)) else { return false };
        // A label that cannot be read was complained of with its series.
        let wanted = (name.as_bytes(), value.as_bytes());
        self.index.pairs(&entry).any(|pair| pair.is_ok_and(|pair| pair == wanted))
    }

    fn compare_figures(&self, found: &BlockStats, complain: Complain<'_>) {
        let said = &self.meta.stats;
        let deleted: usize = self.tombstones.values().map(Vec::len).sum();
        for (what, said, found) in [
            ("series", said.num_series, found.num_series),
            ("chunks", said.num_chunks, found.num_chunks),
            ("samples", said.num_samples, found.num_samples),
            ("deletions", said.num_tombstones, deleted as u64),
        ] {
            if said != found {
                let problem = format!("says {said} {what} where {found} are found");
                complain(self.dir.join("meta.json"), problem);
            }
        }
    }
}
