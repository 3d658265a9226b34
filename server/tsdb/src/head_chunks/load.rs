//! What a start finds in the files: chunks that stand for samples of the log.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{
    ChunkFile, HEADER_BYTES, HeadChunks, MappedChunk, Next, file_path, header_problem, parse,
};
use crate::Error;
use crate::chunk::Encoding;
use crate::fs::Fs;
use crate::wal::count;

/// How a file is called that was put aside; Prometheus passes such names over.
const ASIDE: &str = ".corrupt";
/// How a file is called that has chunks which the log does not confirm; it goes when it is too old.
const STALE: &str = ".stale";
/// How what is good of a damaged file is called before it takes its place.
const REPAIRED: &str = ".repaired";

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Number of a series in the log, a chunk of it, and how many samples that has.
type Found = (u64, MappedChunk, u16);

/// The names in the directory.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// Numbers of the files, ascending.
    pub(crate) files: Vec<u32>,
    /// Names and numbers of those that were put aside.
    pub(crate) aside: Vec<(String, u32)>,
    /// Repairs that were not finished.
    pub(crate) unfinished: Vec<String>,
}

/// Reads the directory; one that is missing is empty.
pub(crate) fn listed(fs: &dyn Fs, dir: &Path) -> Result<Listed, Error> {
    let entries = match fs.list(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Listed::default()),
        other => other.map_err(Error::io("list", dir))?,
    };
    let mut listed = Listed::default();
    for entry in entries.into_iter().filter(|entry| !entry.is_dir) {
        let name = entry.name;
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(number) = name[..digits].parse() else { continue };
        match &name[digits..] {
            "" => listed.files.push(number),
            REPAIRED => listed.unfinished.push(name),
            end if end.starts_with(ASIDE) || end.starts_with(STALE) => {
                listed.aside.push((name, number))
            }
            _ => {}
        }
    }
    listed.files.sort_unstable();
    Ok(listed)
}

/// A free name for a file that is put aside.
fn aside_path(listed: &Listed, dir: &Path, number: u32, end: &str) -> PathBuf {
    let names = (0..).map(|n: u32| match n {
        0 => format!("{number:06}{end}"),
        n => format!("{number:06}{end}.{n}"),
    });
    let mut free = names.filter(|name| listed.aside.iter().all(|(taken, _)| taken != name));
    // There are more names than files.
    dir.join(free.next().unwrap_or_default())
}

/// Chunks of the files by the number that their series has in the log.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// With the number of their samples.
    chunks: Vec<(MappedChunk, u16)>,
    by_series: Map<u64, (u32, u32)>,
    /// Largest number of a series that has chunks of samples out of order. Those are asked for by
    /// their place.
    last_late: Option<u64>,
}

impl Candidates {
    fn new(mut found: Vec<Found>, last_late: Option<u64>) -> Candidates {
        // Those of a series stay in the order in which they were written.
        found.sort_by_key(|found| found.0);
        let mut by_series = Map::default();
        let mut start = 0_u32;
        for run in found.chunk_by(|a, b| a.0 == b.0) {
            // A file of 128 MiB has far less than 2^22 chunks, and there are no 2^10 of them.
            let end = start.saturating_add(u32::try_from(run.len()).unwrap_or(u32::MAX));
            by_series.insert(run[0].0, (start, end));
            start = end;
        }
        let chunks = found.into_iter().map(|(_, chunk, samples)| (chunk, samples)).collect();
        Candidates { chunks, by_series, last_late }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_series.is_empty()
    }

    /// The largest number of a series that has chunks and is no larger than `max`.
    pub(crate) fn last_series(&self, max: u64) -> Option<u64> {
        let all = self.by_series.keys().copied().chain(self.last_late);
        all.filter(|series| *series <= max).max()
    }

    /// Takes out the chunks of a series.
    fn take(&mut self, series: u64) -> Option<(u32, u32)> {
        if self.by_series.is_empty() { None } else { self.by_series.remove(&series) }
    }
}

/// Chunks that wait for a sample of the log that is in them: what the log does not have any more does
/// not come back from here, and a chunk of another series never stands in for samples.
#[derive(Debug, Default)]
pub(crate) struct Awaiting {
    candidates: Candidates,
    /// By series of the head: those that are left of its candidates.
    rows: Map<u32, (u32, u32)>,
    /// Newest time of a chunk that was passed over.
    passed: Option<i64>,
}

impl Awaiting {
    pub(crate) fn new(candidates: Candidates) -> Awaiting {
        Awaiting { candidates, rows: Map::default(), passed: None }
    }

    /// Lets the chunks written under a number of the log wait for a series; says whether any do.
    pub(crate) fn begin(&mut self, number: u64, id: u32) -> bool {
        match self.candidates.take(number) {
            Some(row) => {
                // What waits under an older number of the same series is read from the log.
                if let Some(older) = self.rows.insert(id, row) {
                    self.pass(older);
                }
                true
            }
            None => false,
        }
    }

