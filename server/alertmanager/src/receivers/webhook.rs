//! `webhook`: the message as JSON, posted to a URL. Format:
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>, version 4.

use std::sync::Arc;

use common_client::{Client, ClientOptions, Request};
use common_config::alertmanager::WebhookConfig;
use common_template::{Set, Value};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::time::Instant;

use super::{Channel, Sending};
use crate::message::Message;
use crate::retry::{Blame, Failure};
use crate::templates;

/// Bytes of an answer that are read; they only stand in the log.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Characters of an answer that are shown.
const ANSWER_SHOWN_MAX: usize = 256;
/// Bytes of a `url_file` that are used.
const URL_BYTES_MAX: usize = 64 << 10;

/// One entry of `webhook_configs`.
pub(super) struct Webhook {
    config: WebhookConfig,
    client: Client,
    templates: Arc<Set>,
}

impl Webhook {
    pub(super) fn boxed(
        config: &WebhookConfig,
        templates: &Arc<Set>,
    ) -> Result<Box<dyn Channel>, String> {
        let options = ClientOptions {
            user_agent: concat!("Alertmanager/", env!("CARGO_PKG_VERSION"), " (Hearth)").to_owned(),
            ..ClientOptions::default()
        };
        let client = Client::new(&config.http_config, options).map_err(|e| e.to_string())?;
        let templates = Arc::clone(templates);
        Ok(Box::new(Webhook { config: config.clone(), client, templates }))
    }

    async fn try_once(&self, mut message: Message, deadline: Instant) -> Result<(), Failure> {
        let truncated = message.truncate(self.config.max_alerts);
        let value = message.to_value();
        let body = body(&value, &message.group_key, truncated)
            .map_err(|error| Failure::lasting(error.to_string()))?;
        let url = self.url(&value, message.now_ms).await?;
        let mut request = Request::new(Method::POST, url);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = body.into();
        request.body_bytes_max = ANSWER_BYTES_MAX;
        request.encoded_bytes_max = ANSWER_BYTES_MAX;
        request.deadline = deadline;
        if !self.config.timeout.is_zero() {
            let own = Instant::now().checked_add(self.config.timeout);
            request.deadline = own.map_or(deadline, |own| own.min(deadline));
        }
        let answer = self.client.send(request).await.map_err(|error| Failure {
            // The URL may hold a token, so only the cause is told.
            problem: format!("Post \"<redacted>\": {}", error.cause),
            blame: if error.is_timeout() { Blame::Deadline } else { Blame::Other },
            may_retry: error.is_transient(),
        })?;
        judge(answer.status, &answer.body)
    }

    async fn url(&self, value: &Value, now_ms: i64) -> Result<String, Failure> {
        let text = match &self.config.url_file {
            None => self.config.url.expose().to_owned(),
            Some(file) => {
                let read = tokio::fs::read_to_string(file).await;
                let text = read.map_err(|error| Failure::lasting(format!("{file}: {error}")))?;
                if text.len() > URL_BYTES_MAX {
                    let problem = format!("{file}: longer than {URL_BYTES_MAX} bytes");
                    return Err(Failure::lasting(problem));
                }
                text.trim().to_owned()
            }
        };
        let url = templates::execute(&self.templates, &text, value, now_ms)
            .map_err(|error| Failure::lasting(format!("webhook URL template: {error}")))?;
        if url.is_empty() {
            return Err(Failure::lasting("webhook URL is empty after templating"));
        }
        Ok(url)
    }
}

impl Channel for Webhook {
    fn send(&self, message: Message, deadline: Instant) -> Sending<'_> {
        Box::pin(self.try_once(message, deadline))
    }
}

/// The JSON text: the data of templates and three members more.
fn body(
    value: &Value,
    group_key: &str,
    truncated: usize,
) -> Result<String, common_template::Error> {
    let mut json = templates::to_json(value)?;
    // It is an object: the brace at its end is opened again.
    json.pop();
    let key = templates::to_json(&Value::from(group_key))?;
    json.push_str(&format!(
        ",\"version\":\"4\",\"groupKey\":{key},\"truncatedAlerts\":{truncated}}}\n"
    ));
    Ok(json)
}

/// 2xx is good; 5xx and "too many requests" may pass.
fn judge(status: StatusCode, answer: &[u8]) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let shown: String = String::from_utf8_lossy(answer).chars().take(ANSWER_SHOWN_MAX).collect();
    let colon = if shown.is_empty() { "" } else { ": " };
    Err(Failure {
        problem: format!("unexpected status code {}{colon}{shown}", status.as_u16()),
        blame: match status.as_u16() {
            400..=499 => Blame::Client,
            500..=599 => Blame::Server,
            _ => Blame::Other,
        },
        may_retry: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
    })
}
