//! The envelope of every answer: `{"status":"success","data":...,"warnings":[...]}`.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};

use crate::error::ApiError;
use crate::json::Json;

/// What a handler has to say.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The value of `data`; empty leaves `data` out.
    pub(crate) data: Json,
    pub(crate) warnings: Vec<String>,
    pub(crate) infos: Vec<String>,
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
    let status = match result {
        Ok(answer) => {
            json.bytes.reserve(answer.data.bytes.len() + 64);
            json.raw("{\"status\":\"success\"");
            if !answer.data.bytes.is_empty() {
                json.raw(",\"data\":");
                json.bytes.extend_from_slice(&answer.data.bytes);
            }
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
    let mut response = Response::new(Body::from(json.bytes));
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
