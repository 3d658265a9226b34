//! Where the time of a query went, for `stats` and observers.

use std::time::Instant;

use server_promql::engine::Laps;

use crate::json::Json;

/// Writes `{"evalTotalTime":...}` in seconds.
pub(crate) fn write(json: &mut Json, laps: &Laps) {
    json.raw("{");
    for (at, (name, time)) in laps.named().into_iter().enumerate() {
        json.raw(if at > 0 { "," } else { "" }).key(name).number(time.as_secs_f64());
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
