//! What `--web.config.file` sets up: TLS, users, headers, a rate limit.

mod auth;
mod file;
mod rate;
mod sans;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;

use crate::plain;
use auth::Authenticator;
pub use auth::check_hash;
pub use file::WebConfigFile;
use rate::RateLimiter;
pub use tls::{ClientAuth, TlsMaterial, server_tls};

/// The checked content of a web configuration; the default protects nothing.
#[derive(Clone, Default)]
pub struct Protection {
    /// Encryption, see [`server_tls`].
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// User names and bcrypt hashes, see [`check_hash`]; nobody is asked where there are none.
    pub users: Vec<(String, String)>,
    /// Added to every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// One request in this time, and so many at once.
    pub rate_limit: Option<(Duration, u32)>,
}

/// Where the protection comes from. It is asked for every request and every handshake, so that a
/// changed file holds at once; it should do no more than look whether the file has changed.
pub trait ProtectionSource: Send + Sync {
    /// What holds now; an error is answered with 500.
    fn current(&self) -> Result<Arc<Protection>, String>;
}

/// A protection that does not change.
impl ProtectionSource for Arc<Protection> {
    fn current(&self) -> Result<Arc<Protection>, String> {
        Ok(Arc::clone(self))
    }
}

/// Stands before the router. The rate limit is that of the start, as in the exporter toolkit.
pub(crate) struct Guard {
    source: Arc<dyn ProtectionSource>,
    rate: Option<RateLimiter>,
    auth: Authenticator,
}

impl Guard {
    pub(crate) fn new(source: Arc<dyn ProtectionSource>) -> Result<Guard, String> {
        let now = source.current()?;
        let rate = now.rate_limit.map(|(interval, burst)| RateLimiter::new(interval, burst));
        Ok(Guard { source, rate, auth: Authenticator::default() })
    }

    /// What holds now.
    pub(crate) fn current(&self) -> Result<Arc<Protection>, String> {
        self.source.current()
    }

    /// The headers for the answer, or the answer itself where the request is refused.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
    ) -> Result<Arc<Protection>, Box<Response<Body>>> {
        let now = match self.source.current() {
            Ok(now) => now,
            Err(problem) => {
                tracing::error!(err = %problem, "Unable to read the web configuration");
                let text = "Internal Server Error\n";
                return Err(Box::new(plain(StatusCode::INTERNAL_SERVER_ERROR, text)));
            }
        };
        if self.rate.as_ref().is_some_and(|rate| !rate.admit(Instant::now())) {
            let text = "Too Many Requests\n";
            return Err(Box::new(plain(StatusCode::TOO_MANY_REQUESTS, text)));
        }
        if !now.users.is_empty() && !self.auth.admit(&now.users, headers).await {
            let mut refusal = plain(StatusCode::UNAUTHORIZED, "Unauthorized\n");
            now.add_headers(&mut refusal);
            let scheme = HeaderValue::from_static("Basic");
            refusal.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            return Err(Box::new(refusal));
        }
        Ok(now)
    }
}

impl Protection {
    pub(crate) fn add_headers(&self, response: &mut Response<Body>) {
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
}
