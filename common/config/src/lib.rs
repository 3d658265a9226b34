//! YAML to checked structs, durations, byte sizes, positions.

pub mod byte_size;
pub mod duration;
mod error;
mod http;
mod secret;
mod yaml;

pub use error::{Error, Position};
pub use http::{
    Authorization, BasicAuth, Header, HttpClientConfig, OAuth2, ProxyConfig, TlsConfig, TlsVersion,
};
pub use secret::{SECRET_SHOWN, Secret};
