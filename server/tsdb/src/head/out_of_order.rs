//! Samples that came out of order: few, so they wait as they are until there are enough of a series
//! for a chunk in a file, and go to blocks of their own in the end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use foldhash::fast::FixedState;
use parking_lot::{Mutex, RwLock};

use super::late::{holds, without};
use crate::head_chunks::LateChunk;
use crate::sample::Stamped;

/// Samples of one series. Of several at one time the first counts: that of the older chunk, and that
/// of any chunk before the one in memory.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Those in files, in the order in which they went there; their times may overlap.
    pub(crate) mapped: Vec<LateChunk>,
    /// The others, in order of time.
    pub(crate) memory: Vec<Stamped>,
    /// Times of the first and the last sample.
    span: (i64, i64),
}

type Rows = HashMap<u32, Row, FixedState>;

/// All samples out of order.
#[derive(Debug, Default)]
pub(crate) struct OutOfOrder {
    /// How far behind the newest sample of the head they may be; zero takes none.
    pub(crate) window_ms: AtomicI64,
    /// So many of a series in memory are worth a chunk.
    pub(crate) chunk_samples: usize,
    /// How many there are, and how many of them are in files.
    samples: AtomicU64,
    mapped: AtomicU64,
    pub(crate) appended: AtomicU64,
    pub(crate) too_old: AtomicU64,
    rows: RwLock<Generations>,
    /// Series that have enough in memory for a chunk, some of them twice.
    due: Mutex<Vec<u32>>,
}

/// Those that come now, and those that are being written to blocks.
#[derive(Debug, Default)]
struct Generations {
    current: Rows,
    frozen: Option<Rows>,
    /// Whether blocks have all of the frozen ones: they wait for readers, and the log has them no more.
    in_blocks: bool,
}

/// Which of the two generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    Frozen,
    Current,
}

impl Default for Row {
    fn default() -> Row {
        Row { mapped: Vec::new(), memory: Vec::new(), span: (i64::MAX, i64::MIN) }
    }
}

impl Row {
    fn insert(&mut self, sample: Stamped) -> bool {
        let time = sample.time;
        match self.memory.binary_search_by_key(&time, |sample| sample.time) {
            Ok(_) => return false,
            Err(at) => self.memory.insert(at, sample),
        }
        self.span = (self.span.0.min(time), self.span.1.max(time));
        true
    }

    /// How many samples there are, and how many of them are in files.
    fn counts(&self) -> (u64, u64) {
        let mapped = self.mapped.iter().map(|late| u64::from(late.samples)).sum();
        (self.memory.len() as u64 + mapped, mapped)
    }

    /// A copy of what reaches into `[first, last]`; `None` where nothing does.
    fn within(&self, (first, last): (i64, i64)) -> Option<Row> {
        if self.span.1 < first || last < self.span.0 {
            return None;
        }
        let reaches =
            |late: &&LateChunk| late.chunk.min_time <= last && first <= late.chunk.max_time;
        let from = self.memory.partition_point(|sample| sample.time < first);
        let memory = self.memory[from..].iter().take_while(|sample| sample.time <= last);
        Some(Row {
            mapped: self.mapped.iter().filter(reaches).copied().collect(),
            memory: memory.cloned().collect(),
            span: self.span,
        })
    }

    fn push_mapped(&mut self, chunk: LateChunk) {
        if self.mapped.len() == self.mapped.capacity() {
            self.mapped.reserve_exact(1 + self.mapped.len() / 4);
        }
        self.mapped.push(chunk);
    }
}

impl Generations {
    fn of(&mut self, generation: Generation) -> Option<&mut Rows> {
        match generation {
            Generation::Frozen => self.frozen.as_mut(),
            Generation::Current => Some(&mut self.current),
        }
    }

    /// Those of a series, the older ones first.
    fn rows(&self, id: u32) -> impl Iterator<Item = &Row> {
        self.frozen.iter().chain([&self.current]).filter_map(move |rows| rows.get(&id))
    }

    fn all(&self) -> impl Iterator<Item = &Row> {
        self.frozen.iter().chain([&self.current]).flat_map(|rows| rows.values())
    }
}

