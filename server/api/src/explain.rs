//! `/api/v1/explain`, which the original does not have: a query is run, and what is answered is not
//! its result but what the evaluator did for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use common_model::Matcher;
use server_promql::ast::Expr;
use server_promql::engine::{
    Plan, PlanNode, QueryOptions, QueryOutput, Recorder, Reservation, Search,
};
use server_promql::value::Value;

use crate::answer::Answer;
use crate::error::ApiError;
use crate::json::Json;
use crate::params::Params;
use crate::query::{has_steps, in_time, lookback, parse, steps, timeout};
use crate::running;
use crate::state::ApiState;

/// `/api/v1/explain`: at one `time`, or from `start` to `end` where one of these or `step` is given.
pub(crate) async fn explain(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let is_range = ["start", "end", "step"].iter().any(|name| !params.get(name).is_empty());
    let steps = if is_range { Some(steps(&state, &params)?) } else { None };
    let time = params.time("time")?.unwrap_or_else(|| (state.now)());
    let timeout = timeout(&state, &params)?;
    let lookback_delta_ms = lookback(&params)?;
    running::run(&state, timeout, running::ELSEWHERE, move |state, interrupt, memory| {
        let expr = parse(state, &params)?;
        in_time(interrupt)?;
        let begun = Instant::now();
        let clock = || begun.elapsed();
        let recorder = Recorder::new(&expr, &clock)?;
        memory.charge(recorder.heap_bytes())?;
        let options = QueryOptions {
            query: params.get("query"),
            lookback_delta_ms,
            interrupt,
            recorder: Some(&recorder),
            memory: Some(memory),
            ..Default::default()
        };
        let (storage, engine) = (&*state.storage, &state.engine);
        let output = match steps {
            None => engine.instant(storage, &expr, time, &options)?,
            Some(steps) => {
                has_steps(&expr)?;
                engine.range(storage, &expr, steps.start, steps.end, steps.step_ms, &options)?
            }
        };
        answer(output, &recorder.plan(), is_range)
    })
    .await
}

fn answer(output: QueryOutput, plan: &Plan<'_>, is_range: bool) -> Result<Answer, ApiError> {
    let mut json = Json::default();
    json.raw("{\"mode\":").string(if is_range { "range" } else { "instant" });
    // One node at a time, also where queries that nobody explains use several threads.
    json.raw(",\"sequential\":true,\"resultType\":").string(output.value.type_name());
    json.raw(",\"series\":").number(match &output.value {
        Value::Scalar { .. } | Value::String { .. } => 1,
        Value::Vector(samples) => samples.len(),
        Value::Matrix(series) => series.len(),
    });
    json.raw(",\"seconds\":{\"total\":").number(seconds(plan.root.total + plan.outside));
    json.raw(",\"evaluation\":").number(seconds(plan.root.total));
    json.raw(",\"result\":").number(seconds(plan.outside));
    let stats = &output.stats;
    json.raw("},\"seriesRead\":").number(stats.series_total);
    json.raw(",\"totalQueryableSamples\":").number(stats.samples_total);
    json.raw(",\"peakSamples\":").number(stats.samples_peak);
    json.raw(",\"peakBytes\":").number(stats.bytes_peak);
    // The result is not answered, so its memory is free for what is.
    let QueryOutput { warnings, infos, memory, value, .. } = output;
    drop(value);
    memory.release(memory.bytes());
    json.raw(",\"plan\":");
    write(&mut json, &plan.root, &memory)?;
    json.raw("}");
    Ok(Answer { data: json, warnings, infos, memory: Some(memory) })
}

/// Writes a node and those below it.
fn write(json: &mut Json, node: &PlanNode<'_>, memory: &Reservation) -> Result<(), ApiError> {
    let before = json.bytes.len();
    let (span, measure) = (node.expr.span(), &node.measure);
    json.raw("{\"expr\":").string(&node.text());
    json.raw(",\"position\":{\"start\":").number(span.start);
    json.raw(",\"end\":").number(span.end).raw("},\"kind\":").string(node.kind());
    if let Some(name) = name(node.expr) {
        json.raw(",\"name\":").string(name);
    }
    json.raw(",\"type\":").string(node.expr.value_type().as_str());
    json.raw(",\"execution\":").string(node.execution().name());
    json.raw(",\"invariant\":").boolean(node.is_invariant());
    json.raw(",\"steps\":").number(measure.steps);
    json.raw(",\"series\":").number(measure.series);
    json.raw(",\"samples\":").number(measure.samples);
    json.raw(",\"seriesRead\":").number(measure.series_read);
    json.raw(",\"samplesRead\":").number(measure.samples_read);
    json.raw(",\"peakBytes\":").number(measure.bytes_peak);
    json.raw(",\"seconds\":{\"own\":").number(seconds(measure.own));
    json.raw(",\"total\":").number(seconds(node.total)).raw("}");
    if node.expr.selector().is_some() {
        json.raw(",\"matchers\":").list(node.matchers(), write_matcher);
    }
    memory.charge(json.bytes.len() - before)?;
    json.raw(",\"children\":[");
    for (at, child) in node.children.iter().enumerate() {
        json.raw(if at > 0 { "," } else { "" });
        write(json, child, memory)?;
    }
    json.raw("]}");
    Ok(())
}

fn write_matcher(json: &mut Json, (matcher, search): (&Matcher, Search<'_>)) {
    json.raw("{\"name\":").string(&matcher.name);
    json.raw(",\"type\":").string(matcher.op.as_str());
    json.raw(",\"value\":").string(&matcher.value);
    json.raw(",\"search\":").string(search.name());
    match search {
        Search::Literals(count) => json.raw(",\"literals\":").number(count),
        Search::Prefix(prefix) => json.raw(",\"prefix\":").string(prefix),
        Search::Equal | Search::Regex => json,
    };
    json.raw("}");
}

/// Which function, aggregation or operator it is.
fn name(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Aggregate(aggregate) => Some(aggregate.op.as_str()),
        Expr::Binary(binary) => Some(binary.op.as_str()),
        Expr::Call(call) => Some(call.function.name),
        _ => None,
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
