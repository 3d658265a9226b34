//! The `global` section: what receivers take unless they say otherwise.

use std::time::Duration;

use super::email::HostPort;
use super::{http_config, secret_or_file};
use crate::http::{HttpClientConfig, TlsConfig};
use crate::yaml::{Node, Section};
use crate::{Error, Secret, paths};

const RESOLVE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(300);
const HELLO_DEFAULT: &str = "localhost";

/// Defaults of receivers that this version does not run. Such a receiver is refused, so they
/// cannot have an effect and a file may keep them.
const KEYS_OF_OTHER_KINDS: [&str; 28] = [
    "slack_api_url",
    "slack_api_url_file",
    "slack_app_token",
    "slack_app_token_file",
    "slack_app_url",
    "pagerduty_url",
    "opsgenie_api_url",
    "opsgenie_api_key",
    "opsgenie_api_key_file",
    "wechat_api_url",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_corp_id",
    "victorops_api_url",
    "victorops_api_key",
    "victorops_api_key_file",
    "telegram_api_url",
    "telegram_bot_token",
    "telegram_bot_token_file",
    "webex_api_url",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "jira_api_url",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
];

/// The `global` section.
#[derive(Clone, Debug, PartialEq)]
pub struct GlobalConfig {
    /// `resolve_timeout`: how long an alert without an end is taken as firing, 5m by default.
    pub resolve_timeout: Duration,
    /// `http_config`.
    pub http_config: HttpClientConfig,
    /// The `smtp_*` keys.
    pub smtp: SmtpConfig,
}

/// How mail is sent, unless the receiver says otherwise: keys `smtp_...`.
#[derive(Clone, Debug, PartialEq)]
pub struct SmtpConfig {
    /// `smtp_from`.
    pub from: String,
    /// `smtp_hello`: the name this host goes by, `localhost` by default.
    pub hello: String,
    /// `smtp_smarthost`.
    pub smarthost: Option<HostPort>,
    /// `smtp_auth_username`; empty for no authentication.
    pub auth_username: String,
    /// `smtp_auth_password`.
    pub auth_password: Secret,
    /// `smtp_auth_password_file`.
    pub auth_password_file: Option<String>,
    /// `smtp_auth_secret`, for CRAM-MD5.
    pub auth_secret: Secret,
    /// `smtp_auth_secret_file`.
    pub auth_secret_file: Option<String>,
    /// `smtp_auth_identity`.
    pub auth_identity: String,
    /// `smtp_require_tls`, on by default.
    pub require_tls: bool,
    /// `smtp_tls_config`.
    pub tls_config: TlsConfig,
    /// `smtp_force_implicit_tls`; `None` lets the port decide.
    pub force_implicit_tls: Option<bool>,
}

impl Default for SmtpConfig {
    fn default() -> SmtpConfig {
        SmtpConfig {
            from: String::new(),
            hello: HELLO_DEFAULT.to_owned(),
            smarthost: None,
            auth_username: String::new(),
            auth_password: Secret::default(),
            auth_password_file: None,
            auth_secret: Secret::default(),
            auth_secret_file: None,
            auth_identity: String::new(),
            require_tls: true,
            tls_config: TlsConfig::default(),
            force_implicit_tls: None,
        }
    }
}

impl Default for GlobalConfig {
    fn default() -> GlobalConfig {
        GlobalConfig {
            resolve_timeout: RESOLVE_TIMEOUT_DEFAULT,
            http_config: HttpClientConfig::default(),
            smtp: SmtpConfig::default(),
        }
    }
}

impl GlobalConfig {
    pub(super) fn read(node: &Node) -> Result<GlobalConfig, Error> {
        let mut section = Section::open(node, "config.plain")?;
        for key in KEYS_OF_OTHER_KINDS {
            section.take(key);
        }
        let http = section.take("http_config").filter(|node| !node.is_null());
        let config = GlobalConfig {
            resolve_timeout: section.or("resolve_timeout", RESOLVE_TIMEOUT_DEFAULT)?,
            http_config: http.map_or_else(|| Ok(HttpClientConfig::default()), http_config)?,
            smtp: SmtpConfig::take(&mut section)?,
        };
        section.finish()?;
        Ok(config)
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        self.http_config.set_directory(dir);
        self.smtp.set_directory(dir);
    }
}

impl SmtpConfig {
    fn take(section: &mut Section<'_>) -> Result<SmtpConfig, Error> {
        let (auth_password, auth_password_file) = secret_or_file(section, "smtp_auth_password")?;
        let (auth_secret, auth_secret_file) = secret_or_file(section, "smtp_auth_secret")?;
        Ok(SmtpConfig {
            from: section.or_default("smtp_from")?,
            hello: section.or("smtp_hello", HELLO_DEFAULT.to_owned())?,
            smarthost: HostPort::take(section, "smtp_smarthost")?,
            auth_username: section.or_default("smtp_auth_username")?,
            auth_password,
            auth_password_file,
            auth_secret,
            auth_secret_file,
            auth_identity: section.or_default("smtp_auth_identity")?,
            require_tls: section.or("smtp_require_tls", true)?,
            tls_config: section.or_default("smtp_tls_config")?,
            force_implicit_tls: section.get("smtp_force_implicit_tls")?,
        })
    }

    fn set_directory(&mut self, dir: &str) {
        let files = [&mut self.auth_password_file, &mut self.auth_secret_file];
        for file in files.into_iter().flatten() {
            paths::join(dir, file);
        }
        self.tls_config.set_directory(dir);
    }
}
