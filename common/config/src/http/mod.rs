//! The *http client* keys that stand inline in many sections, as a checked structure.

mod read;
mod render;

use std::collections::BTreeMap;

use crate::Secret;

/// How to talk to an HTTP server: whom to be, whom to trust, through which proxy.
///
/// The checks are done: at most one kind of authorization is set, of every pair of an inline
/// value and its file at most one.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpClientConfig {
    /// `basic_auth`.
    pub basic_auth: Option<BasicAuth>,
    /// `authorization`, also written as `bearer_token` and `bearer_token_file`.
    pub authorization: Option<Authorization>,
    /// Whether `authorization` was written as `bearer_token` or `bearer_token_file`.
    pub is_bearer_token: bool,
    /// `oauth2`.
    pub oauth2: Option<OAuth2>,
    /// `tls_config`.
    pub tls_config: TlsConfig,
    /// `proxy_url`, `no_proxy` and their relatives.
    pub proxy: ProxyConfig,
    /// `follow_redirects`, on by default.
    pub follow_redirects: bool,
    /// `enable_http2`, on by default.
    pub enable_http2: bool,
    /// `http_headers`, by name as written.
    pub http_headers: BTreeMap<String, Header>,
}

impl HttpClientConfig {
    /// Whether any way of authorization is configured.
    #[must_use]
    pub fn has_authorization(&self) -> bool {
        self.basic_auth.is_some() || self.authorization.is_some() || self.oauth2.is_some()
    }
}

impl Default for HttpClientConfig {
    fn default() -> HttpClientConfig {
        HttpClientConfig {
            basic_auth: None,
            authorization: None,
            is_bearer_token: false,
            oauth2: None,
            tls_config: TlsConfig::default(),
            proxy: ProxyConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            http_headers: BTreeMap::new(),
        }
    }
}

/// A user and a password, each inline or in a file that is read for every request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BasicAuth {
    /// `username`.
    pub username: String,
    /// `username_file`.
    pub username_file: Option<String>,
    /// `password`.
    pub password: Secret,
    /// `password_file`.
    pub password_file: Option<String>,
}

/// The `Authorization` header: its scheme and what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorization {
    /// `type`, `Bearer` by default, never `basic`.
    pub kind: String,
    /// `credentials`.
    pub credentials: Option<Secret>,
    /// `credentials_file`, read for every request.
    pub credentials_file: Option<String>,
}

/// Where and how to ask for a token.
#[derive(Clone, Debug, PartialEq)]
pub struct OAuth2 {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`.
    pub client_secret: Secret,
    /// `client_secret_file`.
    pub client_secret_file: Option<String>,
    /// `client_certificate_key_id`.
    pub client_certificate_key_id: String,
    /// `client_certificate_key`.
    pub client_certificate_key: Secret,
    /// `client_certificate_key_file`.
    pub client_certificate_key_file: Option<String>,
    /// `grant_type`: `client_credentials` (also when empty) or the JWT bearer URN.
    pub grant_type: String,
    /// `signature_algorithm`: RS256 (also when empty), RS384 or RS512.
    pub signature_algorithm: String,
    /// `iss`.
    pub iss: String,
    /// `audience`.
    pub audience: String,
    /// `claims`: names and values as text.
    pub claims: BTreeMap<String, String>,
    /// `scopes`.
    pub scopes: Vec<String>,
    /// `token_url`.
    pub token_url: String,
    /// `endpoint_params`.
    pub endpoint_params: BTreeMap<String, String>,
    /// `tls_config` of the token's server.
    pub tls_config: TlsConfig,
    /// The proxy to the token's server.
    pub proxy: ProxyConfig,
}

/// Whom to trust and what to show; everything unset means the system's roots and no certificate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsConfig {
    /// `ca`: PEM.
    pub ca: Option<String>,
    /// `ca_file`.
    pub ca_file: Option<String>,
    /// `cert`: PEM.
    pub cert: Option<String>,
    /// `cert_file`.
    pub cert_file: Option<String>,
    /// `key`: PEM.
    pub key: Option<Secret>,
    /// `key_file`.
    pub key_file: Option<String>,
    /// `server_name`: the name to expect instead of the URL's host.
    pub server_name: Option<String>,
    /// `insecure_skip_verify`.
    pub insecure_skip_verify: bool,
    /// `min_version`.
    pub min_version: Option<TlsVersion>,
    /// `max_version`.
    pub max_version: Option<TlsVersion>,
}

/// A version of TLS as Go's configurations name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// `TLS10`
    Tls10,
    /// `TLS11`
    Tls11,
    /// `TLS12`
    Tls12,
    /// `TLS13`
    Tls13,
}

impl TlsVersion {
    /// The version with this name, `TLS10` to `TLS13`.
    #[must_use]
    pub fn parse(name: &str) -> Option<TlsVersion> {
        [TlsVersion::Tls10, TlsVersion::Tls11, TlsVersion::Tls12, TlsVersion::Tls13]
            .into_iter()
            .find(|version| version.name() == name)
    }

    /// The name it is configured with.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TlsVersion::Tls10 => "TLS10",
            TlsVersion::Tls11 => "TLS11",
            TlsVersion::Tls12 => "TLS12",
            TlsVersion::Tls13 => "TLS13",
        }
    }
}

/// Through which proxy to go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyConfig {
    /// `proxy_url`; may hold a user and a password.
    pub proxy_url: Option<String>,
    /// `no_proxy`: hosts and networks to reach directly, separated by commas.
    pub no_proxy: String,
    /// `proxy_from_environment`: read `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    pub proxy_from_environment: bool,
    /// `proxy_connect_header`: sent with CONNECT.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

/// Values of one additional header, in this order: plain, secret, from files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// `values`.
    pub values: Vec<String>,
    /// `secrets`.
    pub secrets: Vec<Secret>,
    /// `files`.
    pub files: Vec<String>,
}
