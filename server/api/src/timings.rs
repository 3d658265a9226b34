//! Where the time of a query went, for `stats`.

use std::time::{Duration, Instant};

use crate::json::Json;

/// Laps of one query, from the request to its result.
pub(crate) struct Stopwatch {
    asked: Instant,
    begun: Instant,
    prepared: Instant,
}

impl Stopwatch {
    /// Starts when a query has its turn; `asked` is when it was asked.
    pub(crate) fn start(asked: Instant) -> Stopwatch {
        let begun = Instant::now();
        Stopwatch { asked, begun, prepared: begun }
    }

    /// The query is parsed; evaluation begins.
    pub(crate) fn prepared(&mut self) {
        self.prepared = Instant::now();
    }

    /// Writes `{"evalTotalTime":...}` in seconds: the evaluation ends now. Results come out of it in
    /// their order, so that sorting takes no time of its own.
    pub(crate) fn write(&self, json: &mut Json) {
        let done = Instant::now();
        let between = |from: Instant, to: Instant| to.saturating_duration_since(from);
        for (key, time) in [
            ("{\"evalTotalTime\":", between(self.begun, done)),
            (",\"resultSortTime\":", Duration::ZERO),
            (",\"queryPreparationTime\":", between(self.begun, self.prepared)),
            (",\"innerEvalTime\":", between(self.prepared, done)),
            (",\"execQueueTime\":", between(self.asked, self.begun)),
            (",\"execTotalTime\":", between(self.begun, done)),
        ] {
            json.raw(key).number(time.as_secs_f64());
        }
        json.raw("}");
    }
}
