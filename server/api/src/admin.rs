//! `/api/v1/admin/tsdb/*`: what changes the store. Behind `--web.enable-admin-api`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use crate::answer::respond;
use crate::error::{ApiError, ErrorType};
use crate::params::{Params, TIME_MAX, TIME_MIN};
use crate::state::ApiState;

/// Makes an answer of what went wrong; nothing more is said of what went well.
fn done(result: Result<(), ApiError>) -> Response<Body> {
    match result {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(error) => respond(Err(error)),
    }
}

/// An error unless the operator allows it.
fn allowed(state: &ApiState) -> Result<(), ApiError> {
    if state.options.admin {
        return Ok(());
    }
    let message = "admin APIs disabled".to_owned();
    Err(ApiError { kind: ErrorType::Unavailable, message })
}

/// `/api/v1/admin/tsdb/delete_series`
pub(crate) async fn delete_series(state: Arc<ApiState>, params: Params) -> Response<Body> {
    done(delete(state, params).await)
}

async fn delete(state: Arc<ApiState>, params: Params) -> Result<(), ApiError> {
    allowed(&state)?;
    params.insist()?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let start = params.time("start")?.unwrap_or(TIME_MIN);
    let end = params.time("end")?.unwrap_or(TIME_MAX);
    // The original deletes up to the first selector it cannot read; nothing is better.
    let sets = params.selectors().map_err(|e| ApiError::parameter("match[]", e.message))?;
    let db = state.db.clone();
    let work = move || sets.iter().try_for_each(|set| db.delete(start, end, set).map(|_| ()));
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(ApiError::internal)?.map_err(ApiError::internal)
}
