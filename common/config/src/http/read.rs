//! The *http client* keys from YAML, checked as Prometheus checks them.

use std::collections::BTreeMap;

use super::{
    Authorization, BasicAuth, Header, HttpClientConfig, OAuth2, ProxyConfig, TlsConfig, TlsVersion,
};
use crate::paths;
use crate::url::Url;
use crate::yaml::{self, FromNode, Node, Section};
use crate::{Error, Secret};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Headers that the program itself sets.
const HEADERS_RESERVED: [&str; 18] = [
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

impl HttpClientConfig {
    /// Reads a file that holds nothing but the client keys; file names in it become relative to
    /// its folder.
    pub fn load(text: &str, file: &str) -> Result<HttpClientConfig, Error> {
        let read = || {
            let node = yaml::compose(text)?;
            let mut section = Section::open(&node, "config.HTTPClientConfig")?;
            let client = HttpClientConfig::take(&mut section, HttpClientConfig::default())?;
            section.finish()?;
            Ok(client)
        };
        let mut client: HttpClientConfig = read().map_err(|error: Error| error.in_file(file))?;
        client.set_directory(paths::folder_of(file));
        Ok(client)
    }

    /// Takes the client keys out of a section that has them inline.
    pub fn take(
        section: &mut Section<'_>,
        default: HttpClientConfig,
    ) -> Result<HttpClientConfig, Error> {
        let bearer_token: Secret = section.or_default("bearer_token")?;
        let bearer_token_file = section.filled("bearer_token_file")?;
        let mut client = HttpClientConfig {
            basic_auth: section.get("basic_auth")?,
            authorization: section.get("authorization")?,
            is_bearer_token: false,
            oauth2: section.get("oauth2")?,
            tls_config: section.or_default("tls_config")?,
            proxy: ProxyConfig::take(section)?,
            follow_redirects: section.or("follow_redirects", default.follow_redirects)?,
            enable_http2: section.or("enable_http2", default.enable_http2)?,
            http_headers: section.get("http_headers")?.unwrap_or_default(),
        };
        client
            .settle_authorization(bearer_token, bearer_token_file)
            .map_err(|message| Error::at(section.at(), message))?;
        Ok(client)
    }

    /// Makes one of the four ways to write an authorization.
    fn settle_authorization(
        &mut self,
        bearer_token: Secret,
        bearer_token_file: Option<String>,
    ) -> Result<(), &'static str> {
        let has_bearer = !bearer_token.is_empty() || bearer_token_file.is_some();
        if !bearer_token.is_empty() && bearer_token_file.is_some() {
            return Err("at most one of bearer_token & bearer_token_file must be configured");
        }
        if (self.basic_auth.is_some() || self.oauth2.is_some()) && has_bearer {
            return Err(
                "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be \
                 configured",
            );
        }
        if self.authorization.is_some() && has_bearer {
            return Err("authorization is not compatible with bearer_token & bearer_token_file");
        }
        let ways = [self.authorization.is_some(), self.basic_auth.is_some(), self.oauth2.is_some()];
        if ways.into_iter().filter(|used| *used).count() > 1 {
            return Err("at most one of basic_auth, oauth2 & authorization must be configured");
        }
        if has_bearer {
            self.is_bearer_token = true;
            self.authorization = Some(Authorization {
                kind: "Bearer".to_owned(),
                credentials: Some(bearer_token).filter(|token| !token.is_empty()),
                credentials_file: bearer_token_file,
            });
        }
        Ok(())
    }
}

impl FromNode for BasicAuth {
    fn from_node(node: &Node) -> Result<BasicAuth, Error> {
        let mut section = Section::open(node, "config.BasicAuth")?;
        let auth = BasicAuth {
            username: section.or_default("username")?,
            username_file: section.filled("username_file")?,
            password: section.or_default("password")?,
            password_file: section.filled("password_file")?,
        };
        section.finish()?;
        if !auth.username.is_empty() && auth.username_file.is_some() {
            let message = "at most one of basic_auth username & username_file must be configured";
            return Err(Error::at(node.at, message));
        }
        if !auth.password.is_empty() && auth.password_file.is_some() {
            let message = "at most one of basic_auth password & password_file must be configured";
            return Err(Error::at(node.at, message));
        }
        Ok(auth)
    }
}

