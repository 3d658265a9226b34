//! Who we are: the headers that a configuration adds to every request.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common_config::{Header, HttpClientConfig};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::error::{Cause, go_cause};

/// The value of `Authorization`, without OAuth 2.0; files are read each time.
pub fn authorization(config: &HttpClientConfig) -> Result<Option<HeaderValue>, Cause> {
    if let Some(basic) = &config.basic_auth {
        let user = match &basic.username_file {
            Some(path) => read("username", path)?,
            None => basic.username.clone(),
        };
        let password = match &basic.password_file {
            Some(path) => read("password", path)?,
            None => basic.password.expose().to_owned(),
        };
        return self::basic(&user, &password).map(Some);
    }
    if let Some(auth) = &config.authorization {
        let credentials = match &auth.credentials_file {
            Some(path) => read("authorization credentials", path)?,
            None => auth.credentials.as_ref().map_or("", |secret| secret.expose()).to_owned(),
        };
        return secret(&format!("{} {credentials}", auth.kind)).map(Some);
    }
    Ok(None)
}

/// Basic authentication, RFC 7617.
pub fn basic(user: &str, password: &str) -> Result<HeaderValue, Cause> {
    secret(&format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
}

/// A header value that is not shown in logs.
pub(crate) fn secret(text: &str) -> Result<HeaderValue, Cause> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Cause::Credentials("invalid header field value".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// `http_headers` of the configuration.
pub fn add_headers(config: &HttpClientConfig, to: &mut HeaderMap) -> Result<(), Cause> {
    config.http_headers.iter().try_for_each(|(name, header)| add_header(name, header, to))
}

/// One header with all its values.
pub fn add_header(name: &str, header: &Header, to: &mut HeaderMap) -> Result<(), Cause> {
    let bad = || Cause::Credentials(format!("invalid header field name {name:?}"));
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    let mut texts: Vec<String> = header.values.clone();
    texts.extend(header.secrets.iter().map(|secret| secret.expose().to_owned()));
    for path in &header.files {
        texts.push(read(&format!("{name} header"), path)?);
    }
    for text in texts {
        to.append(key.clone(), secret(&text)?);
    }
    Ok(())
}

/// A credential in a file, without the line break that editors add.
pub(crate) fn read(thing: &str, path: &str) -> Result<String, Cause> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let cause = go_cause(&e);
        Cause::Credentials(format!("unable to read {thing} file {path}: open {path}: {cause}"))
    })?;
    Ok(text.trim().to_owned())
}