    /// The chunk of a series that has a sample of this time, and how many samples it has, if there is
    /// one that no other sample asked for; and whether more of its chunks wait.
    pub(crate) fn claim(&mut self, id: u32, time: i64) -> (Option<(MappedChunk, u16)>, bool) {
        let Some(row) = self.rows.get_mut(&id) else { return (None, false) };
        while row.0 < row.1 {
            let Some((chunk, samples)) = self.candidates.chunks.get(row.0 as usize).copied() else {
                break;
            };
            if time < chunk.min_time {
                return (None, true);
            }
            row.0 += 1;
            if time <= chunk.max_time {
                return (Some((chunk, samples)), row.0 < row.1);
            }
            self.passed = self.passed.max(Some(chunk.max_time));
        }
        self.rows.remove(&id);
        (None, false)
    }

    /// Passes over chunks.
    fn pass(&mut self, (first, end): (u32, u32)) {
        let chunks = self.candidates.chunks.get(first as usize..end as usize);
        let newest = chunks.into_iter().flatten().map(|(chunk, _)| chunk.max_time).max();
        self.passed = self.passed.max(newest);
    }

    /// Takes note of a chunk that was claimed, and has no place.
    pub(crate) fn refuse(&mut self, chunk: &MappedChunk) {
        self.passed = self.passed.max(Some(chunk.max_time));
    }

    /// Ends the waiting; says the newest time of a chunk that the log did not confirm.
    pub(crate) fn end(&mut self) -> Option<i64> {
        let rows = std::mem::take(&mut self.rows).into_values();
        let unclaimed = std::mem::take(&mut self.candidates.by_series).into_values();
        for row in rows.chain(unclaimed).collect::<Vec<_>>() {
            self.pass(row);
        }
        self.candidates = Candidates::default();
        self.passed
    }
}

impl HeadChunks {
    /// Reads the files that are there, and mends or puts aside what is damaged. Whatever is wrong
    /// with them, the log knows better.
    pub(crate) fn load(&self) -> Candidates {
        let (mut found, mut last_late) = (Vec::new(), None);
        let listed = match listed(&*self.fs, &self.dir) {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(%error, "head chunks are read from the log");
                Listed::default()
            }
        };
        let last = listed.files.last().copied();
        let mut expected = listed.files.first().copied();
        for (at, &number) in listed.files.iter().enumerate() {
            let is_next = expected == Some(number);
            expected = number.checked_add(1);
            let problem = match is_next {
                true => self.load_file(number, last == Some(number), &mut found, &mut last_late),
                false => Some("a file before it is missing".to_owned()),
            };
            let Some(problem) = problem else { continue };
            let path = file_path(&self.dir, number);
            tracing::warn!(path = %path.display(), problem, "head chunks are read from the log");
            count(&self.counters.corruptions, 1);
            let mended = mend(&*self.fs, &self.dir, &listed.files[at..], !is_next);
            match mended {
                Ok(aside) => count(&self.counters.quarantined, aside),
                Err(error) => tracing::warn!(%error, "damaged head chunks stay where they are"),
            }
            break;
        }
        // Twice, since they were just used.
        self.forget_views();
        self.forget_views();
        self.writer.lock().next = self.next_number();
        Candidates::new(found, last_late)
    }

    /// The number of the next file: numbers leave no gap.
    fn next_number(&self) -> u32 {
        let listed = listed(&*self.fs, &self.dir).unwrap_or_default();
        let aside = listed.aside.iter().map(|(_, number)| *number).max();
        listed.files.last().copied().or(aside).map_or(1, |last| last.saturating_add(1))
    }

    /// Reads one file; says what is wrong with it, after what is good was taken.
    fn load_file(
        &self,
        number: u32,
        is_last: bool,
        found: &mut Vec<Found>,
        last_late: &mut Option<u64>,
    ) -> Option<String> {
        let file = ChunkFile::new(&self.dir, number);
        let bytes = match self.fs.map(&file.path()) {
            Ok(bytes) => bytes,
            Err(error) => return Some(error.to_string()),
        };
        if let Some(problem) = header_problem(&bytes) {
            if is_last && bytes.iter().take(HEADER_BYTES).all(|byte| *byte == 0) {
                return self.drop_empty(&file);
            }
            return Some(problem);
        }
        let mut at = HEADER_BYTES;
        let outcome = loop {
            let Next::Chunk(stored, end) = parse(&bytes, at) else { break parse(&bytes, at) };
            let place = u64::from(number) << 32 | at as u64;
            let (min_time, max_time) = (stored.min_time, stored.max_time);
            file.cover(min_time, max_time);
            if stored.late {
                // Nobody else gets such a number, nor one behind it.
                let number = Some(stored.series).filter(|n| *n <= u64::from(u32::MAX));
                *last_late = number.max(*last_late);
            } else if let Some(encoding) = Encoding::from_number(stored.encoding)
                && min_time <= max_time
            {
                let samples = crate::chunk::samples(encoding, stored.bytes);
                found.push((stored.series, MappedChunk { min_time, max_time, place }, samples));
            }
            at = end;
        };
        file.len.store(at as u64, Ordering::Relaxed);
        let file = Arc::new(file);
        if at > HEADER_BYTES || outcome == Next::End {
            self.files.write().push(file.clone());
        }
        match outcome {
            Next::Damaged(problem) => Some(problem),
            Next::Torn if is_last => {
                count(&self.counters.torn_tails, 1);
                let cut = self.fs.open(&file.path()).and_then(|open| open.truncate(at as u64));
                if let Err(error) = cut {
                    tracing::warn!(%error, path = %file.path().display(), "a torn end stays");
                }
                None
            }
            Next::Torn => Some(format!("ends inside a chunk at byte {at}")),
            Next::Chunk(..) | Next::End => None,
        }
    }

    /// Removes the newest file, into which nothing was written.
    fn drop_empty(&self, file: &ChunkFile) -> Option<String> {
        match self.fs.remove(&file.path()) {
            Ok(()) => None,
            Err(error) => Some(error.to_string()),
        }
    }
}

