//! Listener, TLS, basic auth, limits and the /metrics handler.
//!
//! [`serve`] puts an axum `Router` behind every protection that the programs of this workspace
//! share; routes and pages are the caller's.

mod accompanied;
mod error;
mod landing;
mod listener;
mod metrics;
mod options;
mod page;
mod protect;
mod requests;
pub mod security;
mod serve;

pub use axum;
pub use error::Error;
pub use landing::{Landing, escape_html};
pub use listener::Listener;
pub use metrics::MetricsHandler;
pub use options::WebOptions;
pub use protect::{
    ClientAuth, Protection, ProtectionSource, TlsMaterial, WebConfigFile, check_hash, server_tls,
};
pub use requests::RequestMetrics;
pub use serve::{Peer, serve};

use axum::body::Body;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// An answer in plain text.
pub fn plain(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
