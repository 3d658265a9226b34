//! The *http client* keys as a loaded configuration is shown, secrets hidden.

use super::{BasicAuth, Header, HttpClientConfig, OAuth2, ProxyConfig, TlsConfig, TlsVersion};
use crate::url::Url;
use crate::yaml::{MapOut, Out};

impl Header {
    /// The keys of one header, its secrets hidden.
    #[must_use]
    pub fn render(&self) -> MapOut {
        let mut map = MapOut::default();
        map.texts("values", &self.values);
        let secrets: Vec<String> = self.secrets.iter().map(ToString::to_string).collect();
        map.texts("secrets", &secrets).texts("files", &self.files);
        map
    }
}

impl HttpClientConfig {
    /// The keys, to stand inline in a section.
    pub fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        if let Some(auth) = &self.basic_auth {
            out.map("basic_auth", auth.render());
        }
        if let Some(auth) = &self.authorization {
            let mut map = MapOut::default();
            map.text("type", &auth.kind);
            if let Some(credentials) = &auth.credentials {
                map.secret("credentials", credentials);
            }
            map.option("credentials_file", auth.credentials_file.as_ref());
            out.map("authorization", map);
        }
        if let Some(oauth2) = &self.oauth2 {
            out.map("oauth2", oauth2.render());
        }
        if self.tls_config != TlsConfig::default() {
            out.map("tls_config", self.tls_config.render());
        }
        out.flag("follow_redirects", self.follow_redirects);
        out.flag("enable_http2", self.enable_http2);
        self.proxy.render(&mut out);
        let mut headers = MapOut::default();
        for (name, header) in &self.http_headers {
            headers.put(name, Out::Map(header.render()));
        }
        out.map("http_headers", headers);
        out
    }

    /// Puts a folder in front of every relative file name.
    pub fn set_directory(&mut self, dir: &str) {
        self.tls_config.set_directory(dir);
        if let Some(auth) = &mut self.basic_auth {
            join_option(dir, &mut auth.username_file);
            join_option(dir, &mut auth.password_file);
        }
        if let Some(auth) = &mut self.authorization {
            join_option(dir, &mut auth.credentials_file);
        }
        if let Some(oauth2) = &mut self.oauth2 {
            join_option(dir, &mut oauth2.client_secret_file);
            join_option(dir, &mut oauth2.client_certificate_key_file);
            oauth2.tls_config.set_directory(dir);
        }
        for file in self.http_headers.values_mut().flat_map(|header| &mut header.files) {
            crate::paths::join(dir, file);
        }
    }
}

fn join_option(dir: &str, file: &mut Option<String>) {
    if let Some(file) = file {
        crate::paths::join(dir, file);
    }
}

impl BasicAuth {
    fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        match &self.username_file {
            Some(_) if self.username.is_empty() => {}
            _ => {
                out.put("username", Out::Text(self.username.clone()));
            }
        }
        out.option("username_file", self.username_file.as_ref());
        out.secret("password", &self.password);
        out.option("password_file", self.password_file.as_ref());
        out
    }
}

impl OAuth2 {
    fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.put("client_id", Out::Text(self.client_id.clone()));
        out.put("client_secret", Out::Text(self.client_secret.to_string()));
        out.option("client_secret_file", self.client_secret_file.as_ref());
        out.text("client_certificate_key_id", &self.client_certificate_key_id);
        out.secret("client_certificate_key", &self.client_certificate_key);
        out.option("client_certificate_key_file", self.client_certificate_key_file.as_ref());
        out.text("grant_type", &self.grant_type);
        out.text("signature_algorithm", &self.signature_algorithm);
        out.text("iss", &self.iss);
        out.text("audience", &self.audience);
        out.text_map("claims", &self.claims);
        out.texts("scopes", &self.scopes);
        out.put("token_url", Out::Text(self.token_url.clone()));
        out.text_map("endpoint_params", &self.endpoint_params);
        if self.tls_config != TlsConfig::default() {
            out.map("tls_config", self.tls_config.render());
        }
        self.proxy.render(&mut out);
        out
    }
}

impl TlsConfig {
    /// The section; there is always something in it.
    pub fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.option("ca", self.ca.as_ref()).option("cert", self.cert.as_ref());
        if let Some(key) = &self.key {
            out.secret("key", key);
        }
        out.option("ca_file", self.ca_file.as_ref());
        out.option("cert_file", self.cert_file.as_ref());
        out.option("key_file", self.key_file.as_ref());
        out.option("server_name", self.server_name.as_ref());
        out.flag("insecure_skip_verify", self.insecure_skip_verify);
        out.text("min_version", self.min_version.map_or("", TlsVersion::name));
        out.text("max_version", self.max_version.map_or("", TlsVersion::name));
        out
    }

    /// Puts a folder in front of every relative file name.
    pub fn set_directory(&mut self, dir: &str) {
        join_option(dir, &mut self.ca_file);
        join_option(dir, &mut self.cert_file);
        join_option(dir, &mut self.key_file);
    }
}

impl ProxyConfig {
    fn render(&self, out: &mut MapOut) {
        if let Some(text) = &self.proxy_url {
            let shown = Url::parse(text).map_or_else(|_| text.clone(), |url| url.to_string());
            out.text("proxy_url", &shown);
        }
        out.text("no_proxy", &self.no_proxy);
        out.flag_if("proxy_from_environment", self.proxy_from_environment);
        let headers = self.proxy_connect_header.iter().map(|(name, values)| {
            let shown = values.iter().map(|value| Out::Text(value.to_string())).collect();
            (name.clone(), Out::List(shown))
        });
        out.map("proxy_connect_header", MapOut(headers.collect()));
    }
}