impl HeadChunks {
    /// Lets the next start read the log alone: some chunk has samples that the log lost, and may get
    /// others now at the same time. The chunks are readable as before.
    pub(crate) fn disown(&self) -> Result<(), Error> {
        self.writer.lock().end_file();
        let listed = listed(&*self.fs, &self.dir)?;
        // The newest first, so that no gap is left on the way.
        for file in self.files.read().iter().rev() {
            let mut path = file.path.lock();
            let to = aside_path(&listed, &self.dir, file.number, STALE);
            self.fs.rename(&path, &to).map_err(Error::io("rename", &path))?;
            *path = to;
        }
        self.fs.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))
    }
}

/// Keeps what is good of the first of some files, unless it has no place any more, and puts it and
/// those behind it aside, since what is in files may have no gap; says how many.
fn mend(fs: &dyn Fs, dir: &Path, numbers: &[u32], without: bool) -> Result<u64, Error> {
    let listed = listed(fs, dir)?;
    for name in &listed.unfinished {
        let path = dir.join(name);
        fs.remove(&path).map_err(Error::io("remove", &path))?;
    }
    let mut aside = 0;
    for (at, &number) in numbers.iter().enumerate() {
        let path = file_path(dir, number);
        let repaired = match at {
            0 if !without => good_part(fs, dir, number)?,
            _ => None,
        };
        let to = aside_path(&listed, dir, number, ASIDE);
        fs.rename(&path, &to).map_err(Error::io("rename", &path))?;
        if let Some(repaired) = repaired {
            fs.rename(&repaired, &path).map_err(Error::io("rename", &repaired))?;
        }
        aside += 1;
    }
    fs.sync_dir(dir).map_err(Error::io("sync", dir))?;
    Ok(aside)
}

/// Mends the files of a directory from the first of some on; says how many were put aside.
pub(crate) fn mend_first(
    fs: &dyn Fs,
    dir: &Path,
    is_damaged: impl Fn(&Path) -> bool,
) -> Result<u64, Error> {
    let files = listed(fs, dir)?.files;
    let missing = |at: usize| at > 0 && files[at] != files[at - 1].wrapping_add(1);
    let first = (0..files.len()).find(|at| missing(*at) || is_damaged(&file_path(dir, files[*at])));
    match first {
        Some(at) => mend(fs, dir, &files[at..], missing(at)),
        None => Ok(0),
    }
}

/// Writes what is good at the beginning of a file beside it; `None` where there is nothing.
fn good_part(fs: &dyn Fs, dir: &Path, number: u32) -> Result<Option<PathBuf>, Error> {
    let path = file_path(dir, number);
    let bytes = fs.map(&path).map_err(Error::io("map", &path))?;
    let mut end = HEADER_BYTES;
    if header_problem(&bytes).is_some() {
        return Ok(None);
    }
    while let Next::Chunk(_, next) = parse(&bytes, end) {
        end = next;
    }
    if end == HEADER_BYTES {
        return Ok(None);
    }
    let repaired = dir.join(format!("{number:06}{REPAIRED}"));
    let file = fs.create(&repaired).map_err(Error::io("create", &repaired))?;
    file.write_at(&bytes[..end], 0).map_err(Error::io("write", &repaired))?;
    file.sync().map_err(Error::io("sync", &repaired))?;
    Ok(Some(repaired))
}