impl FromNode for Authorization {
    fn from_node(node: &Node) -> Result<Authorization, Error> {
        let mut section = Section::open(node, "config.Authorization")?;
        let kind: String = section.or_default("type")?;
        let auth = Authorization {
            kind: match kind.trim() {
                "" => "Bearer".to_owned(),
                kind => kind.to_owned(),
            },
            credentials: section.get::<Secret>("credentials")?.filter(|secret| !secret.is_empty()),
            credentials_file: section.filled("credentials_file")?,
        };
        if auth.kind.eq_ignore_ascii_case("basic") {
            let message =
                "authorization type cannot be set to \"basic\", use \"basic_auth\" instead";
            return Err(section.complain("type", message));
        }
        section.finish()?;
        if auth.credentials.is_some() && auth.credentials_file.is_some() {
            let message =
                "at most one of authorization credentials & credentials_file must be configured";
            return Err(Error::at(node.at, message));
        }
        Ok(auth)
    }
}

impl FromNode for OAuth2 {
    fn from_node(node: &Node) -> Result<OAuth2, Error> {
        let mut section = Section::open(node, "config.OAuth2")?;
        let oauth2 = OAuth2 {
            client_id: section.or_default("client_id")?,
            client_secret: section.or_default("client_secret")?,
            client_secret_file: section.filled("client_secret_file")?,
            client_certificate_key_id: section.or_default("client_certificate_key_id")?,
            client_certificate_key: section.or_default("client_certificate_key")?,
            client_certificate_key_file: section.filled("client_certificate_key_file")?,
            grant_type: section.or_default("grant_type")?,
            signature_algorithm: section.or_default("signature_algorithm")?,
            iss: section.or_default("iss")?,
            audience: section.or_default("audience")?,
            claims: section.or_default("claims")?,
            scopes: section.or_default("scopes")?,
            token_url: section.or_default("token_url")?,
            endpoint_params: section.or_default("endpoint_params")?,
            tls_config: section.or_default("tls_config")?,
            proxy: ProxyConfig::take(&mut section)?,
        };
        section.finish()?;
        oauth2.check().map_err(|message| Error::at(node.at, message))?;
        Ok(oauth2)
    }
}

impl OAuth2 {
    fn check(&self) -> Result<(), &'static str> {
        if self.client_id.is_empty() {
            return Err("oauth2 client_id must be configured");
        }
        if self.token_url.is_empty() {
            return Err("oauth2 token_url must be configured");
        }
        if !self.client_secret.is_empty() && self.client_secret_file.is_some() {
            return Err(
                "at most one of oauth2 client_secret & client_secret_file must be configured",
            );
        }
        if self.grant_type != JWT_BEARER {
            return Ok(());
        }
        if self.client_certificate_key.is_empty() && self.client_certificate_key_file.is_none() {
            return Err(
                "either oauth2 client_certificate_key or client_certificate_key_file must be \
                 configured for the JWT bearer grant",
            );
        }
        if !self.client_certificate_key.is_empty() && self.client_certificate_key_file.is_some() {
            return Err(
                "at most one of oauth2 client_certificate_key & client_certificate_key_file must \
                 be configured using grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer",
            );
        }
        if !matches!(self.signature_algorithm.as_str(), "" | "RS256" | "RS384" | "RS512") {
            return Err("valid signature algorithms are RS256, RS384 and RS512");
        }
        Ok(())
    }
}

impl FromNode for TlsConfig {
    fn from_node(node: &Node) -> Result<TlsConfig, Error> {
        let mut section = Section::open(node, "config.TLSConfig")?;
        let tls = TlsConfig {
            ca: section.filled("ca")?,
            ca_file: section.filled("ca_file")?,
            cert: section.filled("cert")?,
            cert_file: section.filled("cert_file")?,
            key: section.get::<Secret>("key")?.filter(|key| !key.is_empty()),
            key_file: section.filled("key_file")?,
            server_name: section.filled("server_name")?,
            insecure_skip_verify: section.or_default("insecure_skip_verify")?,
            min_version: section.get("min_version")?,
            max_version: section.get("max_version")?,
        };
        section.finish()?;
        tls.check().map_err(|message| Error::at(node.at, message))?;
        Ok(tls)
    }
}