impl OutOfOrder {
    /// Whether there are none, which is nearly always so.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.load(Ordering::Acquire) == 0
    }

    pub(crate) fn len(&self) -> u64 {
        self.samples.load(Ordering::Acquire)
    }

    /// How many of them are in files.
    pub(crate) fn in_files(&self) -> u64 {
        self.mapped.load(Ordering::Relaxed)
    }

    /// Adds a sample; of several at the same time in memory the first stays. Says whether it is new.
    pub(crate) fn insert(&self, id: u32, sample: Stamped) -> bool {
        let is_due = {
            let mut generations = self.rows.write();
            let row = generations.current.entry(id).or_default();
            if !row.insert(sample) {
                return false;
            }
            // Those that cannot go to a file are not tried too often.
            let (len, full) = (row.memory.len(), self.chunk_samples.max(1));
            len.is_multiple_of(full) && (len / full).is_power_of_two()
        };
        self.samples.fetch_add(1, Ordering::AcqRel);
        if is_due {
            self.due.lock().push(id);
        }
        true
    }

    /// Whether a series has any.
    pub(crate) fn has(&self, id: u32) -> bool {
        !self.is_empty() && self.rows.read().rows(id).next().is_some()
    }

    /// Times of the first and the last one of a series.
    pub(crate) fn span_of(&self, id: u32) -> Option<(i64, i64)> {
        if self.is_empty() {
            return None;
        }
        span(self.rows.read().rows(id))
    }

    /// Times of the first and the last one.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        if self.is_empty() {
            return None;
        }
        span(self.rows.read().all())
    }

    /// What a series has between two times, the older rows first: as it is at one moment, so that
    /// nothing is missed that goes to a file meanwhile.
    pub(crate) fn find(&self, id: u32, times: (i64, i64)) -> Vec<Row> {
        if self.is_empty() {
            return Vec::new();
        }
        self.rows.read().rows(id).filter_map(|row| row.within(times)).collect()
    }

    /// Puts those that are there aside to be written; what comes later is apart. Says whether there
    /// are any. What was put aside before must be gone.
    pub(crate) fn freeze(&self) -> bool {
        let mut generations = self.rows.write();
        let current = std::mem::take(&mut generations.current);
        let any = !current.is_empty();
        generations.frozen = any.then_some(current);
        generations.in_blocks = false;
        any
    }

    /// Numbers of the series that were put aside.
    pub(crate) fn frozen(&self) -> Vec<u32> {
        self.rows.read().frozen.iter().flat_map(|rows| rows.keys().copied()).collect()
    }

    /// What was put aside of a series between two times.
    pub(crate) fn find_frozen(&self, id: u32, times: (i64, i64)) -> Option<Row> {
        self.rows.read().frozen.as_ref()?.get(&id)?.within(times)
    }

    /// Times of the first and the last one that was put aside.
    pub(crate) fn frozen_span(&self) -> Option<(i64, i64)> {
        span(self.rows.read().frozen.iter().flat_map(|rows| rows.values()))
    }

    /// Takes note that blocks have what was put aside, and the log has not.
    pub(crate) fn settle(&self) {
        self.rows.write().in_blocks = true;
    }

    /// Forgets those that were put aside.
    pub(crate) fn thaw(&self) {
        let gone = self.rows.write().frozen.take();
        for row in gone.iter().flat_map(|rows| rows.values()) {
            let (samples, mapped) = row.counts();
            self.samples.fetch_sub(samples, Ordering::AcqRel);
            self.mapped.fetch_sub(mapped, Ordering::Relaxed);
        }
    }
}

/// What is in files.
impl OutOfOrder {
    /// The series that have enough in memory for a chunk, each once; they are taken note of anew.
    pub(crate) fn take_due(&self) -> Vec<u32> {
        let mut due = std::mem::take(&mut *self.due.lock());
        due.sort_unstable();
        due.dedup();
        due
    }

    /// Takes note of series that wait for a file again.
    pub(crate) fn await_files(&self, ids: impl IntoIterator<Item = u32>) {
        self.due.lock().extend(ids);
    }

    /// After a replay: of all series those have something for a file that have enough in memory, and
    /// those named here.
    pub(crate) fn await_files_anew(&self, more: impl IntoIterator<Item = u32>) {
        let enough = |(_, row): &(&u32, &Row)| row.memory.len() >= self.chunk_samples;
        let mut due: Vec<u32> =
            self.rows.read().current.iter().filter(enough).map(|(id, _)| *id).collect();
        due.extend(more);
        *self.due.lock() = due;
    }

