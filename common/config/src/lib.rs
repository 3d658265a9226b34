//! YAML to checked structs, durations, byte sizes, positions.

mod http;
mod secret;

pub use http::{
    Authorization, BasicAuth, Header, HttpClientConfig, OAuth2, ProxyConfig, TlsConfig, TlsVersion,
};
pub use secret::{SECRET_SHOWN, Secret};
