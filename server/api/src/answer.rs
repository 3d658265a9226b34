//! The envelope of every answer: `{"status":"success","data":...,"warnings":[...]}`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use server_promql::engine::Reservation;

use crate::error::ApiError;
use crate::json::Json;
use crate::pieces;

/// An answer up to here is sent in one piece.
const SHORT_BYTES: usize = 16 << 10;

/// What a handler has to say.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The value of `data`; empty leaves `data` out.
    pub(crate) data: Json,
    pub(crate) warnings: Vec<String>,
    pub(crate) infos: Vec<String>,
    /// The memory of the answer, held until it is sent.
    pub(crate) memory: Option<Arc<Reservation>>,
}

impl Answer {
    pub(crate) fn new(data: Json) -> Answer {
        Answer { data, ..Answer::default() }
    }

    /// An answer whose data `fill` writes.
    pub(crate) fn write(fill: impl FnOnce(&mut Json)) -> Answer {
        let mut data = Json::default();
        fill(&mut data);
        Answer::new(data)
    }
}

/// Makes an HTTP response of a handler's result.
pub(crate) fn respond(result: Result<Answer, ApiError>) -> Response<Body> {
    let mut json = Json::default();
    let (mut pieces, mut memory) = (Vec::new(), None);
    let status = match result {
        Ok(answer) => {
            json.raw("{\"status\":\"success\"");
            if !answer.data.is_empty() {
                json.raw(",\"data\":");
                // Long data is not copied into what goes around it.
                pieces = answer.data.into_pieces();
                let before = std::mem::take(&mut json.bytes);
                pieces.insert(0, before);
            }
            for (key, notes) in [(",\"warnings\":", answer.warnings), (",\"infos\":", answer.infos)]
            {
                if !notes.is_empty() {
                    json.raw(key).strings(notes);
                }
            }
            memory = answer.memory;
            StatusCode::OK
        }
        Err(error) => {
            json.raw("{\"status\":\"error\",\"errorType\":").string(error.kind.as_str());
            json.raw(",\"error\":").string(&error.message);
            error.kind.status()
        }
    };
    json.raw("}");
    pieces.push(json.bytes);
    if pieces.iter().map(Vec::len).sum::<usize>() <= SHORT_BYTES {
        pieces = vec![pieces.concat()];
    }
    let mut response = Response::new(pieces::body(pieces, memory.as_ref()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A plain text response.
pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
