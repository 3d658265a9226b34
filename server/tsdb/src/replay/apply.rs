//! Samples of the log go to their series: by the one who reads the log, or behind them on another
//! thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use parking_lot::Mutex;

use super::ReplayReport;
use crate::chunk::histogram::AnyHistogram;
use crate::head::{Appended, Head, Page, Place, Series, page_of};
use crate::head_chunks::{Awaiting, MappedChunk};

/// Jobs that wait for the other thread at most.
const JOBS_MAX: usize = 4;

/// A float sample of a series of the head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Float {
    pub(super) id: u32,
    pub(super) time: i64,
    pub(super) value: f64,
}

/// Samples of a record, in order.
pub(super) enum Job {
    Floats(Vec<Float>),
    Histograms(Vec<(u32, i64, AnyHistogram)>),
}

/// Takes the jobs of one segment after the other.
pub(super) struct Applier<'a> {
    head: &'a Head,
    /// Chunks in files, until a sample of the log says that they belong there.
    awaiting: &'a Mutex<Awaiting>,
    page: Option<(u32, Arc<Page>)>,
    found: Found,
    /// Series whose chunks may go to files.
    ended: Vec<u32>,
    /// Chunks in files with samples that the log does not have.
    doubts: Vec<(u32, MappedChunk)>,
}

/// What came of samples.
struct Found {
    sum: Appended,
    taken: u64,
    repeated: u64,
    mapped: u64,
    unknown: u64,
    oldest: i64,
    newest: i64,
}

impl Default for Found {
    fn default() -> Found {
        let sum = Appended::default();
        let (oldest, newest) = (i64::MAX, i64::MIN);
        Found { sum, taken: 0, repeated: 0, mapped: 0, unknown: 0, oldest, newest }
    }
}

impl<'a> Applier<'a> {
    pub(super) fn new(head: &'a Head, awaiting: &'a Mutex<Awaiting>) -> Applier<'a> {
        let (found, ended, doubts) = (Found::default(), Vec::new(), Vec::new());
        Applier { head, awaiting, page: None, found, ended, doubts }
    }

    pub(super) fn apply(&mut self, job: &Job) {
        let range = self.head.chunk_range_ms;
        match job {
            Job::Floats(samples) => {
                for &Float { id, time, value } in samples {
                    self.take(id, time, |series| {
                        let newest = series.place(time, value) == Place::Newest;
                        newest.then(|| series.append(time, value, range))
                    });
                }
            }
            Job::Histograms(samples) => {
                for (id, time, histogram) in samples {
                    self.take(*id, *time, |series| {
                        let newest = series.place_histogram(*time, histogram) == Place::Newest;
                        newest.then(|| series.append_histogram(*time, histogram, range))
                    });
                }
            }
        }
    }

    /// Offers a sample to its series, which `append` appends it to where it is the newest.
    fn take(&mut self, id: u32, time: i64, append: impl FnOnce(&mut Series) -> Option<Appended>) {
        let found = &mut self.found;
        if self.page.as_ref().is_none_or(|(number, _)| *number != page_of(id)) {
            self.page = self.head.page(id).map(|page| (page_of(id), page));
        }
        let mut page = self.page.as_ref().map(|(_, page)| page.series.write());
        let Some(series) = page.as_mut().and_then(|page| page.get_mut(id)) else {
            found.unknown += 1;
            return;
        };
        if let Some(chunk) = series.mapped().last().filter(|chunk| time <= chunk.max_time) {
            if time >= chunk.min_time {
                series.confirm(time);
            }
            found.mapped += 1;
            return;
        }
        if series.awaits_chunks && series.span().is_none_or(|(_, last)| last < time) {
            let mut awaiting = self.awaiting.lock();
            let (chunk, more) = awaiting.claim(id, time);
            series.awaits_chunks = more;
            let before = series.mapped().last().copied();
            match chunk.map(|(chunk, samples)| (chunk, samples, series.adopt(chunk))) {
                Some((chunk, samples, Some(sum))) => {
                    let doubtful = before.filter(|_| series.unconfirmed > 0);
                    self.doubts.extend(doubtful.map(|chunk| (id, chunk)));
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
        if found.oldest <= found.newest {
            self.head.cover(found.oldest, found.newest);
        }
        self.head.files.await_writing(&mut self.ended);
    }
}

/// Runs `read`, which hands out jobs, with an applier that takes them on a thread of its own; `back`
/// gets the buffers of jobs that are done.
pub(super) fn beside<T>(
    applier: &mut Applier<'_>,
    read: impl FnOnce(&mut dyn FnMut(Job), &Receiver<Vec<Float>>) -> T,
) -> T {
    let (jobs, todo): (SyncSender<Job>, Receiver<Job>) = sync_channel(JOBS_MAX);
    let (done, back) = sync_channel(2 * JOBS_MAX);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for job in todo {
                applier.apply(&job);
                if let Job::Floats(mut buffer) = job {
                    buffer.clear();
                    // Where nobody waits for it, it goes.
                    let _ = done.try_send(buffer);
                }
            }
        });
        // The other side ends early by a panic alone, which the scope hands on.
        let mut hand_out = |job| drop(jobs.send(job));
        let outcome = read(&mut hand_out, &back);
        drop(jobs);
        outcome
    })
}
