//! One series: its labels, its finished chunks and the one being written.

use server_storage::SampleColumns;

use super::Pair;
use super::closed::Closed;
use super::open::Open;
use crate::block::OwnedChunk;
use crate::chunk::histogram::AnyHistogram;
use crate::chunk::{self, ChunkError, Encoding};
use crate::head_chunks::MappedChunk;
use crate::sample::{Sample, Stamped};

/// Samples a chunk is meant to have.
const CHUNK_SAMPLES: u16 = 120;
/// A chunk with more samples than that is ended whatever was foretold.
const CHUNK_SAMPLES_MAX: u16 = 2 * CHUNK_SAMPLES;
/// A chunk with more bytes than that is ended: 1024 less the longest sample.
const CHUNK_BYTES_MAX: usize = 1024 - 19;

/// A finished chunk on the heap.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    /// How the bytes are laid out.
    pub(crate) encoding: Encoding,
    /// What would stand in a block behind the encoding's number.
    pub(crate) bytes: Box<[u8]>,
}

/// A series of the head. A million of them must fit in 600 MiB with all they own.
#[derive(Debug)]
pub(crate) struct Series {
    /// Number of the series, in the log too.
    pub(crate) id: u32,
    /// Samples in batches that are not committed yet; keeps the series from being removed.
    pub(crate) pending: u32,
    /// Number in the metadata table; zero is none.
    pub(crate) metadata: u32,
    /// Whether the log has a record of the series.
    pub(crate) logged: bool,
    /// Whether chunks in files wait for the log to confirm them; of use to a replay alone.
    pub(crate) awaits_chunks: bool,
    /// Samples of the newest chunk in a file that a replay has not found in the log yet.
    pub(crate) unconfirmed: u16,
    pub(crate) labels: Box<[Pair]>,
    /// Most series of a young head have none.
    closed: Option<Box<Closed>>,
    open: Open,
    open_min_time: i64,
    /// From this time on samples go to a new chunk.
    cut_at: i64,
}

/// What an append did, for the head's counts: 16 bytes, which go through registers. No chunk has
/// more than the 256 MiB of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Appended {
    bytes_more: u32,
    bytes_less: u32,
    chunks: u32,
    /// Whether a chunk ended, which now can go to a file.
    pub(crate) closed: bool,
}

impl Appended {
    /// Bytes on the heap that came, less those that went.
    pub(crate) fn grown_by(&self) -> i64 {
        i64::from(self.bytes_more) - i64::from(self.bytes_less)
    }
}

/// What many appends did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AppendedSum {
    pub(crate) bytes_more: u64,
    pub(crate) bytes_less: u64,
    pub(crate) chunks: u64,
}

impl AppendedSum {
    pub(crate) fn add(&mut self, one: Appended) {
        self.bytes_more += u64::from(one.bytes_more);
        self.bytes_less += u64::from(one.bytes_less);
        self.chunks += u64::from(one.chunks);
    }
}

/// By which rules samples go to chunks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunking {
    /// No chunk of a head crosses a multiple of that.
    pub(crate) range_ms: i64,
    /// Whether all new chunks of floats have the XOR2 encoding, not those with starts alone.
    pub(crate) xor2: bool,
}

impl Chunking {
    /// Chunks of any length, for samples that were in chunks before.
    pub(crate) const ANEW: Chunking = Chunking { range_ms: i64::MAX, xor2: false };
}

/// Where a sample would stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind all others.
    Newest,
    /// It is the newest sample, time and value.
    Same,
    /// The newest sample has its time and another value.
    Conflict,
    /// Before the newest sample.
    Older,
}

impl Series {
    /// A series without samples; `logged` says whether the log has a record of it.
    pub(crate) fn new(id: u32, labels: Box<[Pair]>, logged: bool) -> Series {
        Series {
            id,
            pending: 0,
            metadata: 0,
            logged,
            awaits_chunks: false,
            unconfirmed: 0,
            labels,
            closed: None,
            open: Open::default(),
            open_min_time: 0,
            cut_at: 0,
        }
    }

    /// Where a float sample would stand.
    pub(crate) fn place(&self, time: i64, value: f64) -> Place {
        let same = |open: &Open| match open {
            Open::Float(writer) => value.to_bits() == writer.last_value().to_bits(),
            Open::Started(writer) => value.to_bits() == writer.last_value().to_bits(),
            Open::Histogram(_) => false,
        };
        self.place_of(time, same)
    }

