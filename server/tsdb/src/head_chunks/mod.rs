//! Files of head chunks, `chunks_head`: full chunks leave the heap for them.
//!
//! The log has every sample that is in them as long as it matters, so they are never synced and may
//! be lost at any time; what they save is memory, and at the next start the work to encode again what
//! the log holds. What is damaged is put aside and taken from the log. Chunks of samples out of order
//! stand among the others; their own log has those.

mod format;
mod heal;
mod heal_late;
mod late;
mod load;
mod write;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::Error;
use crate::chunk::Encoding;
use crate::fs::{Fs, Mapped};
use crate::wal::count;

pub(crate) use format::{HEADER_BYTES, Next, Stored, header_problem, parse};
pub(crate) use late::LateChunk;
pub(crate) use load::{Awaiting, listed, mend_first};
use write::Writer;

/// The directory they are in.
pub(crate) const HEAD_CHUNKS: &str = "chunks_head";

/// A chunk in a file: where, and what times it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MappedChunk {
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    /// Number of the file in the upper half, position in it in the lower one.
    place: u64,
}

impl MappedChunk {
    /// Number of the file.
    pub(crate) fn file(&self) -> u32 {
        (self.place >> 32) as u32
    }
}

/// What happened to the files.
#[derive(Debug, Default)]
pub(crate) struct HeadChunkCounters {
    /// Chunks written.
    pub(crate) chunks: AtomicU64,
    /// Damaged places.
    pub(crate) corruptions: AtomicU64,
    /// Ends that a crash tore and that were cut.
    pub(crate) torn_tails: AtomicU64,
    /// Files put aside.
    pub(crate) quarantined: AtomicU64,
    /// Damaged chunks that were read from the log and written again.
    pub(crate) healed: AtomicU64,
    /// Times that chunks had to stay in memory because they could not be written.
    pub(crate) writes_failed: AtomicU64,
}

/// One file.
#[derive(Debug)]
struct ChunkFile {
    number: u32,
    path: Mutex<PathBuf>,
    /// Time of the oldest and of the newest sample in it.
    min_time: AtomicI64,
    max_time: AtomicI64,
    /// Bytes of whole chunks, the header included.
    len: AtomicU64,
    /// The file as memory, as far as it had been written then.
    view: RwLock<Option<View>>,
    /// Whether the view was used since it was last asked.
    used: AtomicBool,
}

#[derive(Clone, Debug)]
struct View {
    bytes: Mapped,
    len: u64,
}

/// All files of the head.
#[derive(Debug)]
pub(crate) struct HeadChunks {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    /// In order of their numbers, which leave no gap.
    files: RwLock<Vec<Arc<ChunkFile>>>,
    writer: Mutex<Writer>,
    /// Series with a number that the log has for another one too: in a file nothing else would say
    /// whose a chunk is, so theirs stay on the heap.
    contested: Mutex<HashSet<u32>>,
    /// Series with chunks that are to be written, in the order in which they ended.
    waiting: Mutex<Vec<u32>>,
    /// Whether a chunk could not be read since somebody asked.
    damaged: AtomicBool,
    pub(crate) counters: HeadChunkCounters,
}

/// `000012`
pub(crate) fn file_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}"))
}

impl ChunkFile {
    fn new(dir: &Path, number: u32) -> ChunkFile {
        ChunkFile {
            number,
            path: Mutex::new(file_path(dir, number)),
            min_time: AtomicI64::new(i64::MAX),
            max_time: AtomicI64::new(i64::MIN),
            len: AtomicU64::new(0),
            view: RwLock::default(),
            used: AtomicBool::new(false),
        }
    }

    fn path(&self) -> PathBuf {
        self.path.lock().clone()
    }

    fn cover(&self, min_time: i64, max_time: i64) {
        self.min_time.fetch_min(min_time, Ordering::Relaxed);
        self.max_time.fetch_max(max_time, Ordering::Relaxed);
    }

    /// The file with everything up to `position`, where a whole chunk begins.
    fn view(&self, fs: &dyn Fs, position: u64) -> Result<Mapped, Error> {
        self.used.store(true, Ordering::Relaxed);
        let covers = |view: &View| (position < view.len).then(|| view.bytes.clone());
        if let Some(bytes) = self.view.read().as_ref().and_then(covers) {
            return Ok(bytes);
        }
        let mut view = self.view.write();
        if let Some(bytes) = view.as_ref().and_then(covers) {
            return Ok(bytes);
        }
        // Behind that there may be half a chunk now.
        let len = self.len.load(Ordering::Acquire);
        let path = self.path();
        let bytes = fs.map(&path).map_err(Error::io("map", &path))?;
        *view = Some(View { bytes: bytes.clone(), len });
        Ok(bytes)
    }
}

impl HeadChunks {
    pub(crate) fn new(fs: Arc<dyn Fs>, data: &Path) -> HeadChunks {
        let dir = data.join(HEAD_CHUNKS);
        HeadChunks {
            fs,
            dir,
            files: RwLock::default(),
            writer: Mutex::default(),
            contested: Mutex::default(),
            waiting: Mutex::default(),
            damaged: AtomicBool::new(false),
            counters: HeadChunkCounters::default(),
        }
    }

