//! OAuth 2.0, client credentials and JWT bearer: asks for a token and keeps it until shortly before
//! its end.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common_config::{HttpClientConfig, OAuth2};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use rustls_pki_types::UnixTime;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::auth::{read, secret};
use crate::error::Cause;
use crate::jwt;
use crate::url::query_escape;
use crate::{Client, ClientOptions, Error, Request};

/// A token is renewed this long before it ends.
const EARLY: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The tokens of one configuration; the last one is kept.
pub struct Tokens {
    config: OAuth2,
    client: Box<Client>,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    header: HeaderValue,
    /// What it was got with; another secret needs another token.
    secret: String,
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    expires_in: Option<f64>,
}

impl Tokens {
    /// Nothing is asked yet; a grant that is not known is refused.
    pub fn new(config: &OAuth2, options: &ClientOptions) -> Result<Tokens, Error> {
        if !matches!(config.grant_type.as_str(), "" | "client_credentials" | jwt::GRANT) {
            let problem = format!("oauth2: grant_type {:?} is not supported", config.grant_type);
            return Err(Error::bare(Cause::Credentials(problem)));
        }
        let http = HttpClientConfig {
            tls_config: config.tls_config.clone(),
            proxy: config.proxy.clone(),
            ..HttpClientConfig::default()
        };
        let client = Box::new(Client::new(&http, options.clone())?);
        Ok(Tokens { config: config.clone(), client, kept: Mutex::new(None) })
    }

    /// The value of `Authorization`. Those who ask at the same time share one question.
    pub async fn header(&self, deadline: Instant) -> Result<HeaderValue, Cause> {
        let secret = self.secret()?;
        let mut kept = self.kept.lock().await;
        let is_good = |kept: &Kept| {
            kept.secret == secret && kept.until.is_none_or(|until| Instant::now() < until)
        };
        if let Some(good) = kept.as_ref().filter(|kept| is_good(kept)) {
            return Ok(good.header.clone());
        }
        let fresh = self.ask(&secret, deadline).await?;
        let header = fresh.header.clone();
        *kept = Some(fresh);
        Ok(header)
    }

    /// What proves who we are: a secret, or a key to sign with. Files are read each time.
    fn secret(&self) -> Result<String, Cause> {
        let config = &self.config;
        let (thing, file, inline) = if self.is_signing() {
            let file = &config.client_certificate_key_file;
            ("client certificate key", file, &config.client_certificate_key)
        } else {
            ("client secret", &config.client_secret_file, &config.client_secret)
        };
        match file {
            Some(path) => read(thing, path),
            None => Ok(inline.expose().to_owned()),
        }
    }

    fn is_signing(&self) -> bool {
        self.config.grant_type == jwt::GRANT
    }

    async fn ask(&self, client_secret: &str, deadline: Instant) -> Result<Kept, Cause> {
        let grant = if self.is_signing() { jwt::GRANT } else { "client_credentials" };
        let mut form = vec![("grant_type", grant.to_owned())];
        if !self.config.scopes.is_empty() {
            form.push(("scope", self.config.scopes.join(" ")));
        }
        let params = self.config.endpoint_params.iter();
        form.extend(params.map(|(name, value)| (name.as_str(), value.clone())));
        let (status, body) = if self.is_signing() {
            let now = UnixTime::now().as_secs();
            form.push(("assertion", jwt::assertion(&self.config, client_secret, now)?));
            self.post(&form, None, deadline).await?
        } else {
            self.show_secret(form, client_secret, deadline).await?
        };
        let answer = read_answer(status, &body)?;
        let kind = match answer.token_type.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer",
            "mac" => "MAC",
            "basic" => "Basic",
            _ => &answer.token_type,
        };
        let seconds = answer.expires_in.filter(|seconds| *seconds > 0.0);
        let life = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Kept {
            header: secret(&format!("{kind} {}", answer.access_token))?,
            secret: client_secret.to_owned(),
            until: life.and_then(|life| Instant::now().checked_add(life.saturating_sub(EARLY))),
        })
    }

    /// As Go does it: first with a header, and where the server does not like that, in the form.
    async fn show_secret(
        &self,
        mut form: Vec<(&str, String)>,
        client_secret: &str,
        deadline: Instant,
    ) -> Result<(StatusCode, Vec<u8>), Cause> {
        let id = &self.config.client_id;
        let pair = format!("{}:{}", query_escape(id), query_escape(client_secret));
        let header = secret(&format!("Basic {}", BASE64_STANDARD.encode(pair)))?;
        let first = self.post(&form, Some(header), deadline).await?;
        if first.0.is_success() {
            return Ok(first);
        }
        form.push(("client_id", id.clone()));
        form.push(("client_secret", client_secret.to_owned()));
        self.post(&form, None, deadline).await
    }

    async fn post(
        &self,
        form: &[(&str, String)],
        header: Option<HeaderValue>,
        deadline: Instant,
    ) -> Result<(StatusCode, Vec<u8>), Cause> {
        let pairs: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{}={}", query_escape(name), query_escape(value)))
            .collect();
        let mut request = Request::new(Method::POST, self.config.token_url.as_str());
        request.body = pairs.join("&").into();
        request.deadline = deadline;
        request.body_bytes_max = ANSWER_BYTES_MAX;
        request.encoded_bytes_max = ANSWER_BYTES_MAX;
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, kind);
        if let Some(header) = header {
            request.headers.insert(AUTHORIZATION, header);
        }
        let mut body = Vec::new();
        // The type of a future that contains itself must be hidden once.
        let sent = Box::pin(self.client.send_into(request, &mut body)).await;
        match sent {
            Ok(head) => Ok((head.status, body)),
            Err(error) if error.is_timeout() => Err(Cause::Deadline),
            Err(error) => Err(Cause::Credentials(error.to_string())),
        }
    }
}

fn read_answer(status: StatusCode, body: &[u8]) -> Result<Answer, Cause> {
    if !status.is_success() {
        let text = String::from_utf8_lossy(body);
        let problem = format!("oauth2: cannot fetch token: {status}\nResponse: {text}");
        return Err(Cause::Credentials(problem));
    }
    serde_json::from_slice(body)
        .map_err(|e| Cause::Credentials(format!("oauth2: cannot parse json: {e}")))
}
