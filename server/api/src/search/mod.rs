//! `/api/v1/search/{metric_names,label_names,label_values}`: names and values that resemble what is
//! typed, in lines of JSON. Behind `--enable-feature=search-api`, as in Prometheus 3.13.

mod matching;
mod request;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use common_model::{METRIC_NAME, Metadata};
use server_promql::engine::{Interrupt, Reservation, Stop};
use server_storage::Querier;

use crate::answer::respond;
use crate::error::{ApiError, ErrorType};
use crate::json::Json;
use crate::params::Params;
use crate::running;
use crate::state::ApiState;
use request::{Order, SearchRequest};

/// Candidates that are looked at between two looks at the clock.
const CANDIDATES_AT_A_TIME: usize = 1024;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Values of `__name__`.
    MetricNames,
    /// Names of labels.
    LabelNames,
    /// Values of the label that `label` names.
    LabelValues,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Place::MetricNames => "metric_names",
            Place::LabelNames => "label_names",
            Place::LabelValues => "label_values",
        }
    }
}

/// A name or value that was found.
#[derive(Clone, Debug)]
struct Found {
    text: String,
    /// 0 to 1.
    score: f64,
}

/// Answers a search.
pub(crate) async fn search(state: Arc<ApiState>, params: Params, place: Place) -> Response<Body> {
    match lines(state, &params, place).await {
        Ok(lines) => {
            let mut response = Response::new(Body::from(lines.bytes));
            let kind = HeaderValue::from_static("application/x-ndjson; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
        Err(error) => respond(Err(error)),
    }
}

async fn lines(state: Arc<ApiState>, params: &Params, place: Place) -> Result<Json, ApiError> {
    if !state.options.search {
        let message = "search API disabled".to_owned();
        return Err(ApiError { kind: ErrorType::Unavailable, message });
    }
    params.insist()?;
    let request = SearchRequest::read(params, place, (state.now)())?;
    let timeout = state.options.query_timeout;
    let asked = request.clone();
    let mut found =
        running::run(&state, timeout, running::ELSEWHERE, move |state, interrupt, memory| {
            let mut querier = state.storage.querier(asked.start, asked.end)?;
            querier.watch(interrupt.watch());
            find(&asked, &*querier, interrupt, memory)
        })
        .await?;
    let has_more = found.len() > request.limit;
    found.truncate(request.limit);
    let metadata = match request.with_metadata {
        true => metadata(&state, &found).await,
        false => Vec::new(),
    };
    Ok(write(&request, &found, &metadata, has_more))
}

/// Everything that matches, in order; one more than the limit where there is more.
fn find(
    request: &SearchRequest,
    querier: &dyn Querier,
    interrupt: &dyn Interrupt,
    memory: &Reservation,
) -> Result<Vec<Found>, ApiError> {
    let mut candidates = BTreeSet::new();
    let no_matchers = [Vec::new()];
    let sets = if request.sets.is_empty() { &no_matchers[..] } else { &request.sets };
    for set in sets {
        candidates.extend(match request.place {
            Place::LabelNames => querier.label_names(set, 0)?,
            Place::MetricNames => querier.label_values(METRIC_NAME, set, 0)?,
            Place::LabelValues => querier.label_values(&request.label, set, 0)?,
        });
    }
    let mut found = Vec::new();
    for (i, text) in candidates.into_iter().enumerate() {
        if i % CANDIDATES_AT_A_TIME == 0 {
            in_time(interrupt)?;
            memory.look()?;
        }
        if let Some(score) = request.terms.score(&text) {
            found.push(Found { text, score });
        }
    }
    match request.order {
        Order::Rising => {}
        Order::Falling => found.reverse(),
        // What scores alike stays in the order of the alphabet.
        Order::Score => found.sort_by(|a, b| b.score.total_cmp(&a.score)),
    }
    found.truncate(request.limit.saturating_add(1));
    Ok(found)
}

fn in_time(interrupt: &dyn Interrupt) -> Result<(), ApiError> {
    let (kind, message) = match interrupt.stop() {
        None => return Ok(()),
        Some(Stop::Timeout) => (ErrorType::Timeout, "search timed out"),
        Some(Stop::Canceled) => (ErrorType::Canceled, "search was canceled"),
    };
    Err(ApiError { kind, message: message.to_owned() })
}

/// What the first target that knows it says of each metric.
async fn metadata(state: &ApiState, found: &[Found]) -> Vec<Option<Metadata>> {
    let mut known = vec![None; found.len()];
    for target in state.scrape.active().await {
        let metadata = target.metadata.lock();
        for (known, found) in known.iter_mut().zip(found).filter(|(known, _)| known.is_none()) {
            *known = metadata.get(&found.text).cloned();
        }
    }
    known
}

/// Batches of results, a line each, and a line that says that this was all.
fn write(
    request: &SearchRequest,
    found: &[Found],
    metadata: &[Option<Metadata>],
    has_more: bool,
) -> Json {
    let mut json = Json::default();
    let mut about = metadata.iter();
    if found.is_empty() {
        json.raw("{\"results\":[]}\n");
    }
    for batch in found.chunks(request.batch) {
        json.raw("{\"results\":");
        json.list(batch, |json, found| {
            json.raw("{\"name\":").string(&found.text);
            if request.with_score {
                json.raw(",\"score\":").number(found.score);
            }
            if let Some(Some(metadata)) = about.next() {
                let texts = [
                    ("type", metadata.kind.as_str()),
                    ("help", metadata.help.as_str()),
                    ("unit", metadata.unit.as_str()),
                ];
                for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
                    json.raw(",").key(key).string(text);
                }
            }
            json.raw("}");
        });
        json.raw("}\n");
    }
    json.raw("{\"status\":\"success\",\"has_more\":").boolean(has_more).raw("}\n");
    json
}
