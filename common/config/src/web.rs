//! The web configuration file (`--web.config.file`) that all exporters share.
//!
//! Paths in it are relative to its own folder; the file is read again for every request, so that
//! `parse` does not touch any other file.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::duration;
use crate::http::TlsVersion;
use crate::yaml::{self, FromNode, Node, Section};
use crate::{Error, Secret, paths};

/// Headers that may be set, with their only allowed values (none: any value).
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["", "nosniff"]),
    ("X-Frame-Options", &["", "deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// The curves Go knows.
const CURVES: [&str; 4] = ["CurveP256", "CurveP384", "CurveP521", "X25519"];

/// The cipher suites of TLS 1.0 to 1.3 that Go offers, by Go's names.
const CIPHERS: [&str; 19] = [
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
];

/// Suites that HTTP/2 demands unless TLS 1.3 is spoken.
const CIPHERS_HTTP2: [&str; 2] =
    ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebConfig {
    /// `tls_server_config`, where it is written: TLS is spoken then.
    pub tls: Option<TlsServerConfig>,
    /// `http_server_config`.
    pub http: HttpServerConfig,
    /// `basic_auth_users`: bcrypt hashes by name; nobody needs to identify when empty.
    pub basic_auth_users: BTreeMap<String, Secret>,
    /// `rate_limit`, where it is written.
    pub rate_limit: Option<RateLimit>,
}

/// Something that stands in the file itself or in another one.
#[derive(Clone, Debug, PartialEq)]
pub enum Material {
    /// PEM text.
    Inline(Secret),
    /// The name of a PEM file.
    File(String),
}

/// The `tls_server_config` section.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsServerConfig {
    /// `cert` or `cert_file`.
    pub cert: Material,
    /// `key` or `key_file`.
    pub key: Material,
    /// `client_ca` or `client_ca_file`.
    pub client_ca: Option<Material>,
    /// `client_auth_type`.
    pub client_auth: ClientAuth,
    /// `client_allowed_sans`.
    pub client_allowed_sans: Vec<String>,
    /// `min_version`, TLS 1.2 by default.
    pub min_version: TlsVersion,
    /// `max_version`, TLS 1.3 by default.
    pub max_version: TlsVersion,
    /// `cipher_suites` by Go's names; empty for the default.
    pub cipher_suites: Vec<String>,
    /// `prefer_server_cipher_suites`, on by default.
    pub prefer_server_cipher_suites: bool,
    /// `curve_preferences` by Go's names; empty for the default.
    pub curve_preferences: Vec<String>,
}

/// What is asked of a client's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// None is asked for.
    #[default]
    None,
    /// One is asked for, none is needed.
    Request,
    /// One is needed, whoever signed it.
    RequireAny,
    /// If there is one, the client CA must have signed it.
    VerifyIfGiven,
    /// One is needed, and the client CA must have signed it.
    RequireAndVerify,
}

/// The `http_server_config` section.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpServerConfig {
    /// `http2`, on by default.
    pub http2: bool,
    /// `headers` that every answer gets.
    pub headers: BTreeMap<String, String>,
}

impl Default for HttpServerConfig {
    fn default() -> HttpServerConfig {
        HttpServerConfig { http2: true, headers: BTreeMap::new() }
    }
}

/// The `rate_limit` section: a bucket that holds `burst` requests and gains one per interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// `interval`; zero for no limit.
    pub interval: Duration,
    /// `burst`.
    pub burst: u64,
}

impl WebConfig {
    /// Reads a web configuration file; file names in it become relative to the folder of `file`.
    pub fn parse(text: &str, file: &str) -> Result<WebConfig, Error> {
        let read = || {
            let node = yaml::compose(text)?;
            let mut section = Section::open(&node, "web.Config")?;
            let config = WebConfig {
                tls: match section.take("tls_server_config").filter(|node| !node.is_null()) {
                    Some(node) => TlsServerConfig::read(node, paths::folder_of(file))?,
                    None => None,
                },
                http: section.get("http_server_config")?.unwrap_or_default(),
                basic_auth_users: section.or_default("basic_auth_users")?,
                rate_limit: section.get("rate_limit")?,
            };
            section.finish()?;
            Ok(config)
        };
        let config: Result<WebConfig, Error> = read();
        config.map_err(|error| error.in_file(file))
    }
}

