//! Where the time of a query went, for `stats` and observers.

use std::time::{Duration, Instant};

use server_promql::engine::Laps;

use crate::json::Json;

/// Writes `{"evalTotalTime":...}` in seconds.
pub(crate) fn write(json: &mut Json, laps: &Laps) {
    let total = laps.prepare + laps.eval;
    for (key, time) in [
        ("{\"evalTotalTime\":", total),
        (",\"resultSortTime\":", Duration::ZERO),
        (",\"queryPreparationTime\":", laps.prepare),
        (",\"innerEvalTime\":", laps.eval),
        (",\"execQueueTime\":", laps.queue),
        (",\"execTotalTime\":", total),
    ] {
        json.raw(key).number(time.as_secs_f64());
    }
    json.raw("}");
}

/// Measures [`Laps`].
#[derive(Clone, Copy, Debug)]
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

    /// The evaluation ends now.
    pub(crate) fn laps(&self) -> Laps {
        Laps {
            queue: self.begun.saturating_duration_since(self.asked),
            prepare: self.prepared.saturating_duration_since(self.begun),
            eval: self.prepared.elapsed(),
        }
    }
}
