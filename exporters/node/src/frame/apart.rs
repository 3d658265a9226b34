//! A collector that can hang, run by a crew; a scrape gets what it gave in time.

use std::sync::Arc;
use std::time::Instant;

use common_instrument::{CollectError, Collector, Samples};
use parking_lot::Mutex;

use super::{COLLECTOR_TIMEOUT, Outcome, run};
use crate::crew::{Crew, Job};

/// A collector that can hang. Nobody begins another round of it before one has ended.
pub(crate) struct Apart {
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

    /// Queues a round, or joins the one that runs; returns its number.
    pub(super) fn start(self: &Arc<Apart>, crew: &Crew<Apart>) -> u64 {
        let mut state = self.state.lock();
        if state.running {
            return state.round;
        }
        state.round += 1;
        state.running = true;
        let round = state.round;
        // The crew looks at the state of jobs while it is locked itself.
        drop(state);
        crew.push(Arc::clone(self));
        round
    }

    /// Waits until `deadline` for a round, and copies what it gave.
    pub(super) fn finish(
        &self,
        crew: &Arc<Crew<Apart>>,
        wanted: u64,
        deadline: Instant,
        samples: &mut Samples,
    ) -> Outcome {
        let begun = Instant::now();
        crew.wait(Some(self), deadline, |_| self.state.lock().answer_round >= wanted);
        let state = self.state.lock();
        let answer = state.answer.clone().filter(|_| state.answer_round >= wanted);
        drop(state);
        let Some(answer) = answer else {
            let problem = format!("no answer within {COLLECTOR_TIMEOUT:?}");
            return (Err(CollectError::Failed(problem)), begun.elapsed());
        };
        copy(&answer.0, samples);
        answer.1.clone()
    }
}

impl Job for Apart {
    fn run(&self) {
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
