//! The first request of a probe, and those after redirects: method, headers, body, credentials.

use bytes::Bytes;
use common_client::ClientOptions;
use common_client::parts::{Target, Tokens, add_headers, authorization, basic};
use common_config::HttpClientConfig;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE,
    HeaderName, HeaderValue, PRAGMA, USER_AGENT,
};
use hyper::{HeaderMap, Method, StatusCode};

use super::exchange::Order;
use crate::config::HttpModule;
use crate::probe::failure::Failed;
use crate::probe::{Phase, ProbeContext};

/// What the original calls itself: servers and their filters know it by this name.
pub(in crate::probe) const AGENT: &str = "Blackbox-Exporter/0.28.0";

/// Longest body that is sent.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// Headers that say nothing of whom we are: what another host gets to see after a redirect.
const HARMLESS: [HeaderName; 7] =
    [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, USER_AGENT];

/// The request that a module asks for, without credentials.
pub(super) fn first(http: &HttpModule, target: &Target) -> Result<Order, String> {
    let body = if http.body_file.is_empty() {
        Bytes::from(http.body.clone())
    } else {
        read(&http.body_file)?
    };
    let method = if http.method.is_empty() { "GET" } else { &http.method };
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| format!("net/http: invalid method {method:?}"))?;
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let mut host = target.authority().to_owned();
    for (name, value) in &http.headers {
        if name.eq_ignore_ascii_case("host") {
            host.clone_from(value);
            continue;
        }
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("net/http: invalid header field name {name:?}"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("net/http: invalid header field value for {name:?}"))?;
        headers.insert(key, value);
    }
    if let Some((user, password)) =
        target.user.as_ref().filter(|_| !headers.contains_key(AUTHORIZATION))
    {
        let value = basic(user, password).map_err(|cause| cause.to_string())?;
        headers.insert(AUTHORIZATION, value);
    }
    let is_streamed = !http.body_file.is_empty();
    Ok(Order { method, headers, host, body, is_streamed })
}

fn read(path: &str) -> Result<Bytes, String> {
    let failed =
        |error: std::io::Error| format!("open {path}: {}", common_client::parts::go_cause(&error));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > BODY_BYTES_MAX {
        return Err(format!("{path} is larger than {BODY_BYTES_MAX} bytes"));
    }
    std::fs::read(path).map(Bytes::from).map_err(failed)
}

/// Adds what says who we are; only for the host that the module was asked to probe.
pub(in crate::probe) async fn add_credentials(
    context: &ProbeContext,
    client: &HttpClientConfig,
    headers: &mut HeaderMap,
) -> Result<(), Failed> {
    let failed = |text: String| Failed::new(Phase::Exchange, "credentials", text);
    if !headers.contains_key(AUTHORIZATION) {
        let value = match &client.oauth2 {
            Some(oauth2) => {
                let options = ClientOptions {
                    user_agent: AGENT.to_owned(),
                    proxy_env: (*context.proxies).clone(),
                    ..ClientOptions::default()
                };
                let tokens = Tokens::new(oauth2, &options).map_err(|e| failed(e.to_string()))?;
                let asked = tokens.header(context.deadline).await;
                Some(asked.map_err(|cause| failed(cause.to_string()))?)
            }
            None => authorization(client).map_err(|cause| failed(cause.to_string()))?,
        };
        if let Some(value) = value {
            headers.insert(AUTHORIZATION, value);
        }
    }
    add_headers(client, headers).map_err(|cause| failed(cause.to_string()))
}

/// Whether an answer sends us on.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Changes a request as a redirect with this status asks for. RFC 9110 section 15.4.
pub(super) fn redirect(order: &mut Order, status: StatusCode) {
    if matches!(status.as_u16(), 301..=303) {
        if order.method != Method::HEAD {
            order.method = Method::GET;
        }
        order.body = Bytes::new();
        order.headers.remove(CONTENT_TYPE);
    }
}

/// Takes away what another host must not see: everything that could be a secret, body included.
pub(super) fn forget_secrets(order: &mut Order) {
    let kept = order.headers.iter().filter(|(name, _)| HARMLESS.contains(name));
    order.headers = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    order.body = Bytes::new();
}