    /// Where a histogram sample would stand.
    pub(crate) fn place_histogram(&self, time: i64, histogram: &AnyHistogram) -> Place {
        self.place_of(time, |open| open.ends_with(histogram))
    }

    fn place_of(&self, time: i64, same: impl FnOnce(&Open) -> bool) -> Place {
        if self.open.count() == 0 {
            // Chunks that are in files know times alone.
            let last = self.closed_times().next_back();
            let is_newest = last.is_none_or(|(_, last)| last < time);
            return if is_newest { Place::Newest } else { Place::Older };
        }
        match time.cmp(&self.open.last_time()) {
            std::cmp::Ordering::Greater => Place::Newest,
            std::cmp::Ordering::Less => Place::Older,
            std::cmp::Ordering::Equal if same(&self.open) => Place::Same,
            std::cmp::Ordering::Equal => Place::Conflict,
        }
    }

    /// Reserves the series for a sample that has its place behind all others, or before them where
    /// that is allowed; gives back the place, whether the log knows the series, and how many samples
    /// were waiting.
    pub(crate) fn reserve(&mut self, place: Place, out_of_order: bool) -> (Place, bool, u32) {
        let pending = self.pending;
        let taken = place == Place::Newest || place == Place::Older && out_of_order;
        self.pending += u32::from(taken);
        (place, self.logged, pending)
    }

    /// How the newest samples are encoded; a stale marker is written like them.
    pub(crate) fn encoding(&self) -> Encoding {
        self.open.encoding()
    }

    /// Adds a sample that [`Series::place`] calls newest, with its time and its start, cutting chunks by
    /// Prometheus' rules. One with a start goes to a chunk that has room for starts.
    pub(crate) fn append(
        &mut self,
        (time, start): (i64, i64),
        value: f64,
        rules: Chunking,
    ) -> Appended {
        let before = self.open.heap_bytes() as u32;
        let mut sum = Appended::default();
        let count = self.open.count();
        let (fits, now, bytes) = match &self.open {
            Open::Float(writer) => (start == 0, writer.last_time(), writer.bytes().len()),
            Open::Started(writer) => (true, writer.last_time(), writer.bytes().len()),
            Open::Histogram(_) => (false, 0, 0),
        };
        if fits && count == CHUNK_SAMPLES / 4 {
            self.cut_at = foretell_end(self.open_min_time, now, self.cut_at, 4.0);
        }
        let full = time >= self.cut_at || count >= CHUNK_SAMPLES_MAX || bytes > CHUNK_BYTES_MAX;
        if count > 0 && (full || !fits) {
            sum.bytes_more += self.close();
            sum.bytes_less += before;
            sum.closed = true;
        }
        let before = self.open.heap_bytes() as u32;
        if self.open.count() == 0 {
            self.open_min_time = time;
            self.cut_at = range_end(time, rules.range_ms);
            sum.chunks = 1;
            if start != 0 || rules.xor2 {
                self.open = Open::Started(Box::default());
            }
        }
        match &mut self.open {
            Open::Float(writer) => writer.append(time, value),
            Open::Started(writer) => writer.append(time, start, value),
            // It was closed.
            Open::Histogram(_) => {}
        }
        sum.bytes_more += self.open.heap_bytes() as u32 - before;
        sum
    }

    /// Adds a histogram that [`Series::place_histogram`] calls newest, likewise.
    pub(crate) fn append_histogram(
        &mut self,
        (time, start): (i64, i64),
        histogram: &AnyHistogram,
        rules: Chunking,
    ) -> Appended {
        let before = self.open.heap_bytes() as u32;
        let mut sum = Appended::default();
        let mut continues = false;
        if let Open::Histogram(open) = &mut self.open {
            let range_end = range_end(self.open_min_time, rules.range_ms);
            if let Some(part) = open.foretell() {
                let now = open.last_time();
                self.cut_at = foretell_end(self.open_min_time, now, self.cut_at, part);
            }
            continues = open.is_full(time, self.cut_at, range_end);
            if !continues && open.try_append((time, start), histogram) {
                sum.bytes_more += self.open.heap_bytes() as u32;
                sum.bytes_less += before;
                return sum;
            }
        }
        let next = self.open.begin((time, start), histogram, continues);
        sum.bytes_less += before;
        if self.open.count() > 0 {
            sum.bytes_more += self.close();
            sum.closed = true;
        }
        self.open = next;
        self.open_min_time = time;
        self.cut_at = range_end(time, rules.range_ms);
        sum.chunks = 1;
        sum.bytes_more += self.open.heap_bytes() as u32;
        sum
    }

