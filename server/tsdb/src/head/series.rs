//! One series: its labels, its finished chunks and the one being written.

use server_storage::SampleColumns;

use super::Pair;
use crate::chunk::ChunkError;
use crate::chunk::columns;
use crate::chunk::xor::XorWriter;

/// Samples a chunk is meant to have.
const CHUNK_SAMPLES: u16 = 120;
/// A chunk with more samples than that is ended whatever was foretold.
const CHUNK_SAMPLES_MAX: u16 = 2 * CHUNK_SAMPLES;
/// A chunk with more bytes than that is ended: 1024 less the longest sample.
const CHUNK_BYTES_MAX: usize = 1024 - 19;

/// A finished chunk. Where its bytes lie is nobody else's business: they will move to a file.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
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
    pub(crate) labels: Box<[Pair]>,
    pub(crate) closed: Vec<Chunk>,
    open: XorWriter,
    open_min_time: i64,
    /// From this time on samples go to a new chunk.
    cut_at: i64,
}

/// What an append did, for the head's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) bytes_more: u64,
    pub(crate) bytes_less: u64,
    pub(crate) chunks: u64,
}

impl Appended {
    pub(crate) fn add(&mut self, other: Appended) {
        self.bytes_more += other.bytes_more;
        self.bytes_less += other.bytes_less;
        self.chunks += other.chunks;
    }
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
    pub(crate) fn new(id: u32, labels: Box<[Pair]>) -> Series {
        Series {
            id,
            pending: 0,
            metadata: 0,
            logged: false,
            labels,
            closed: Vec::new(),
            open: XorWriter::default(),
            open_min_time: 0,
            cut_at: 0,
        }
    }

    /// Where a sample would stand.
    pub(crate) fn place(&self, time: i64, value: f64) -> Place {
        if self.open.count() == 0 {
            return Place::Newest;
        }
        match time.cmp(&self.open.last_time()) {
            std::cmp::Ordering::Greater => Place::Newest,
            std::cmp::Ordering::Less => Place::Older,
            std::cmp::Ordering::Equal if value.to_bits() == self.open.last_value().to_bits() => {
                Place::Same
            }
            std::cmp::Ordering::Equal => Place::Conflict,
        }
    }

    /// Adds a sample that [`Series::place`] calls newest, cutting chunks by Prometheus' rules.
    pub(crate) fn append(&mut self, time: i64, value: f64, chunk_range_ms: i64) -> Appended {
        let before = self.open.heap_bytes() as u64;
        let mut sum = Appended::default();
        let count = self.open.count();
        if count == CHUNK_SAMPLES / 4 {
            self.cut_at = foretell_end(self.open_min_time, self.open.last_time(), self.cut_at);
        }
        let full = time >= self.cut_at
            || count >= CHUNK_SAMPLES_MAX
            || self.open.bytes().len() > CHUNK_BYTES_MAX;
        if count > 0 && full {
            sum.bytes_more += self.close();
            sum.bytes_less += before;
        }
        let before = self.open.heap_bytes() as u64;
        if self.open.count() == 0 {
            self.open_min_time = time;
            self.cut_at = range_end(time, chunk_range_ms);
            sum.chunks = 1;
        }
        self.open.append(time, value);
        sum.bytes_more += self.open.heap_bytes() as u64 - before;
        sum
    }

    /// Ends the open chunk; returns the bytes it has now.
    fn close(&mut self) -> u64 {
        let (min_time, max_time) = (self.open_min_time, self.open.last_time());
        let bytes = self.open.finish();
        let len = bytes.len() as u64;
        if self.closed.len() == self.closed.capacity() {
            self.closed.reserve_exact(1 + self.closed.len() / 4);
        }
        self.closed.push(Chunk { min_time, max_time, bytes });
        len
    }

    /// Times of the oldest and the newest sample.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let open = (self.open.count() > 0).then(|| (self.open_min_time, self.open.last_time()));
        let first = self.closed.first().map(|chunk| chunk.min_time).or(open.map(|o| o.0))?;
        let last = open.map(|o| o.1).or(self.closed.last().map(|chunk| chunk.max_time))?;
        Some((first, last))
    }

    /// Whether there are no samples.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.count() == 0 && self.closed.is_empty()
    }

    /// Newest time and length of every chunk.
    pub(crate) fn chunk_ends(&self) -> impl Iterator<Item = (i64, usize)> {
        let open = (self.open.count() > 0).then(|| (self.open.last_time(), self.open.heap_bytes()));
        self.closed.iter().map(|chunk| (chunk.max_time, chunk.bytes.len())).chain(open)
    }

    /// Drops chunks that end before a time; returns how many and their bytes.
    pub(crate) fn drop_before(&mut self, time: i64) -> (u64, u64) {
        let gone = self.closed.partition_point(|chunk| chunk.max_time < time);
        let mut bytes: u64 = self.closed.drain(..gone).map(|chunk| chunk.bytes.len() as u64).sum();
        let mut chunks = gone as u64;
        if gone > 0 {
            self.closed.shrink_to_fit();
        }
        if self.open.count() > 0 && self.open.last_time() < time {
            bytes += self.open.heap_bytes() as u64;
            chunks += 1;
            self.open = XorWriter::default();
        }
        (chunks, bytes)
    }

    /// Appends the samples of `[start, end]` to columns.
    pub(crate) fn read(
        &self,
        start: i64,
        end: i64,
        samples: &mut SampleColumns,
    ) -> Result<(), ChunkError> {
        let first = self.closed.partition_point(|chunk| chunk.max_time < start);
        for chunk in self.closed[first..].iter().take_while(|chunk| chunk.min_time <= end) {
            columns::decode(&chunk.bytes, start, end, samples)?;
        }
        if self.open.count() > 0 && self.open_min_time <= end && self.open.last_time() >= start {
            columns::decode(self.open.bytes(), start, end, samples)?;
        }
        Ok(())
    }
}

/// The first time behind the range that holds `time`; Go's division, which rounds towards zero.
fn range_end(time: i64, range_ms: i64) -> i64 {
    (time / range_ms * range_ms).saturating_add(range_ms)
}

/// Guesses from the first quarter of a chunk when to end it, so that all chunks of a range get about
/// the same number of samples.
fn foretell_end(start: i64, now: i64, latest: i64) -> i64 {
    let whole = latest.saturating_sub(start) as f64;
    let quarter = now.saturating_sub(start).saturating_add(1) as f64;
    let chunks = whole / (quarter * 4.0);
    if chunks <= 1.0 { latest } else { (start as f64 + whole / chunks.floor()) as i64 }
}
