//! `/api/v1/admin/tsdb/*`: what changes the store. Behind `--web.enable-admin-api`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use server_tsdb::block::ulid;

use crate::answer::{Answer, respond};
use crate::error::{ApiError, ErrorType};
use crate::params::{Params, TIME_MAX, TIME_MIN};
use crate::state::ApiState;
use crate::time::snapshot_time;

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

/// `/api/v1/admin/tsdb/snapshot`
pub(crate) async fn snapshot(state: Arc<ApiState>, params: Params) -> Response<Body> {
    respond(make_snapshot(state, params).await)
}

async fn make_snapshot(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    allowed(&state)?;
    params.insist()?;
    let skip_head = match params.get("skip_head") {
        "" => false,
        text => go_bool(text).map_err(|problem| {
            ApiError::parameter("skip_head", format!("unable to parse boolean: {problem}"))
        })?,
    };
    let now = (state.now)();
    // The top bit is a sign to the original.
    let name = format!("{}-{:016x}", snapshot_time(now), (state.random)() >> 1);
    let head = (!skip_head).then(|| block_name(&state));
    let (db, made) = (state.db.clone(), name.clone());
    let work = move || db.snapshot(&made, head.as_deref());
    let result = tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?;
    result.map_err(|error| ApiError::internal(format!("create snapshot: {error}")))?;
    Ok(Answer::write(|json| {
        json.raw("{\"name\":").string(&name).raw("}");
    }))
}

/// `/api/v1/admin/tsdb/clean_tombstones`
pub(crate) async fn clean_tombstones(state: Arc<ApiState>) -> Response<Body> {
    done(clean(state).await)
}

async fn clean(state: Arc<ApiState>) -> Result<(), ApiError> {
    allowed(&state)?;
    let work = move || state.db.clean_tombstones(&mut || block_name(&state));
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(ApiError::internal)?.map_err(ApiError::internal)
}

/// A name for a block that is made now.
fn block_name(state: &ApiState) -> String {
    let mut random = [0; 10];
    for part in random.chunks_mut(size_of::<u64>()) {
        let bytes = (state.random)().to_le_bytes();
        part.copy_from_slice(&bytes[..part.len()]);
    }
    ulid(u64::try_from((state.now)()).unwrap_or(0), random)
}

/// Truth as Go's `strconv.ParseBool` reads it.
fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}