    /// Adds a sample of any kind if it is newer than all others; says what that changed.
    pub(crate) fn append_any(&mut self, new: &Stamped, rules: Chunking) -> Option<Appended> {
        let Stamped { time, start, sample } = new;
        let place = match sample {
            Sample::Float(value) => self.place(*time, *value),
            Sample::Histogram(histogram) => self.place_histogram(*time, histogram),
        };
        let times = (*time, *start);
        (place == Place::Newest).then(|| match sample {
            Sample::Float(value) => self.append(times, *value, rules),
            Sample::Histogram(histogram) => self.append_histogram(times, histogram, rules),
        })
    }

    /// Ends the open chunk; returns the bytes it has now.
    fn close(&mut self) -> u32 {
        let (min_time, max_time) = (self.open_min_time, self.open.last_time());
        let encoding = self.open.encoding();
        let bytes = self.open.finish();
        let len = bytes.len() as u32;
        self.closed.get_or_insert_default().push(Chunk { min_time, max_time, encoding, bytes });
        len
    }

    /// All chunks, none of which is in a file; the open one ended.
    pub(crate) fn into_chunks(mut self) -> Vec<Chunk> {
        if self.open.count() > 0 {
            self.close();
        }
        self.closed.map(|closed| closed.into_fresh()).unwrap_or_default()
    }

    /// Chunks that ended and are on the heap.
    pub(crate) fn fresh(&self) -> &[Chunk] {
        self.closed.as_ref().map_or(&[], |closed| closed.fresh())
    }

    /// Chunks that are in files, before all others.
    pub(crate) fn mapped(&self) -> &[MappedChunk] {
        self.closed.as_ref().map_or(&[], |closed| closed.mapped())
    }

    fn closed_times(&self) -> impl DoubleEndedIterator<Item = (i64, i64)> {
        self.closed.iter().flat_map(|closed| closed.times())
    }

    /// Frees a chunk that is in a file now; returns the bytes it had.
    pub(crate) fn set_mapped(&mut self, chunk: MappedChunk) -> u64 {
        self.closed.as_mut().map_or(0, |closed| closed.set_mapped(chunk))
    }

    /// The log has a sample of the newest chunk in a file, and so many others are to come.
    pub(crate) fn begin_confirming(&mut self, time: i64, others: u16) {
        self.unconfirmed = others;
        // Nothing is being written, so this is of no other use.
        self.open_min_time = time;
    }

    /// The log has a sample of the newest chunk in a file; one may stand there twice.
    pub(crate) fn confirm(&mut self, time: i64) {
        if self.open.count() == 0 && time > self.open_min_time {
            self.unconfirmed = self.unconfirmed.saturating_sub(1);
            self.open_min_time = time;
        }
    }

    /// Puts chunks into the place of one in a file; says whether that was there.
    pub(crate) fn replace_mapped(&mut self, old: &MappedChunk, new: &[MappedChunk]) -> bool {
        self.closed.as_mut().is_some_and(|closed| closed.replace_mapped(old, new))
    }

    /// Takes up a chunk from a file if it lies behind all samples that are there; says what that
    /// changed.
    pub(crate) fn adopt(&mut self, chunk: MappedChunk) -> Option<Appended> {
        if self.span().is_some_and(|(_, last)| last >= chunk.min_time) {
            return None;
        }
        // Chunks on the heap cannot come before one in a file: what the log has serves instead.
        if self.open.count() > 0 || !self.fresh().is_empty() {
            return None;
        }
        self.closed.get_or_insert_default().adopt(chunk);
        Some(Appended { chunks: 1, ..Appended::default() })
    }

    /// Copies of the chunks on the heap that reach into `[first, last]`, in order of time, the open
    /// one as it is now.
    pub(crate) fn copied_chunks(&self, first: i64, last: i64) -> Vec<OwnedChunk> {
        let copy = |encoding: Encoding, min_time, max_time, bytes: &[u8]| OwnedChunk {
            encoding: encoding as u8,
            min_time,
            max_time,
            bytes: bytes.into(),
        };
        let reaches = |min: i64, max: i64| min <= last && first <= max;
        let closed = self.fresh().iter().filter(|chunk| reaches(chunk.min_time, chunk.max_time));
        let closed = closed.map(|c| copy(c.encoding, c.min_time, c.max_time, &c.bytes));
        let open = &self.open;
        let is_wanted = open.count() > 0 && reaches(self.open_min_time, open.last_time());
        let open = is_wanted
            .then(|| copy(open.encoding(), self.open_min_time, open.last_time(), open.bytes()));
        closed.chain(open).collect()
    }

