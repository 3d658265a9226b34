//! Queries whose observers are told when they are done.

use std::sync::Arc;
use std::time::Instant;

use server_promql::ast::Expr;
use server_promql::engine::{
    Done, Interrupt, Laps, Observer, QueryOptions, QueryOutput, QueryStats,
};
use server_promql::value::Value;

use crate::answer::Answer;
use crate::error::{ApiError, ErrorType};
use crate::json::Json;
use crate::params::Params;
use crate::query::{Steps, in_time, lookback, parse, timeout};
use crate::result;
use crate::running;
use crate::state::ApiState;
use crate::timings::{self, Stopwatch};

/// A query that somebody waits for. Dropped, it is over.
struct Waiting {
    observer: Arc<dyn Observer>,
    is_done: bool,
}

impl Waiting {
    fn begin(observer: &Arc<dyn Observer>) -> Waiting {
        observer.begun();
        Waiting { observer: observer.clone(), is_done: false }
    }

    fn done(mut self, query: Option<&Done<'_>>) {
        self.is_done = true;
        self.observer.done(query);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.is_done {
            self.observer.done(None);
        }
    }
}

/// Parses the query, has it evaluated, and answers with what came out.
pub(crate) async fn run(
    state: Arc<ApiState>,
    mut params: Params,
    times: Steps,
    limit: usize,
    evaluate: impl Fn(&ApiState, &Expr, &QueryOptions<'_>) -> Result<QueryOutput, ApiError>
    + Send
    + Sync
    + 'static,
) -> Result<Answer, ApiError> {
    let timeout = timeout(&state, &params)?;
    let lookback_delta_ms = lookback(&params)?;
    let (bytes, leave) = (params.bytes(), params.take_leave());
    let params = Arc::new(params);
    let asked = Instant::now();
    let waiting = Waiting::begin(&state.engine.options().observer);
    let asked_for = params.clone();
    let result =
        running::run_with_leave(&state, timeout, bytes, leave, move |state, interrupt, memory| {
            let mut watch = Stopwatch::start(asked);
            let expr = parse(state, &asked_for)?;
            interrupt.understood(memory)?;
            in_time(interrupt)?;
            watch.prepared();
            let query = asked_for.get("query");
            let memory = Some(memory);
            let options =
                QueryOptions { query, lookback_delta_ms, interrupt, memory, ..Default::default() };
            let output = evaluate(state, &expr, &options)?;
            let (laps, stats) = (watch.laps(), output.stats);
            answer(output, limit, &asked_for, &laps, interrupt).map(|answer| (answer, laps, stats))
        })
        .await;
    let (laps, stats) = match &result {
        Ok((_, laps, stats)) => (*laps, *stats),
        // Where the time went is forgotten; it is said to be that of the evaluation.
        Err(_) => (Laps { eval: asked.elapsed(), ..Laps::default() }, QueryStats::default()),
    };
    let done = Done {
        query: params.get("query"),
        start: times.start,
        end: times.end,
        step_ms: times.step_ms,
        origin: params.origin(),
        laps,
        stats,
        error: result.as_ref().err().map(|error| error.message.as_str()),
    };
    // What cannot be understood is not a query.
    let is_query = !matches!(&result, Err(ApiError { kind: ErrorType::BadData, .. }));
    waiting.done(is_query.then_some(&done));
    result.map(|(answer, ..)| answer)
}

fn answer(
    mut output: QueryOutput,
    limit: usize,
    params: &Params,
    laps: &Laps,
    interrupt: &dyn Interrupt,
) -> Result<Answer, ApiError> {
    let mut stats = Json::default();
    if !params.get("stats").is_empty() {
        write_stats(&mut stats, &output.stats, laps);
    }
    if limit > 0 {
        let cut = match &mut output.value {
            Value::Vector(samples) if samples.len() > limit => {
                samples.truncate(limit);
                true
            }
            Value::Matrix(series) if series.len() > limit => {
                series.truncate(limit);
                true
            }
            _ => false,
        };
        if cut {
            output.warnings.push("results truncated due to limit".to_owned());
        }
    }
    let mut json = Json::default();
    json.raw("{\"resultType\":").string(output.value.type_name()).raw(",\"result\":");
    let memory = output.memory;
    result::write(&mut json, output.value, &memory, interrupt)?;
    json.bytes.append(&mut stats.bytes);
    json.raw("}");
    let (warnings, infos) = (output.warnings, output.infos);
    Ok(Answer { data: json, warnings, infos, memory: Some(memory) })
}

/// `,"stats":{...}`
fn write_stats(json: &mut Json, stats: &QueryStats, laps: &Laps) {
    json.raw(",\"stats\":{\"timings\":");
    timings::write(json, laps);
    json.raw(",\"samples\":{\"totalQueryableSamples\":").number(stats.samples_total);
    json.raw(",\"peakSamples\":").number(stats.samples_peak);
    json.raw("},\"hearth\":{\"peakBytes\":").number(stats.bytes_peak);
    json.raw(",\"series\":").number(stats.series_total).raw("}}");
}
