//! Jobs that can hang, done by as few threads as it takes.
//!
//! While all end, one thread does them one after the other, beside whoever asked. A job that hangs
//! keeps its thread, at most one, and others take over what waits behind it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long the queue may stand still before threads are started beside those that hang.
const PATIENCE: Duration = Duration::from_millis(50);

/// Most threads of a crew; what hangs beyond them keeps the queue waiting.
const THREADS_MAX: usize = 256;

/// Stack of a thread; no job goes deep.
const STACK_BYTES: usize = 256 << 10;

/// What can hang. It keeps its outcome itself.
pub(crate) trait Job: Send + Sync + 'static {
    /// Does it; called by one thread at a time if it is not queued again before it has ended.
    fn run(&self);
}

/// The threads and what waits for them.
pub(crate) struct Crew<J> {
    board: Mutex<Board<J>>,
    asked: Condvar,
    done: Condvar,
    name: &'static str,
    /// Threads to start when nothing moves.
    reserve: usize,
}

struct Board<J> {
    queue: VecDeque<Arc<J>>,
    threads: usize,
    idle: usize,
    /// Jobs that were taken up; shows whether the queue moves.
    taken: u64,
    /// What others wait for, one job or an empty queue; nobody is woken for anything else.
    awaited: Vec<Option<usize>>,
    closed: bool,
}

impl<J: Job> Crew<J> {
    /// Starts no thread yet; later ones are called `name`. When nothing moves, as many as `reserve`
    /// are started.
    pub(crate) fn new(name: &'static str, reserve: usize) -> Arc<Crew<J>> {
        let board = Board {
            queue: VecDeque::new(),
            threads: 0,
            idle: 0,
            taken: 0,
            awaited: Vec::new(),
            closed: false,
        };
        let (asked, done) = (Condvar::new(), Condvar::new());
        let reserve = reserve.clamp(1, THREADS_MAX);
        Arc::new(Crew { board: Mutex::new(board), asked, done, name, reserve })
    }

    /// Queues a job. Nobody is woken before [`Crew::wake`], so that one wake-up serves many.
    pub(crate) fn push(&self, job: Arc<J>) {
        self.board.lock().queue.push_back(job);
    }

    /// Has what was queued worked off.
    pub(crate) fn wake(self: &Arc<Crew<J>>) {
        let mut board = self.board.lock();
        if board.queue.is_empty() {
            return;
        }
        if board.idle == 0 {
            // A thread that is busy may hang: the waiting ones see to that.
            if board.threads == 0 {
                self.start_threads(&mut board, 1);
            }
        } else {
            drop(board);
            self.asked.notify_one();
        }
    }

    /// Waits until `is_done`, at most until `deadline`; says whether it is. What is looked at is the
    /// outcome of `job`, or of all that was queued. The crew is locked meanwhile: whoever locks what
    /// `is_done` looks at must let go of it before calling the crew.
    pub(crate) fn wait(
        self: &Arc<Crew<J>>,
        job: Option<&J>,
        deadline: Instant,
        is_done: impl Fn(Instant) -> bool,
    ) -> bool {
        let awaited = job.map(id);
        let mut board = self.board.lock();
        loop {
            let now = Instant::now();
            if is_done(now) {
                return true;
            }
            if now >= deadline {
                return false;
            }
            let taken = board.taken;
            board.awaited.push(awaited);
            let patience = deadline.min(now + PATIENCE);
            let timed_out = self.done.wait_until(&mut board, patience).timed_out();
            if let Some(at) = board.awaited.iter().position(|&one| one == awaited) {
                board.awaited.swap_remove(at);
            }
            if timed_out && board.taken == taken && !board.queue.is_empty() {
                self.start_threads(&mut board, self.reserve);
            }
        }
    }

    /// The threads end when they have nothing to do any more.
    pub(crate) fn close(&self) {
        self.board.lock().closed = true;
        self.asked.notify_all();
    }

    fn start_threads(self: &Arc<Crew<J>>, board: &mut Board<J>, count: usize) {
        for _ in 0..count.min(THREADS_MAX - board.threads.min(THREADS_MAX)) {
            let crew = Arc::clone(self);
            let builder = std::thread::Builder::new().name(self.name.to_owned());
            match builder.stack_size(STACK_BYTES).spawn(move || crew.work()) {
                Ok(_) => board.threads += 1,
                Err(error) => {
                    tracing::error!(err = %error, name = self.name, "a thread cannot be started");
                    return;
                }
            }
        }
    }

    fn work(&self) {
        let mut board = self.board.lock();
        loop {
            let Some(job) = board.queue.pop_front() else {
                // One idle thread is kept for the next time.
                if board.idle > 0 || board.closed {
                    break;
                }
                board.idle += 1;
                self.asked.wait(&mut board);
                board.idle -= 1;
                continue;
            };
            board.taken += 1;
            drop(board);
            job.run();
            // Whoever waits holds the board between looking and sleeping.
            board = self.board.lock();
            let is_awaited = |awaited: &Option<usize>| match awaited {
                Some(one) => *one == id(&*job),
                None => board.queue.is_empty(),
            };
            if board.awaited.iter().any(is_awaited) {
                self.done.notify_all();
            }
        }
        board.threads -= 1;
    }

    /// How many threads there are.
    #[cfg(test)]
    pub(crate) fn threads(&self) -> usize {
        self.board.lock().threads
    }
}

/// Tells the jobs of a crew apart.
fn id<J>(job: &J) -> usize {
    std::ptr::from_ref(job).addr()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;

    struct Count(AtomicU64);

    impl Job for Count {
        fn run(&self) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn many_who_ask_and_wait_at_once_all_get_what_they_wait_for() {
        const ASKERS: u64 = 8;
        const ROUNDS: u64 = 500;
        let crew = Crew::new("test", 2);
        let far = Instant::now() + Duration::from_secs(60);
        std::thread::scope(|scope| {
            for _ in 0..ASKERS {
                scope.spawn(|| {
                    let job = Arc::new(Count(AtomicU64::new(0)));
                    for round in 1..=ROUNDS {
                        crew.push(Arc::clone(&job));
                        crew.wake();
                        assert!(crew.wait(Some(&job), far, |_| job.0.load(SeqCst) >= round));
                    }
                });
            }
        });
        crew.close();
    }
}
