//! A job that may hang in a system call, in a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// Stack of the thread; nothing here goes deep.
const STACK_BYTES: usize = 512 << 10;

/// Runs one job again and again, at most once at a time. A thread that is stuck stays the only one,
/// and is waited for only once.
pub(crate) struct Worker<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    name: String,
    job: Mutex<Box<dyn FnMut() -> T + Send>>,
    state: Mutex<State<T>>,
    asked: Condvar,
    done: Condvar,
}

struct State<T> {
    has_thread: bool,
    /// Number of the last round that was begun, and whether it still runs.
    round: u64,
    running: bool,
    /// Somebody waited for this round in vain.
    late: bool,
    /// The last round that was finished, and what it gave.
    answer_round: u64,
    answer: Option<Result<T, Silence>>,
    closed: bool,
}

/// Why a job gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It still runs.
    Late,
    /// It panicked, or there is no thread for it.
    Failed,
}

impl<T: Clone + Send + 'static> Worker<T> {
    /// A job and the name of its thread, which begins when it is first needed.
    pub(crate) fn new(name: &str, job: impl FnMut() -> T + Send + 'static) -> Worker<T> {
        let state = State {
            has_thread: false,
            round: 0,
            running: false,
            late: false,
            answer_round: 0,
            answer: None,
            closed: false,
        };
        let inner = Inner {
            name: name.to_owned(),
            job: Mutex::new(Box::new(job)),
            state: Mutex::new(state),
            asked: Condvar::new(),
            done: Condvar::new(),
        };
        Worker { inner: Arc::new(inner) }
    }

    /// Begins a round, or joins the one that runs; returns its number, 0 if there is no thread.
    pub(crate) fn start(&self) -> u64 {
        let mut state = self.inner.state.lock();
        if state.running {
            return state.round;
        }
        if !state.has_thread {
            let inner = Arc::clone(&self.inner);
            let builder = std::thread::Builder::new().name(inner.name.clone());
            if let Err(error) = builder.stack_size(STACK_BYTES).spawn(move || inner.work()) {
                tracing::error!(name = self.inner.name, err = %error, "no thread for a directory");
                return 0;
            }
            state.has_thread = true;
        }
        state.round += 1;
        state.running = true;
        state.late = false;
        self.inner.asked.notify_one();
        state.round
    }

    /// What the round gave, waited for until `deadline`; not at all if somebody already did in vain.
    pub(crate) fn finish(&self, round: u64, deadline: Instant) -> Result<T, Silence> {
        let mut state = self.inner.state.lock();
        while round != 0 && state.answer_round < round && !state.late {
            if self.inner.done.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        match &state.answer {
            Some(answer) if round != 0 && state.answer_round >= round => answer.clone(),
            _ if round == 0 => Err(Silence::Failed),
            _ => {
                state.late = true;
                Err(Silence::Late)
            }
        }
    }
}

impl<T> Inner<T> {
    fn work(&self) {
        loop {
            let mut state = self.state.lock();
            while !state.running && !state.closed {
                self.asked.wait(&mut state);
            }
            if state.closed {
                return;
            }
            let round = state.round;
            drop(state);
            let answer = catch_unwind(AssertUnwindSafe(|| (self.job.lock())()));
            let mut state = self.state.lock();
            state.answer = Some(answer.map_err(|_| Silence::Failed));
            state.answer_round = round;
            state.running = false;
            self.done.notify_all();
        }
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.inner.state.lock().closed = true;
        self.inner.asked.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_stuck_job_is_waited_for_once_and_taken_up_again() {
        let (release, stuck) = channel::<u32>();
        let worker = Worker::new("stuck", move || stuck.recv().unwrap_or(0));
        let round = worker.start();
        assert_eq!(worker.finish(round, Instant::now()), Err(Silence::Late));
        for _ in 0..3 {
            assert_eq!(worker.start(), round, "joins the round that hangs");
            // Nobody waits a second time, though the deadline is far away.
            assert_eq!(worker.finish(round, Instant::now() + PATIENCE), Err(Silence::Late));
        }
        release.send(7).unwrap();
        release.send(8).unwrap();
        // Whichever round this is by now: it ends.
        let answer = loop {
            let round = worker.start();
            if let Ok(answer) = worker.finish(round, Instant::now() + PATIENCE) {
                break answer;
            }
        };
        assert!(matches!(answer, 7 | 8), "{answer}");
    }

    #[test]
    fn a_job_that_panics_fails_and_the_next_round_runs() {
        let mut rounds = 0;
        let worker = Worker::new("panics", move || {
            rounds += 1;
            assert!(rounds > 1, "as asked");
            rounds
        });
        for expected in [Err(Silence::Failed), Ok(2), Ok(3)] {
            let round = worker.start();
            assert_eq!(worker.finish(round, Instant::now() + PATIENCE), expected);
        }
    }
}