    /// Calls `act` with encoding and bytes of a chunk; `None` when its file was removed, as too old.
    pub(crate) fn read<T>(
        &self,
        chunk: &MappedChunk,
        act: impl FnOnce(Encoding, &[u8]) -> T,
    ) -> Result<Option<T>, Error> {
        let Some((file, position)) = self.find(chunk.place) else { return Ok(None) };
        let bytes = file.view(&*self.fs, position)?;
        let problem = match parse(&bytes, position as usize) {
            Next::Chunk(stored, _)
                if (stored.min_time, stored.max_time) == (chunk.min_time, chunk.max_time) =>
            {
                match Encoding::from_number(stored.encoding) {
                    Some(encoding) => return Ok(Some(act(encoding, stored.bytes))),
                    None => format!("encoding {} at byte {position}", stored.encoding),
                }
            }
            Next::Damaged(problem) => problem,
            _ => format!("another chunk than was written at byte {position}"),
        };
        Err(self.damage(&file, problem))
    }

    /// The file of a place, and the position in it; `None` when it was removed.
    fn find(&self, place: u64) -> Option<(Arc<ChunkFile>, u64)> {
        let number = (place >> 32) as u32;
        let files = self.files.read();
        let at = files.binary_search_by_key(&number, |file| file.number).ok()?;
        Some((files.get(at)?.clone(), place & u64::from(u32::MAX)))
    }

    /// Takes note of a chunk that is not what was written.
    fn damage(&self, file: &ChunkFile, problem: String) -> Error {
        count(&self.counters.corruptions, 1);
        self.damaged.store(true, Ordering::Release);
        Error::Corrupt { path: file.path(), problem }
    }

    /// Whether a chunk could not be read since somebody asked.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// Looks through all files; says whether there is anything that was not written.
    fn has_damage(&self) -> bool {
        let files = self.files.read().clone();
        files.iter().filter(|file| file.len.load(Ordering::Relaxed) > 0).any(|file| {
            let end = file.len.load(Ordering::Acquire) as usize;
            let Ok(bytes) = file.view(&*self.fs, end as u64 - 1) else { return true };
            let mut at = HEADER_BYTES;
            while at < end {
                match parse(&bytes, at) {
                    Next::Chunk(_, next) => at = next,
                    _ => return true,
                }
            }
            false
        })
    }

    /// Takes note of series that have chunks to be written.
    pub(crate) fn await_writing(&self, series: &mut Vec<u32>) {
        if !series.is_empty() {
            self.waiting.lock().append(series);
        }
    }

    /// Takes note that the log has one number for both of these series.
    pub(crate) fn contest(&self, series: [u32; 2]) {
        self.contested.lock().extend(series);
    }

    /// Whether [`HeadChunks::contest`] was told of a series.
    pub(crate) fn is_contested(&self, series: u32) -> bool {
        self.contested.lock().contains(&series)
    }

    /// Series that [`HeadChunks::contest`] was told of.
    pub(crate) fn contested(&self) -> Vec<u32> {
        self.contested.lock().iter().copied().collect()
    }

    /// Removes files all of whose samples are before `time`. Their chunks must be out of reach, but
    /// for those of samples out of order: `late` says which is the oldest file with some of those.
    pub(crate) fn truncate(
        &self,
        time: i64,
        late: impl FnOnce() -> Option<u32>,
    ) -> Result<(), Error> {
        let mut writer = self.writer.lock();
        // So that this one can go some day.
        writer.end_file();
        // Whoever writes such chunks has the writer until they are known.
        let late = late().unwrap_or(u32::MAX);
        let mut removed = false;
        loop {
            let first = self.files.read().first().cloned();
            // One without chunks is just being written.
            let is_old = |file: &Arc<ChunkFile>| {
                file.number < late
                    && file.len.load(Ordering::Relaxed) > 0
                    && file.max_time.load(Ordering::Relaxed) < time
            };
            let Some(file) = first.filter(is_old) else { break };
            let path = file.path();
            match self.fs.remove(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &path)(error));
                }
                _ => {}
            }
            self.files.write().retain(|other| other.number != file.number);
            removed = true;
        }
        let first = self.files.read().first().map(|file| file.number);
        let aside = listed(&*self.fs, &self.dir)?.aside;
        for (name, _) in aside.iter().filter(|(_, n)| first.is_none_or(|first| *n < first)) {
            let path = self.dir.join(name);
            self.fs.remove(&path).map_err(Error::io("remove", &path))?;
            removed = true;
        }
        if removed {
            self.fs.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))?;
        }
        Ok(())
    }

    /// Time of the oldest sample that is in a file, whether the head still has it or not;
    /// `i64::MAX` when there are no files.
    pub(crate) fn min_time(&self) -> i64 {
        let files = self.files.read();
        files.iter().map(|f| f.min_time.load(Ordering::Relaxed)).min().unwrap_or(i64::MAX)
    }

    /// Gives the memory of files back that nobody read since this was called last.
    pub(crate) fn forget_views(&self) {
        for file in self.files.read().iter() {
            if !file.used.swap(false, Ordering::Relaxed) {
                file.view.write().take();
            }
        }
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.read().iter().map(|file| file.len.load(Ordering::Relaxed)).sum()
    }
}
