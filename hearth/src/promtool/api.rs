//! A server's API under `/api/v1`, asked over HTTP.

use std::time::Duration;

use common_client::{Client, HeaderMap, Method, Request, header, query_escape};
use common_service::flags::Matches;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::query::client;

/// A server has so long for one answer.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Pairs of a form, in order.
pub(super) type Form = Vec<(&'static str, String)>;

/// A server that is asked several things over the same connections.
pub(super) struct Api {
    client: Client,
    runtime: Runtime,
    base: String,
}

/// What a server said.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Its `data`.
    pub(super) data: Value,
    /// Its `warnings`.
    pub(super) warnings: Vec<String>,
}

impl Api {
    /// The API of a server, which may be named without scheme.
    pub(super) fn new(matches: &Matches, server: &str) -> Result<Api, String> {
        let scheme = if server.contains("://") { "" } else { "http://" };
        let base = format!("{scheme}{}/api/v1", server.trim_end_matches('/'));
        Ok(Api { client: client(matches)?, runtime: runtime()?, base })
    }

    /// Asks with a form in the body.
    pub(super) fn post(
        &self,
        path: &str,
        form: &Form,
        headers: HeaderMap,
    ) -> Result<Answer, String> {
        let mut request = Request::new(Method::POST, format!("{}/{path}", self.base));
        request.headers = headers;
        request.body = encoded(form).into();
        let kind = header::HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(header::CONTENT_TYPE, kind);
        self.send(request)
    }

    /// Asks with a form in the address.
    pub(super) fn get(&self, path: &str, form: &Form) -> Result<Answer, String> {
        self.send(Request::get(format!("{}/{path}?{}", self.base, encoded(form))))
    }

    fn send(&self, request: Request) -> Result<Answer, String> {
        let response = self.runtime.block_on(self.client.send(request.timeout(TIMEOUT)));
        let response = response.map_err(|error| error.to_string())?;
        answer(response.status.as_u16(), &response.body)
    }
}

/// What requests are sent on.
pub(super) fn runtime() -> Result<Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(|error| error.to_string())
}

fn encoded(form: &Form) -> String {
    let pairs: Vec<String> =
        form.iter().map(|(n, v)| format!("{}={}", query_escape(n), query_escape(v))).collect();
    pairs.join("&")
}

/// What the API answered, or its complaint.
fn answer(status: u16, body: &[u8]) -> Result<Answer, String> {
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else {
        let kind = if status < 500 { "client" } else { "server" };
        let detail = String::from_utf8_lossy(body);
        return Err(format!(
            "{kind}_error: {kind} error: {status} (detail: {})",
            detail.trim_end()
        ));
    };
    if let Some(error) = answer.get("error").and_then(Value::as_str) {
        let kind = answer.get("errorType").and_then(Value::as_str).unwrap_or_default();
        return Err(format!("{kind}: {error}"));
    }
    let warnings = answer.get("warnings").and_then(Value::as_array);
    let warnings = warnings.into_iter().flatten().filter_map(Value::as_str);
    let warnings = warnings.map(str::to_owned).collect();
    Ok(Answer { data: answer.get_mut("data").map(Value::take).unwrap_or_default(), warnings })
}
