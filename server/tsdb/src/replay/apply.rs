//! Samples of the log go to their series.

use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::ReplayReport;
use crate::head::{Appended, AppendedSum, Head, Place, Series, page_of};
use crate::head_chunks::{Awaiting, MappedChunk};
use crate::sample::Stamped;

/// A float of a series of the head, as nearly all samples are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) id: u32,
    pub(super) time: i64,
    pub(super) value: f64,
}

/// Samples in the order of the log.
pub(super) enum Job {
    Floats(Vec<Entry>),
    /// Any samples.
    Others(Vec<(u32, Stamped)>),
    /// Blocks have all samples that the series has so far.
    Leave(u32),
}

impl Default for Job {
    fn default() -> Job {
        Job::Floats(Vec::new())
    }
}

impl Job {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Job::Floats(samples) => samples.is_empty(),
            Job::Others(samples) => samples.is_empty(),
            Job::Leave(_) => false,
        }
    }
}

/// Takes one job after the other.
pub(super) struct Applier<'a> {
    head: &'a Head,
    /// Chunks in files, until a sample of the log says that they belong there.
    awaiting: &'a Mutex<Awaiting>,
    found: Found,
    /// Series whose chunks may go to files.
    ended: Vec<u32>,
    /// Chunks in files with samples that the log does not have.
    doubts: Vec<(u32, MappedChunk)>,
}

/// What came of samples.
struct Found {
    sum: AppendedSum,
    taken: u64,
    repeated: u64,
    mapped: u64,
    unknown: u64,
    chunks_left: u64,
    oldest: i64,
    newest: i64,
}

impl Default for Found {
    fn default() -> Found {
        let sum = AppendedSum::default();
        let (oldest, newest) = (i64::MAX, i64::MIN);
        let (taken, repeated, mapped, unknown, chunks_left) = Default::default();
        Found { sum, taken, repeated, mapped, unknown, chunks_left, oldest, newest }
    }
}

impl<'a> Applier<'a> {
    pub(super) fn new(head: &'a Head, awaiting: &'a Mutex<Awaiting>) -> Applier<'a> {
        let (found, ended, doubts) = (Found::default(), Vec::new(), Vec::new());
        Applier { head, awaiting, found, ended, doubts }
    }

    pub(super) fn apply(&mut self, job: &Job) {
        let rules = self.head.chunking();
        match job {
            Job::Floats(samples) => {
                let place = |sample: &Entry| (sample.id, sample.time);
                self.each_page(samples, place, |series, &Entry { time, value, .. }| {
                    let newest = series.place(time, value) == Place::Newest;
                    newest.then(|| series.append((time, 0), value, rules))
                });
            }
            Job::Others(samples) => {
                let place = |(id, sample): &(u32, Stamped)| (*id, sample.time);
                self.each_page(samples, place, |series, (_, sample)| {
                    series.append_any(sample, rules)
                });
            }
            Job::Leave(id) => self.leave(*id),
        }
    }

    /// Frees a series of its samples.
    fn leave(&mut self, id: u32) {
        let Some(page) = self.head.page(id) else { return };
        let freed = page.series.write().get_mut(id).map(|series| {
            series.unconfirmed = 0;
            series.drop_before(i64::MAX)
        });
        let (chunks, bytes) = freed.unwrap_or_default();
        self.found.chunks_left += chunks;
        self.found.sum.bytes_less += bytes;
    }

    /// Offers samples to their series; the page of neighbours is locked once.
    fn each_page<T>(
        &mut self,
        samples: &[T],
        place: impl Fn(&T) -> (u32, i64),
        append: impl Fn(&mut Series, &T) -> Option<Appended>,
    ) {
        for run in samples.chunk_by(|a, b| page_of(place(a).0) == page_of(place(b).0)) {
            let Some(page) = self.head.page(place(&run[0]).0) else {
                self.found.unknown += run.len() as u64;
                continue;
            };
            let mut page = page.series.write();
            // The ends of their chunks lie anywhere in memory: asked for at once they come at once.
            let ends = run.iter().filter_map(|sample| page.get(place(sample).0)?.last_byte());
            std::hint::black_box(ends.fold(0, |all, end| all ^ end));
            for sample in run {
                let (id, time) = place(sample);
                match page.get_mut(id) {
                    Some(series) => self.take(series, time, |series| append(series, sample)),
                    None => self.found.unknown += 1,
                }
            }
        }
    }

    /// Offers a sample to its series, which `append` appends it to where it is the newest.
    fn take(
        &mut self,
        series: &mut Series,
        time: i64,
        append: impl FnOnce(&mut Series) -> Option<Appended>,
    ) {
        let (id, found) = (series.id, &mut self.found);
        if let Some(chunk) = series.mapped().last().filter(|chunk| time <= chunk.max_time) {
            if time >= chunk.min_time {
                series.confirm(time);
            }
            found.mapped += 1;
            return;
        }
        // What is behind a chunk confirms none of it any more; and chunks that end now go to files, so
        // that it is not the newest there for long.
        if series.unconfirmed > 0 {
            series.unconfirmed = 0;
            self.doubts.extend(series.mapped().last().map(|chunk| (id, *chunk)));
        }
        if series.awaits_chunks && series.span().is_none_or(|(_, last)| last < time) {
            let mut awaiting = self.awaiting.lock();
            let (chunk, more) = awaiting.claim(id, time);
            series.awaits_chunks = more;
            match chunk.map(|(chunk, samples)| (chunk, samples, series.adopt(chunk))) {
                Some((chunk, samples, Some(sum))) => {
                    series.begin_confirming(time, samples.saturating_sub(1));
                    found.sum.add(sum);
                    found.oldest = found.oldest.min(chunk.min_time);
                    found.newest = found.newest.max(chunk.max_time);
                    found.mapped += 1;
                    return;
                }
                Some((chunk, _, None)) => awaiting.refuse(&chunk),
                None => {}
            }
        }
        let Some(sum) = append(series) else {
            found.repeated += 1;
            return;
        };
        if sum.closed {
            self.ended.push(id);
        }
        found.sum.add(sum);
        found.taken += 1;
        found.oldest = found.oldest.min(time);
        found.newest = found.newest.max(time);
    }

    /// Makes head and report know what was done so far.
    pub(super) fn tell(&mut self, report: &mut ReplayReport, doubts: &mut Vec<(u32, MappedChunk)>) {
        doubts.append(&mut self.doubts);
        let found = std::mem::take(&mut self.found);
        report.samples += found.taken;
        report.samples_mapped += found.mapped;
        report.samples_repeated += found.repeated;
        report.unknown_refs += found.unknown;
        self.head.account(&found.sum);
        self.head.counters.chunks.fetch_sub(found.chunks_left, Ordering::Relaxed);
        if found.oldest <= found.newest {
            self.head.cover(found.oldest, found.newest);
        }
        self.head.files.await_writing(&mut self.ended);
    }
}
