//! Where an evaluation that is explained tells its recorder. Without one it costs a branch a node.

use super::{Eval, RangeTrack};
use crate::engine::{QueryError, Recorder};
use crate::value::Track;

/// A series on its way from a node to the next.
pub(super) trait Passing {
    /// How many samples it has.
    fn samples(&self) -> usize;
}

impl Passing for Track {
    fn samples(&self) -> usize {
        self.column.samples()
    }
}

impl Passing for RangeTrack {
    fn samples(&self) -> usize {
        self.samples.len()
    }
}

/// Takes series of either kind.
type SinkOf<'a, T> = dyn FnMut(&mut T) -> Result<(), QueryError> + 'a;

/// A node is the current one; the one before it is again when this goes.
struct Turn<'r> {
    eval: &'r Eval<'r>,
    recorder: &'r Recorder<'r>,
    before: usize,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.recorder.turn(self.eval.bytes_held(), self.before);
    }
}

impl Eval<'_> {
    /// Runs a node that hands on series, under its [`address`](crate::engine::address).
    pub(super) fn watched<T: Passing>(
        &self,
        address: impl FnOnce() -> usize,
        steps: usize,
        sink: &mut SinkOf<'_, T>,
        run: impl FnOnce(&mut SinkOf<'_, T>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let Some(recorder) = self.query.recorder else { return run(sink) };
        let Some(number) = recorder.number(address()) else { return run(sink) };
        recorder.entered(number, steps);
        let turn = self.turn_to(recorder, number);
        run(&mut |series| {
            recorder.handed_on(number, series.samples());
            let _outside = self.turn_to(recorder, turn.before);
            sink(series)
        })
    }

    /// Runs a node that has no series.
    pub(super) fn watched_scalar<T>(
        &self,
        address: impl FnOnce() -> usize,
        steps: usize,
        run: impl FnOnce() -> T,
    ) -> T {
        let Some(recorder) = self.query.recorder else { return run() };
        let Some(number) = recorder.number(address()) else { return run() };
        recorder.entered(number, steps);
        let _turn = self.turn_to(recorder, number);
        run()
    }

    fn turn_to<'r>(&'r self, recorder: &'r Recorder<'r>, number: usize) -> Turn<'r> {
        let before = recorder.turn(self.bytes_held(), number);
        Turn { eval: self, recorder, before }
    }

    fn bytes_held(&self) -> usize {
        self.budget.memory().bytes()
    }
}
