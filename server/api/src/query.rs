//! `/api/v1/query` and `/api/v1/query_range`.

use std::sync::Arc;
use std::time::Duration;

use common_model::TimestampMs;
use server_promql::ast::{Expr, ValueType};
use server_promql::engine::{Interrupt, Limit, Stop};
use server_promql::parser;

use crate::answer::Answer;
use crate::error::{ApiError, ErrorType};
use crate::params::{Params, parse_duration};
use crate::state::ApiState;
use crate::watched;

/// Points a series may have in the answer to a range query.
const POINTS_MAX: i64 = 11_000;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// `/api/v1/query`
pub(crate) async fn instant(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let limit = params.limit("limit")?;
    let time = params.time("time")?.unwrap_or_else(|| (state.now)());
    let times = Steps { start: time, end: time, step_ms: 0 };
    watched::run(state, params, times, limit, move |state, expr, options| {
        Ok(state.engine.instant(&*state.storage, expr, time, options)?)
    })
    .await
}

/// The times of a range query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub(crate) start: TimestampMs,
    pub(crate) end: TimestampMs,
    pub(crate) step_ms: i64,
}

/// `start`, `end` and `step`.
pub(crate) fn steps(state: &ApiState, params: &Params) -> Result<Steps, ApiError> {
    let start = params.time_required("start")?;
    let end = params.time_required("end")?;
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step = parse_duration(params.get("step")).map_err(|e| ApiError::parameter("step", e))?;
    if step <= 0 {
        return Err(ApiError::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    let nanoseconds = i128::from(end - start) * i128::from(NANOS_PER_MILLI);
    if nanoseconds / i128::from(step) > i128::from(POINTS_MAX) {
        state.engine.options().shared.count(Limit::Points);
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
             resolution (?step=XX)",
        ));
    }
    Ok(Steps { start, end, step_ms: (step / NANOS_PER_MILLI).max(1) })
}

/// An error where an expression has no value at every step.
pub(crate) fn has_steps(expr: &Expr) -> Result<(), ApiError> {
    let kind = expr.value_type();
    if matches!(kind, ValueType::Scalar | ValueType::Vector) {
        return Ok(());
    }
    let problem = format!(
        "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
        kind.describe()
    );
    Err(ApiError::parameter("query", problem))
}

/// `/api/v1/query_range`
pub(crate) async fn range(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let limit = params.limit("limit")?;
    let steps = steps(&state, &params)?;
    watched::run(state, params, steps, limit, move |state, expr, options| {
        has_steps(expr)?;
        let Steps { start, end, step_ms } = steps;
        Ok(state.engine.range(&*state.storage, expr, start, end, step_ms, options)?)
    })
    .await
}

/// `/api/v1/format_query`
pub(crate) async fn format(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let expr = parse(&state, &params)?;
    Ok(Answer::write(|json| {
        json.string(&expr.pretty());
    }))
}

/// The expression that is asked about.
pub(crate) fn parse(state: &ApiState, params: &Params) -> Result<Expr, ApiError> {
    parser::parse(params.get("query"), &state.parser)
        .map_err(|error| ApiError::parameter("query", error))
}

/// An error where the time of the query is over before it begins.
pub(crate) fn in_time(interrupt: &dyn Interrupt) -> Result<(), ApiError> {
    match interrupt.stop() {
        Some(Stop::Timeout) => {
            let message = "query timed out in query execution".to_owned();
            Err(ApiError { kind: ErrorType::Timeout, message })
        }
        Some(Stop::Canceled) | None => Ok(()),
    }
}

/// How long the query may take; what is negative is over at once.
pub(crate) fn timeout(state: &ApiState, params: &Params) -> Result<Duration, ApiError> {
    let asked = params.duration("timeout")?.map(|asked| u64::try_from(asked).unwrap_or(0));
    let most = state.options.query_timeout;
    Ok(asked.map_or(most, |asked| Duration::from_nanos(asked).min(most)))
}

/// How far back samples count; nothing positive is as if nothing were said.
pub(crate) fn lookback(params: &Params) -> Result<Option<i64>, ApiError> {
    let text = params.get("lookback_delta");
    if text.is_empty() {
        return Ok(None);
    }
    let nanoseconds = parse_duration(text).map_err(|error| {
        ApiError::bad_data(format!("error parsing lookback delta duration: {error}"))
    })?;
    Ok(Some(nanoseconds / NANOS_PER_MILLI).filter(|milliseconds| *milliseconds > 0))
}
