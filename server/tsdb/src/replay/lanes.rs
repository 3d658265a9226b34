//! Samples of the log go to their series on several threads: every page of series belongs to a lane,
//! whose jobs are done in order, by one thread at a time.

use std::collections::VecDeque;
use std::num::NonZero;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::ReplayReport;
use super::apply::{Applier, Entry, Job};
use crate::head::{Head, page_of};
use crate::head_chunks::{Awaiting, MappedChunk};
use crate::sample::Stamped;

/// More than threads, so that nobody waits for a lane that another thread is in.
const LANES: usize = 8;
/// Samples of one job: enough that handing it over costs nothing beside them.
const JOB_SAMPLES: usize = 1024;
/// Jobs that wait at most; who reads the log does one before it adds to them.
const WAITING_MAX: usize = 4 * LANES;
/// Threads beside the one that reads the log at most: more of them would wait for it.
const THREADS_MAX: usize = 3;

/// What is being done in the lanes.
pub(super) struct Lanes<'a> {
    appliers: Vec<Mutex<Applier<'a>>>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Jobs by lane.
#[derive(Default)]
struct Queue {
    lanes: [Waiting; LANES],
    /// Jobs of all lanes.
    jobs: usize,
    /// Nothing more comes.
    closed: bool,
    /// Buffers to be used again.
    spare: Vec<Vec<Entry>>,
}

/// Jobs of a lane.
#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// A thread is in the lane.
    busy: bool,
}

impl<'a> Lanes<'a> {
    pub(super) fn new(head: &'a Head, awaiting: &'a Mutex<Awaiting>) -> Lanes<'a> {
        let appliers = (0..LANES).map(|_| Mutex::new(Applier::new(head, awaiting))).collect();
        Lanes { appliers, queue: Mutex::default(), changed: Condvar::new() }
    }

    /// Runs `read`, which feeds the lanes, and ends when all was done: by this thread, and by others
    /// `beside` it.
    pub(super) fn run<T>(&self, beside: bool, read: impl FnOnce(&mut Feeder<'_, 'a>) -> T) -> T {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = if beside { (cores - 1).clamp(1, THREADS_MAX) } else { 0 };
        std::thread::scope(|scope| {
            // Others end also where reading ends by a panic.
            let _closing = Closing(self);
            for _ in 0..threads {
                let thread = std::thread::Builder::new().name("tsdb-replay".to_owned());
                // Where there can be none, this one does it all.
                let _ = thread.spawn_scoped(scope, || self.work());
            }
            let mut feeder = Feeder::new(self);
            let outcome = read(&mut feeder);
            feeder.end();
            outcome
        })
    }

    /// Makes head and report know what was done.
    pub(super) fn tell(&self, report: &mut ReplayReport, doubts: &mut Vec<(u32, MappedChunk)>) {
        self.appliers.iter().for_each(|applier| applier.lock().tell(report, doubts));
    }

    /// Does jobs until nothing more comes.
    fn work(&self) {
        let mut queue = self.queue.lock();
        while queue.jobs > 0 || !queue.closed {
            if !self.do_one(&mut queue) {
                self.changed.wait(&mut queue);
            }
        }
    }

    /// Does a job of a lane that nobody is in, if there is one.
    fn do_one(&self, queue: &mut MutexGuard<'_, Queue>) -> bool {
        let is_free = |lane: &Waiting| !lane.busy && !lane.jobs.is_empty();
        let free = (0..LANES).filter(|at| is_free(&queue.lanes[*at]));
        let Some(at) = free.max_by_key(|at| queue.lanes[*at].jobs.len()) else { return false };
        let lane = &mut queue.lanes[at];
        let Some(job) = lane.jobs.pop_front() else { return false };
        lane.busy = true;
        queue.jobs -= 1;
        let busy = Busy { lanes: self, lane: at };
        MutexGuard::unlocked(queue, || {
            self.appliers[at].lock().apply(&job);
            drop(busy);
        });
        if let Job::Floats(mut buffer) = job {
            buffer.clear();
            queue.spare.push(buffer);
        }
        true
    }
}

/// A lane that a thread is in.
struct Busy<'l, 'a> {
    lanes: &'l Lanes<'a>,
    lane: usize,
}

impl Drop for Busy<'_, '_> {
    fn drop(&mut self) {
        self.lanes.queue.lock().lanes[self.lane].busy = false;
        self.lanes.changed.notify_all();
    }
}

/// Says at its end that nothing more comes.
struct Closing<'l, 'a>(&'l Lanes<'a>);

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.0.queue.lock().closed = true;
        self.0.changed.notify_all();
    }
}

/// Divides samples among the lanes.
pub(super) struct Feeder<'l, 'a> {
    lanes: &'l Lanes<'a>,
    /// Jobs that grow.
    growing: [Job; LANES],
}

impl<'l, 'a> Feeder<'l, 'a> {
    fn new(lanes: &'l Lanes<'a>) -> Feeder<'l, 'a> {
        Feeder { lanes, growing: std::array::from_fn(|_| Job::default()) }
    }

    pub(super) fn float(&mut self, entry: Entry) {
        let lane = lane_of(entry.id);
        if !matches!(self.growing[lane], Job::Floats(_)) {
            self.hand_over(lane);
        }
        let Job::Floats(floats) = &mut self.growing[lane] else { return };
        floats.push(entry);
        if floats.len() >= JOB_SAMPLES {
            self.hand_over(lane);
        }
    }

    /// Takes a sample of a series that is more than a float.
    pub(super) fn other(&mut self, sample: (u32, Stamped)) {
        let lane = lane_of(sample.0);
        let others = match &mut self.growing[lane] {
            Job::Others(others) => others,
            Job::Floats(_) | Job::Leave(_) => {
                self.hand_over(lane);
                self.growing[lane] = Job::Others(vec![sample]);
                return;
            }
        };
        others.push(sample);
        if others.len() >= JOB_SAMPLES {
            self.hand_over(lane);
        }
    }

    /// Takes note that blocks have the samples that a series has so far.
    pub(super) fn leave(&mut self, id: u32) {
        let lane = lane_of(id);
        self.hand_over(lane);
        self.growing[lane] = Job::Leave(id);
        self.hand_over(lane);
    }

    /// Puts the growing job of a lane behind its others; one of floats grows in its place.
    fn hand_over(&mut self, lane: usize) {
        let mut queue = self.lanes.queue.lock();
        while queue.jobs >= WAITING_MAX {
            if !self.lanes.do_one(&mut queue) {
                self.lanes.changed.wait(&mut queue);
            }
        }
        let next = Job::Floats(queue.spare.pop().unwrap_or_default());
        let job = std::mem::replace(&mut self.growing[lane], next);
        if !job.is_empty() {
            queue.lanes[lane].jobs.push_back(job);
            queue.jobs += 1;
            drop(queue);
            self.lanes.changed.notify_one();
        }
    }

    /// Hands everything over and sees to its being done.
    fn end(mut self) {
        (0..LANES).for_each(|lane| self.hand_over(lane));
        drop(Closing(self.lanes));
        self.lanes.work();
    }
}

/// The lane of a series: neighbours have the same.
fn lane_of(id: u32) -> usize {
    page_of(id) as usize % LANES
}