impl TlsServerConfig {
    fn read(node: &Node, dir: &str) -> Result<Option<TlsServerConfig>, Error> {
        let mut section = Section::open(node, "web.TLSConfig")?;
        let cert = material(&mut section, dir, "cert")?;
        let key = material(&mut section, dir, "key")?;
        let client_ca = material(&mut section, dir, "client_ca")?;
        let client_auth = section.get("client_auth_type")?.unwrap_or_default();
        let cipher_suites = known(&mut section, "cipher_suites", &CIPHERS, "unknown cipher: ")?;
        let curve_preferences =
            known(&mut section, "curve_preferences", &CURVES, "unknown curve: ")?;
        let min_version = section.or("min_version", TlsVersion::Tls12)?;
        let max_version = section.or("max_version", TlsVersion::Tls13)?;
        let client_allowed_sans: Vec<String> = section.or_default("client_allowed_sans")?;
        let prefer_server_cipher_suites = section.or("prefer_server_cipher_suites", true)?;
        let at = section.at();
        section.finish()?;
        let fail = |message: &str| Err(Error::at(at, message));
        let (cert, key) = match (cert, key) {
            (None, None) if client_ca.is_none() && client_auth == ClientAuth::None => {
                return Ok(None);
            }
            (None, _) => return fail("missing one of cert or cert_file"),
            (_, None) => return fail("missing one of key or key_file"),
            (Some(cert), Some(key)) => (cert, key),
        };
        let is_verified =
            matches!(client_auth, ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify);
        if client_ca.is_some() && client_auth == ClientAuth::None {
            return fail("client CA's have been configured without a Client Auth Policy");
        }
        if is_verified && client_ca.is_none() {
            return fail("the Client Auth Policy needs client_ca or client_ca_file");
        }
        if min_version > max_version {
            return fail("max_version must not be below min_version");
        }
        Ok(Some(TlsServerConfig {
            cert,
            key,
            client_ca,
            client_auth,
            client_allowed_sans,
            min_version,
            max_version,
            cipher_suites,
            prefer_server_cipher_suites,
            curve_preferences,
        }))
    }

    /// Whether HTTP/2 can be spoken with these cipher suites.
    #[must_use]
    pub fn allows_http2(&self) -> bool {
        self.cipher_suites.is_empty()
            || self.max_version == TlsVersion::Tls13
            || self.cipher_suites.iter().any(|name| CIPHERS_HTTP2.contains(&name.as_str()))
    }
}

/// Reads `name` or `name_file`.
fn material(section: &mut Section<'_>, dir: &str, name: &str) -> Result<Option<Material>, Error> {
    let file_key = format!("{name}_file");
    let inline = section.get::<Secret>(name)?.filter(|text| !text.is_empty());
    match (inline, section.filled(&file_key)?) {
        (None, None) => Ok(None),
        (Some(text), None) => Ok(Some(Material::Inline(text))),
        (None, Some(mut file)) => {
            paths::join(dir, &mut file);
            Ok(Some(Material::File(file)))
        }
        (Some(_), Some(_)) => {
            let message = format!("only one of {name} and {file_key} may be configured");
            Err(section.complain(&file_key, message))
        }
    }
}

fn known(
    section: &mut Section<'_>,
    key: &str,
    names: &[&str],
    complaint: &str,
) -> Result<Vec<String>, Error> {
    let list: Vec<String> = section.or_default(key)?;
    match list.iter().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => Err(section.complain(key, format!("{complaint}{unknown}"))),
        None => Ok(list),
    }
}

impl FromNode for ClientAuth {
    fn from_node(node: &Node) -> Result<ClientAuth, Error> {
        let name = String::from_node(node)?;
        match name.as_str() {
            "" | "NoClientCert" => Ok(ClientAuth::None),
            "RequestClientCert" => Ok(ClientAuth::Request),
            "RequireAnyClientCert" | "RequireClientCert" => Ok(ClientAuth::RequireAny),
            "VerifyClientCertIfGiven" => Ok(ClientAuth::VerifyIfGiven),
            "RequireAndVerifyClientCert" => Ok(ClientAuth::RequireAndVerify),
            _ => Err(Error::at(node.at, format!("invalid ClientAuth: {name}"))),
        }
    }
}

