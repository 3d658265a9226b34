//! What a client is told beside the configuration, and what it is asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use crate::Dials;

/// Habits of a client; the defaults suit scraping.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Idle connections that are kept for each host.
    pub idle_per_host_max: usize,
    /// How long one is kept.
    pub idle_deadline: Duration,
    /// Bytes that a buffer for reading may grow to.
    pub read_buffer_bytes_max: usize,
    /// For `proxy_from_environment`.
    pub proxy_env: ProxyEnv,
    /// Where connections are counted.
    pub dials: Arc<Dials>,
}

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        ClientOptions {
            user_agent: concat!("Hearth/", env!("CARGO_PKG_VERSION")).to_owned(),
            idle_per_host_max: 2,
            idle_deadline: Duration::from_secs(300),
            read_buffer_bytes_max: 64 << 10,
            proxy_env: ProxyEnv::default(),
            dials: Arc::default(),
        }
    }
}

/// The variables that name proxies. Only `common/service` may read them, so they are handed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyEnv {
    /// `HTTP_PROXY` or `http_proxy`.
    pub http: String,
    /// `HTTPS_PROXY` or `https_proxy`.
    pub https: String,
    /// `NO_PROXY` or `no_proxy`.
    pub none: String,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: Method,
    /// `http` or `https`.
    pub url: String,
    /// Headers beside those of the configuration, which they override.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Bytes,
    /// When all must be done, redirects and body included.
    pub deadline: Instant,
    /// Bytes of the answer's body, decompressed.
    pub body_bytes_max: usize,
    /// Bytes of the answer's body as they come over the wire.
    pub encoded_bytes_max: usize,
}

impl Request {
    /// A request without body, with 30 s of time and 64 MiB for the answer.
    #[must_use]
    pub fn new(method: Method, url: impl Into<String>) -> Request {
        Request {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            deadline: Instant::now() + Duration::from_secs(30),
            body_bytes_max: 64 << 20,
            encoded_bytes_max: 64 << 20,
        }
    }

    /// A `GET` with the limits of [`Request::new`].
    #[must_use]
    pub fn get(url: impl Into<String>) -> Request {
        Request::new(Method::GET, url)
    }

    /// With this much time from now on.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Request {
        self.deadline = Instant::now() + time;
        self
    }
}

/// How long the parts of a request took; zero for what a kept connection did not need. With
/// redirects those of the last request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Name to addresses.
    pub resolve: Duration,
    /// Until the connection stood, through the proxy if there is one.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// From the request's first byte to the headers of the answer.
    pub processing: Duration,
    /// Body of the answer.
    pub transfer: Duration,
}

/// The answer without its body.
#[derive(Clone, Debug)]
pub struct Head {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Where the answer came from, after redirects.
    pub final_url: String,
    /// How long it took.
    pub timings: Timings,
    /// Whether the body is packed: see [`crate::gunzip`].
    pub is_gzip: bool,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
    /// Where the answer came from, after redirects.
    pub final_url: String,
    /// How long it took.
    pub timings: Timings,
}
