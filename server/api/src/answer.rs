//! The envelope of every answer: `{"status":"success","data":...,"warnings":[...]}`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use server_promql::engine::Reservation;

use crate::error::ApiError;
use crate::json::Json;

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

/// The bytes of an answer with their memory.
struct Held {
    bytes: Vec<u8>,
    _memory: Option<Arc<Reservation>>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
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
    let (mut json, mut memory) = (Json::default(), None);
    let status = match result {
        Ok(answer) => {
            const HEAD: &[u8] = b"{\"status\":\"success\"";
            const DATA: &[u8] = b",\"data\":";
            // The data may be large, so it is not copied into what goes around it.
            json = answer.data;
            memory = answer.memory;
            let data: &[u8] = if json.bytes.is_empty() { &[] } else { DATA };
            json.bytes.splice(..0, HEAD.iter().chain(data).copied());
            for (key, notes) in [(",\"warnings\":", answer.warnings), (",\"infos\":", answer.infos)]
            {
                if !notes.is_empty() {
                    json.raw(key).strings(notes);
                }
            }
            StatusCode::OK
        }
        Err(error) => {
            json.raw("{\"status\":\"error\",\"errorType\":").string(error.kind.as_str());
            json.raw(",\"error\":").string(&error.message);
            error.kind.status()
        }
    };
    json.raw("}");
    let held = Held { bytes: json.bytes, _memory: memory };
    let mut response = Response::new(Body::from(Bytes::from_owner(held)));
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