    /// Calls `act` with what series have in memory, to which nobody adds meanwhile, until those were
    /// so many samples; says how many of the series it was called for, or had nothing.
    pub(crate) fn each_in_memory(
        &self,
        ids: &[u32],
        samples_max: usize,
        mut act: impl FnMut(u32, &[Stamped]),
    ) -> usize {
        let generations = self.rows.read();
        let mut samples = 0;
        for (at, id) in ids.iter().enumerate() {
            if samples >= samples_max {
                return at;
            }
            if let Some(row) = generations.current.get(id).filter(|row| !row.memory.is_empty()) {
                act(*id, &row.memory);
                samples += row.memory.len();
            }
        }
        ids.len()
    }

    /// From now on what series have in memory is read from chunks. Nobody may have added to it since
    /// those were written.
    pub(crate) fn set_mapped(&self, chunks: &[(u32, LateChunk)]) {
        let mut generations = self.rows.write();
        for (id, chunk) in chunks {
            let Some(row) = generations.current.get_mut(id) else { continue };
            row.memory = Vec::new();
            row.push_mapped(*chunk);
            self.mapped.fetch_add(u64::from(chunk.samples), Ordering::Relaxed);
        }
    }

    /// Takes up a chunk whose samples, in order of time, are all in memory, which is free of them
    /// then; says whether it was one. What was read twice from the log goes, too.
    pub(crate) fn adopt(&self, id: u32, chunk: LateChunk, samples: &[Stamped]) -> bool {
        let mut generations = self.rows.write();
        let Some(row) = generations.current.get_mut(&id) else { return false };
        if !holds(&row.memory, samples) {
            return false;
        }
        row.memory = without(std::mem::take(&mut row.memory), samples);
        if row.mapped.contains(&chunk) {
            self.samples.fetch_sub(u64::from(chunk.samples), Ordering::AcqRel);
            return true;
        }
        row.push_mapped(chunk);
        self.mapped.fetch_add(u64::from(chunk.samples), Ordering::Relaxed);
        true
    }

    /// Number of the oldest file that chunks are in.
    pub(crate) fn first_file(&self) -> Option<u32> {
        let generations = self.rows.read();
        generations.all().flat_map(|row| &row.mapped).map(|late| late.chunk.file()).min()
    }

    /// Series and their chunks that the log has, too.
    pub(crate) fn all_mapped(&self) -> Vec<(Generation, u32, Vec<LateChunk>)> {
        let generations = self.rows.read();
        let logged = generations.frozen.iter().filter(|_| !generations.in_blocks);
        let frozen = logged.flatten().map(|(id, row)| (Generation::Frozen, id, row));
        let current = generations.current.iter().map(|(id, row)| (Generation::Current, id, row));
        let some = frozen.chain(current).filter(|(_, _, row)| !row.mapped.is_empty());
        some.map(|(generation, id, row)| (generation, *id, row.mapped.clone())).collect()
    }

    /// Puts samples that were read from the log into memory, in the place of all chunks of a row,
    /// which must be these. Says whether they were.
    pub(crate) fn unmap(
        &self,
        (generation, id): (Generation, u32),
        mapped: &[LateChunk],
        samples: Vec<Stamped>,
    ) -> bool {
        let mut generations = self.rows.write();
        let row = generations.of(generation).and_then(|rows| rows.get_mut(&id));
        let Some(row) = row.filter(|row| row.mapped == mapped) else { return false };
        let before = row.counts();
        row.mapped = Vec::new();
        // What is in memory came after what is in chunks.
        let later = std::mem::take(&mut row.memory);
        for sample in samples.into_iter().chain(later) {
            row.insert(sample);
        }
        let (now, _) = row.counts();
        self.samples.fetch_add(now, Ordering::AcqRel);
        self.samples.fetch_sub(before.0, Ordering::AcqRel);
        self.mapped.fetch_sub(before.1, Ordering::Relaxed);
        true
    }
}

fn span<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<(i64, i64)> {
    rows.map(|row| row.span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}
