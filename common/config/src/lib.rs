//! YAML to checked structs, durations, byte sizes, positions.

pub mod alertmanager;
pub mod byte_size;
pub mod duration;
mod error;
mod http;
mod paths;
pub mod prometheus;
pub mod rules;
mod secret;
mod url;
pub mod web;
pub mod yaml;

pub use error::{Error, Position};
pub use http::{
    Authorization, BasicAuth, Header, HttpClientConfig, OAuth2, ProxyConfig, TlsConfig, TlsVersion,
};
pub use prometheus::{Config, RelabelAction, RelabelConfig};
pub use secret::{SECRET_SHOWN, Secret};
pub use url::Url;
pub use web::WebConfig;
pub use yaml::load;
