//! `webhook_configs`: alerts as JSON to a URL.

use std::time::Duration;

use super::{http_config, not_run};
use crate::http::HttpClientConfig;
use crate::url::Url;
use crate::yaml::{Node, Section};
use crate::{Error, SECRET_SHOWN, Secret, paths};

/// One entry of `webhook_configs`.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookConfig {
    /// `send_resolved`, on by default.
    pub send_resolved: bool,
    /// `http_config`, or the global one.
    pub http_config: HttpClientConfig,
    /// `url`, a template; may hold a token. Empty where there is a file.
    pub url: Secret,
    /// `url_file`, read for every message.
    pub url_file: Option<String>,
    /// `max_alerts`: alerts in one message; zero for no limit.
    pub max_alerts: u64,
    /// `timeout` of one try; zero for as long as the group's interval allows.
    pub timeout: Duration,
}

impl WebhookConfig {
    pub(super) fn read(node: &Node, global: &HttpClientConfig) -> Result<WebhookConfig, Error> {
        let mut section = Section::open(node, "webhook.plain")?;
        let own = section.take("http_config").filter(|node| !node.is_null());
        let config = WebhookConfig {
            send_resolved: section.or("send_resolved", true)?,
            http_config: own.map_or_else(|| Ok(global.clone()), http_config)?,
            url: section.or_default("url")?,
            url_file: section.filled("url_file")?,
            max_alerts: section.or_default("max_alerts")?,
            timeout: section.or_default("timeout")?,
        };
        if section.take("payload").is_some_and(|node| !node.is_null()) {
            return Err(section.complain("payload", not_run("payload of a webhook")));
        }
        section.finish()?;
        let complain = |message: String| Err(Error::at(node.at, message));
        match (config.url.is_empty(), &config.url_file) {
            (true, None) => complain("one of url or url_file must be configured".to_owned()),
            (false, Some(_)) => {
                complain("at most one of url & url_file must be configured".to_owned())
            }
            _ => match check_url(config.url.expose()) {
                Err(problem) => complain(problem),
                Ok(()) => Ok(config),
            },
        }
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        self.http_config.set_directory(dir);
        if let Some(file) = &mut self.url_file {
            paths::join(dir, file);
        }
    }
}

/// What holds a template is known only when it is executed.
fn check_url(text: &str) -> Result<(), String> {
    if text.is_empty() || text.contains("{{") || text == SECRET_SHOWN {
        return Ok(());
    }
    let url = Url::parse(text).map_err(|problem| format!("invalid URL: {problem}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("invalid URL: unsupported scheme {:?} for URL", url.scheme()));
    }
    if url.host().is_empty() {
        return Err("invalid URL: missing host for URL".to_owned());
    }
    Ok(())
}