impl TlsConfig {
    fn check(&self) -> Result<(), &'static str> {
        if self.ca.is_some() && self.ca_file.is_some() {
            return Err("at most one of ca and ca_file must be configured");
        }
        if self.cert.is_some() && self.cert_file.is_some() {
            return Err("at most one of cert and cert_file must be configured");
        }
        if self.key.is_some() && self.key_file.is_some() {
            return Err("at most one of key and key_file must be configured");
        }
        let has_cert = self.cert.is_some() || self.cert_file.is_some();
        let has_key = self.key.is_some() || self.key_file.is_some();
        if has_cert && !has_key {
            return Err(
                "exactly one of key or key_file must be configured when a client certificate is \
                 configured",
            );
        }
        if has_key && !has_cert {
            return Err(
                "exactly one of cert or cert_file must be configured when a client key is \
                 configured",
            );
        }
        if self.min_version.zip(self.max_version).is_some_and(|(min, max)| max < min) {
            return Err(
                "tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified",
            );
        }
        Ok(())
    }
}

impl FromNode for TlsVersion {
    fn from_node(node: &Node) -> Result<TlsVersion, Error> {
        let name = String::from_node(node)?;
        TlsVersion::parse(&name)
            .ok_or_else(|| Error::at(node.at, format!("unknown TLS version: {name}")))
    }
}

impl ProxyConfig {
    /// Takes the proxy keys out of a section that has them inline.
    pub fn take(section: &mut Section<'_>) -> Result<ProxyConfig, Error> {
        let proxy_url = section.filled("proxy_url")?;
        if let Some(text) = &proxy_url {
            Url::parse(text).map_err(|reason| section.complain("proxy_url", reason))?;
        }
        let headers: BTreeMap<String, Vec<Secret>> = section.or_default("proxy_connect_header")?;
        let proxy = ProxyConfig {
            proxy_url,
            no_proxy: section.or_default("no_proxy")?,
            proxy_from_environment: section.or_default("proxy_from_environment")?,
            proxy_connect_header: headers,
        };
        proxy.check().map_err(|message| Error::at(section.at(), message))?;
        Ok(proxy)
    }

    fn check(&self) -> Result<(), &'static str> {
        let has_url = self.proxy_url.is_some();
        if !self.proxy_connect_header.is_empty() && !self.proxy_from_environment && !has_url {
            return Err(
                "if proxy_connect_header is configured, proxy_url or proxy_from_environment must \
                 also be configured",
            );
        }
        if self.proxy_from_environment && has_url {
            return Err(
                "if proxy_from_environment is configured, proxy_url must not be configured",
            );
        }
        if self.proxy_from_environment && !self.no_proxy.is_empty() {
            return Err("if proxy_from_environment is configured, no_proxy must not be configured");
        }
        if !has_url && !self.no_proxy.is_empty() {
            return Err("if no_proxy is configured, proxy_url must also be configured");
        }
        Ok(())
    }
}

impl FromNode for BTreeMap<String, Header> {
    fn from_node(node: &Node) -> Result<BTreeMap<String, Header>, Error> {
        let mut headers = BTreeMap::new();
        for entry in node.entries("config.Headers")? {
            if HEADERS_RESERVED.iter().any(|name| name.eq_ignore_ascii_case(&entry.key)) {
                let message = format!("setting header {:?} is not allowed", entry.key);
                return Err(Error::at(entry.at, message));
            }
            let mut section = Section::open(&entry.node, "config.Header")?;
            let header = Header {
                values: section.or_default("values")?,
                secrets: section.or_default("secrets")?,
                files: section.or_default("files")?,
            };
            section.finish()?;
            if headers.insert(entry.key.clone(), header).is_some() {
                let message = format!("key {:?} already set in map", entry.key);
                return Err(Error::at(entry.at, message));
            }
        }
        Ok(headers)
    }
}