    /// Appends the chunks in files that reach into `[first, last]`.
    pub(crate) fn mapped_within(&self, first: i64, last: i64, chunks: &mut Vec<MappedChunk>) {
        let mapped = self.mapped();
        let from = mapped.partition_point(|chunk| chunk.max_time < first);
        chunks.extend(mapped[from..].iter().take_while(|chunk| chunk.min_time <= last));
    }

    /// Time of the first sample from `time` on, as far as chunks tell without being read.
    pub(crate) fn first_from(&self, time: i64) -> Option<i64> {
        let mut chunks = self.closed_times().chain(self.open_times());
        chunks.find(|chunk| chunk.1 >= time).map(|chunk| chunk.0.max(time))
    }

    /// The newest byte of the open chunk.
    pub(crate) fn last_byte(&self) -> Option<u8> {
        self.open.bytes().last().copied()
    }

    fn open_times(&self) -> Option<(i64, i64)> {
        (self.open.count() > 0).then(|| (self.open_min_time, self.open.last_time()))
    }

    /// Times of the oldest and the newest sample.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let open = self.open_times();
        let first = self.closed_times().next().or(open)?.0;
        let last = open.or(self.closed_times().next_back())?.1;
        Some((first, last))
    }

    /// Time of the newest sample, where that says that the series ended and nobody is about to add one.
    pub(crate) fn ended_at(&self) -> Option<i64> {
        (self.pending == 0 && self.open.is_stale()).then(|| self.open.last_time())
    }

    /// Whether there are no samples.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.count() == 0 && self.closed.as_ref().is_none_or(|closed| closed.is_empty())
    }

    /// Newest time and length of every chunk on the heap.
    pub(crate) fn chunk_ends(&self) -> impl Iterator<Item = (i64, usize)> {
        let open = (self.open.count() > 0).then(|| (self.open.last_time(), self.open.heap_bytes()));
        self.fresh().iter().map(|chunk| (chunk.max_time, chunk.bytes.len())).chain(open)
    }

    /// Drops chunks that end before a time; returns how many and their bytes on the heap.
    pub(crate) fn drop_before(&mut self, time: i64) -> (u64, u64) {
        let (mut chunks, mut bytes) = (0, 0);
        if let Some(closed) = &mut self.closed {
            (chunks, bytes) = closed.drop_before(time);
            if closed.is_empty() {
                self.closed = None;
            }
        }
        if self.open.count() > 0 && self.open.last_time() < time {
            bytes += self.open.heap_bytes() as u64;
            chunks += 1;
            self.open = Open::default();
        }
        (chunks, bytes)
    }

    /// Appends the samples of `[start, end]` that are on the heap to columns.
    pub(crate) fn read(
        &self,
        start: i64,
        end: i64,
        samples: &mut SampleColumns,
    ) -> Result<(), ChunkError> {
        let fresh = self.fresh();
        let first = fresh.partition_point(|chunk| chunk.max_time < start);
        for chunk in fresh[first..].iter().take_while(|chunk| chunk.min_time <= end) {
            chunk::read(chunk.encoding, &chunk.bytes, start, end, samples)?;
        }
        if self.open.count() > 0 && self.open_min_time <= end && self.open.last_time() >= start {
            chunk::read(self.open.encoding(), self.open.bytes(), start, end, samples)?;
        }
        Ok(())
    }
}

/// The first time behind the range that holds `time`; Go's division, which rounds towards zero.
pub(crate) fn range_end(time: i64, range_ms: i64) -> i64 {
    (time / range_ms * range_ms).saturating_add(range_ms)
}

/// Guesses from the beginning of a chunk, which is `parts` times as long when it is full, when to end
/// it, so that all chunks of a range get about the same number of samples.
fn foretell_end(start: i64, now: i64, latest: i64, parts: f64) -> i64 {
    let whole = latest.saturating_sub(start) as f64;
    let beginning = now.saturating_sub(start).saturating_add(1) as f64;
    let chunks = whole / (beginning * parts);
    if chunks <= 1.0 { latest } else { (start as f64 + whole / chunks.floor()) as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_of_floats_pays_nothing_for_histograms() {
        assert_eq!(size_of::<Series>(), 112);
    }
}
