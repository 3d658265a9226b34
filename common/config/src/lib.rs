//! YAML to checked structs, durations, byte sizes, positions.

pub mod alertmanager;
pub mod byte_size;
pub mod duration;
mod error;
mod http;
mod paths;
mod process;
pub mod prometheus;
pub mod rules;
mod secret;
pub mod unit_test;
mod url;
pub mod web;
pub mod yaml;

pub use error::{Error, Position};
pub use http::{
    Authorization, BasicAuth, Header, HttpClientConfig, OAuth2, ProxyConfig, TlsConfig, TlsVersion,
};
pub use process::{ProcessConfig, ProcessRule};
pub use prometheus::{Config, RelabelAction, RelabelConfig};
pub use secret::{SECRET_SHOWN, Secret};
pub use url::Url;
pub use web::WebConfig;
pub use yaml::load;
