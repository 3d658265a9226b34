//! Collectors that can hang, run by as few threads as it takes.
//!
//! While all answer, one thread runs them one after the other, beside the scrape's own. One that
//! hangs keeps its thread, at most one, and others take over what waits behind it; nobody starts
//! another round of it until that thread has come back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_instrument::{CollectError, Collector, Samples};
use parking_lot::{Condvar, Mutex};

use super::{COLLECTOR_TIMEOUT, Outcome, run};

/// How long the queue may stand still before another thread is started.
const PATIENCE: Duration = Duration::from_millis(50);

/// Stack of a thread that runs collectors; none goes deep.
const STACK_BYTES: usize = 256 << 10;

/// The threads and what waits for them.
#[derive(Default)]
pub(crate) struct Crew {
    board: Mutex<Board>,
    asked: Condvar,
    done: Condvar,
}

#[derive(Default)]
struct Board {
    queue: VecDeque<Arc<Apart>>,
    threads: usize,
    idle: usize,
    /// Rounds that were taken up; shows whether the queue moves.
    taken: u64,
    /// What scrapes wait for; nobody is woken for anything else.
    awaited: Vec<usize>,
    closed: bool,
}

/// A collector that can hang.
pub(super) struct Apart {
    collector: Box<dyn Collector>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Number of the last round that was begun, and whether it still runs or waits.
    round: u64,
    running: bool,
    /// What the last finished round gave.
    answer: Option<Arc<(Samples, Outcome)>>,
    answer_round: u64,
}

impl Apart {
    pub(super) fn new(collector: Box<dyn Collector>) -> Arc<Apart> {
        Arc::new(Apart { collector, state: Mutex::default() })
    }

    /// Tells collectors of a crew apart.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Runs the round that was begun.
    fn work(&self) {
        let mut samples = {
            // The buffers of the round before serve this one, if no scrape still reads them.
            let last = self.state.lock().answer.take();
            last.and_then(Arc::into_inner).map_or_else(Samples::default, |last| last.0)
        };
        samples.clear();
        let outcome = run(&*self.collector, &mut samples);
        // In order, so that copying needs no more sorting.
        samples.seal();
        let mut state = self.state.lock();
        state.answer = Some(Arc::new((samples, outcome)));
        state.answer_round = state.round;
        state.running = false;
    }

    /// The answer of this round or a later one.
    fn answer(&self, wanted: u64) -> Option<Arc<(Samples, Outcome)>> {
        let state = self.state.lock();
        if state.answer_round < wanted { None } else { state.answer.clone() }
    }
}

impl Crew {
    /// Begins a round, or joins the one that runs; returns its number. Nobody is woken before
    /// [`Crew::wake`], so that one wake-up serves all rounds of a scrape.
    pub(super) fn start(self: &Arc<Crew>, apart: &Arc<Apart>) -> u64 {
        let mut state = apart.state.lock();
        if state.running {
            return state.round;
        }
        state.round += 1;
        state.running = true;
        let round = state.round;
        drop(state);
        self.board.lock().queue.push_back(Arc::clone(apart));
        round
    }

    /// Has what was begun worked off.
    pub(crate) fn wake(self: &Arc<Crew>) {
        let mut board = self.board.lock();
        if board.queue.is_empty() {
            return;
        }
        if board.threads == 0 {
            self.start_thread(&mut board);
        } else {
            drop(board);
            self.asked.notify_one();
        }
    }

    /// Waits until `deadline` for a round, and copies what it gave.
    pub(super) fn finish(
        self: &Arc<Crew>,
        apart: &Apart,
        wanted: u64,
        deadline: Instant,
        samples: &mut Samples,
    ) -> Outcome {
        let begun = Instant::now();
        let mut board = self.board.lock();
        let answer = loop {
            if let Some(answer) = apart.answer(wanted) {
                break answer;
            }
            let now = Instant::now();
            if now >= deadline {
                let problem = format!("no answer within {COLLECTOR_TIMEOUT:?}");
                return (Err(CollectError::Failed(problem)), begun.elapsed());
            }
            let taken = board.taken;
            let patience = deadline.min(now + PATIENCE);
            board.awaited.push(apart.id());
            let timed_out = self.done.wait_until(&mut board, patience).timed_out();
            if let Some(at) = board.awaited.iter().position(|&id| id == apart.id()) {
                board.awaited.swap_remove(at);
            }
            if timed_out && board.taken == taken && !board.queue.is_empty() {
                self.start_thread(&mut board);
            }
        };
        drop(board);
        copy(&answer.0, samples);
        answer.1.clone()
    }

    /// The threads end when they have nothing to do any more.
    pub(crate) fn close(&self) {
        self.board.lock().closed = true;
        self.asked.notify_all();
    }

    fn start_thread(self: &Arc<Crew>, board: &mut Board) {
        let crew = Arc::clone(self);
        let builder = std::thread::Builder::new().name("node-apart".to_owned());
        match builder.stack_size(STACK_BYTES).spawn(move || crew.work()) {
            Ok(_) => board.threads += 1,
            Err(error) => tracing::error!(err = %error, "no thread for collectors"),
        }
    }

    fn work(&self) {
        let mut board = self.board.lock();
        loop {
            let Some(apart) = board.queue.pop_front() else {
                // One idle thread is kept for the next scrape.
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
            apart.work();
            // Whoever waits holds the board between looking and sleeping.
            board = self.board.lock();
            if board.awaited.contains(&apart.id()) {
                self.done.notify_all();
            }
        }
        board.threads -= 1;
    }

    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.board.lock().threads
    }
}

fn copy(from: &Samples, to: &mut Samples) {
    for family in from.families() {
        for sample in family.samples() {
            let labels: Vec<(&str, &str)> = sample.labels().collect();
            to.push_value(
                family.name(),
                family.help(),
                family.kind(),
                &labels,
                sample.value(),
                sample.timestamp(),
            );
        }
    }
}
