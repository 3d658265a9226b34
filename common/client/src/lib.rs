//! Outbound HTTP with the http client keys of Prometheus' configuration.
//!
//! A [`Client`] is built once from an `HttpClientConfig` and sends [`Request`]s: kept connections,
//! redirects, credentials, proxies, TLS, gzip; every request has a deadline and limits for its
//! answer, before and after decompression.

mod auth;
mod body;
mod client;
mod connect;
mod der;
mod dials;
mod error;
mod gzip;
mod jwt;
mod oauth2;
mod options;
mod pool;
mod proxy;
mod tls;
mod url;

pub use client::Client;
pub use dials::{DialFailure, Dials};
pub use error::{Cause, Error};
pub use gzip::gunzip;
pub use hyper::{HeaderMap, Method, StatusCode, header};
pub use options::{ClientOptions, Head, ProxyEnv, Request, Response, Timings};
pub use url::query_escape;

/// The pieces that a [`Client`] is made of, for those who must see every step by themselves.
pub mod parts {
    pub use crate::auth::{add_header, add_headers, authorization, basic};
    pub use crate::error::go_cause;
    pub use crate::oauth2::Tokens;
    pub use crate::proxy::{Proxies, Proxy};
    pub use crate::tls::{Material, build_with, handshake_error, verifier_of};
    pub use crate::url::{Target, without_password};
}