impl FromNode for HttpServerConfig {
    fn from_node(node: &Node) -> Result<HttpServerConfig, Error> {
        let mut section = Section::open(node, "web.HTTPConfig")?;
        let http = HttpServerConfig {
            http2: section.or("http2", true)?,
            headers: section.or_default("headers")?,
        };
        for (name, value) in &http.headers {
            let Some((_, values)) = HEADERS.iter().find(|(known, _)| known == name) else {
                let message = format!("HTTP header {name:?} can not be configured");
                return Err(section.complain("headers", message));
            };
            if !values.is_empty() && !values.contains(&value.to_lowercase().as_str()) {
                let allowed = values[1..].join("\" or \"");
                let message =
                    format!("invalid value for {name}. Expected \"{allowed}\" but got: {value:?}");
                return Err(section.complain("headers", message));
            }
        }
        section.finish()?;
        Ok(http)
    }
}

impl FromNode for RateLimit {
    fn from_node(node: &Node) -> Result<RateLimit, Error> {
        let mut section = Section::open(node, "web.RateLimiterConfig")?;
        let interval = match section.filled("interval")? {
            None => Duration::ZERO,
            Some(text) => duration::parse_go(&text)
                .map_err(|error| section.complain("interval", error.to_string()))?,
        };
        let limit = RateLimit { interval, burst: section.or_default("burst")? };
        section.finish()?;
        Ok(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_understood() {
        let text = "
tls_server_config:
  cert_file: server.crt
  key_file: /abs/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [a.example]
  min_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
  curve_preferences: [X25519]
http_server_config:
  http2: false
  headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=1}
basic_auth_users: {alice: $2y$10$hash}
rate_limit: {interval: 1.5s, burst: 3}
";
        let config = WebConfig::parse(text, "/etc/web.yml").unwrap();
        let tls = config.tls.unwrap();
        assert_eq!(tls.cert, Material::File("/etc/server.crt".to_owned()));
        assert_eq!(tls.key, Material::File("/abs/server.key".to_owned()));
        assert_eq!(tls.client_auth, ClientAuth::RequireAndVerify);
        assert_eq!((tls.min_version, tls.max_version), (TlsVersion::Tls13, TlsVersion::Tls13));
        assert!(tls.allows_http2() && !config.http.http2);
        assert_eq!(config.http.headers.len(), 2);
        assert_eq!(config.basic_auth_users["alice"].expose(), "$2y$10$hash");
        let limit = RateLimit { interval: Duration::from_millis(1500), burst: 3 };
        assert_eq!(config.rate_limit, Some(limit));
        assert_eq!(WebConfig::parse("", "web.yml"), Ok(WebConfig::default()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let check = |text: &str, wanted: &str| {
            let error = WebConfig::parse(text, "web.yml").unwrap_err();
            assert_eq!(error.to_string(), format!("web.yml:{wanted}"), "{text}");
        };
        let tls = |rest: &str| format!("tls_server_config: {{cert_file: c, key_file: k{rest}}}");
        check("tls_server_confi: {}", "1:1: field tls_server_confi not found in type web.Config");
        check("tls_server_config: {key_file: k}", "1:20: missing one of cert or cert_file");
        check("tls_server_config: {cert_file: k}", "1:20: missing one of key or key_file");
        check(
            &tls(", client_ca_file: a"),
            "1:20: client CA's have been configured without a Client Auth Policy",
        );
        check(&tls(", client_auth_type: maybe"), "1:66: invalid ClientAuth: maybe");
        check(&tls(", cipher_suites: [X]"), "1:63: unknown cipher: X");
        check(&tls(", curve_preferences: [X]"), "1:67: unknown curve: X");
        check(&tls(", min_version: TLS9"), "1:61: unknown TLS version: TLS9");
        check(&tls(", cert: x"), "1:32: only one of cert and cert_file may be configured");
        check(
            "http_server_config: {headers: {Host: a}}",
            "1:31: HTTP header \"Host\" can not be configured",
        );
        check(
            "http_server_config: {headers: {X-Frame-Options: a}}",
            "1:31: invalid value for X-Frame-Options. Expected \"deny\" or \"sameorigin\" but got: \"a\"",
        );
        check("basic_auth_users: [a]", "1:19: basic_auth_users: cannot unmarshal !!seq into map");
        check("a: b: c", "1:5: yaml: mapping values are not allowed in this context");
    }
}
