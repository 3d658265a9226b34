//! `/api/v1/query_exemplars`

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use common_model::Matcher;
use server_promql::parser;
use server_storage::{ExemplarQuerier, SeriesExemplars};

use crate::answer::{Answer, respond};
use crate::error::ApiError;
use crate::params::{Params, TIME_MAX, TIME_MIN};
use crate::running;
use crate::state::ApiState;

/// Exemplars of every series that a selector of the query selects.
pub(crate) async fn query(state: Arc<ApiState>, params: Params) -> Response<Body> {
    match found(state, &params).await {
        // An expression without selectors asks for nothing, and the original says nothing.
        Ok(None) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Ok(Some(answer)) => respond(Ok(answer)),
        Err(error) => respond(Err(error)),
    }
}

async fn found(state: Arc<ApiState>, params: &Params) -> Result<Option<Answer>, ApiError> {
    let start = params.time("start")?.unwrap_or(TIME_MIN);
    let end = params.time("end")?.unwrap_or(TIME_MAX);
    if end < start {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let expr = parser::parse(params.get("query"), &state.parser)
        .map_err(|error| ApiError::bad_data(error.to_string()))?;
    let selectors = expr.selectors();
    if selectors.is_empty() {
        return Ok(None);
    }
    let sets: Vec<Vec<Matcher>> = selectors.iter().map(|s| s.matchers.clone()).collect();
    running::run(
        &state,
        state.options.query_timeout,
        running::ELSEWHERE,
        move |state, _, memory| {
            let store: &dyn ExemplarQuerier = &state.db;
            let answer = answer(&store.select(start, end, &sets)?);
            memory.look()?;
            Ok(Some(Answer { memory: Some(memory.clone()), ..answer }))
        },
    )
    .await
}

fn answer(found: &[SeriesExemplars]) -> Answer {
    Answer::write(|json| {
        json.list(found, |json, series| {
            json.raw("{\"seriesLabels\":").labels(&series.series).raw(",\"exemplars\":");
            json.list(&series.exemplars, |json, exemplar| {
                json.raw("{\"labels\":").labels(&exemplar.labels);
                json.raw(",\"value\":").value(exemplar.value);
                json.raw(",\"timestamp\":").time(exemplar.timestamp).raw("}");
            });
            json.raw("}");
        });
    })
}
