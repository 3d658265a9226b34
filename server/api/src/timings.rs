//! Where the time of a query went, for `stats`.

use server_promql::engine::Laps;

use crate::json::Json;

/// Writes `{"evalTotalTime":...}` in seconds.
pub(crate) fn write(json: &mut Json, laps: &Laps) {
    let total = laps.prepare + laps.eval;
    for (key, time) in [
        ("{\"evalTotalTime\":", total),
        (",\"resultSortTime\":", std::time::Duration::ZERO),
        (",\"queryPreparationTime\":", laps.prepare),
        (",\"innerEvalTime\":", laps.eval),
        (",\"execQueueTime\":", laps.queue),
        (",\"execTotalTime\":", total),
    ] {
        json.raw(key).number(time.as_secs_f64());
    }
    json.raw("}");
}
