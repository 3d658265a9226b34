//! The parts of a URL that a client needs.

use hyper::Uri;
use hyper::http::uri::Scheme;

use crate::error::Cause;

/// A checked `http` or `https` URL.
#[derive(Clone, Debug)]
pub struct Target {
    /// As written, without fragment.
    pub text: String,
    /// The same, taken apart.
    pub uri: Uri,
    /// Whether it is `https`.
    pub is_https: bool,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// Given or usual port.
    pub port: u16,
    /// User and password, decoded.
    pub user: Option<(String, String)>,
}

impl Target {
    /// Takes a text apart, with Go's complaints.
    pub fn parse(text: &str) -> Result<Target, Cause> {
        let bad = |problem: &str| Cause::Url(format!("parse {text:?}: {problem}"));
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            let scheme = if has_scheme(text) { scheme } else { "" };
            return Err(Cause::Url(format!("unsupported protocol scheme {scheme:?}")));
        }
        let without_fragment = text.split('#').next().unwrap_or(text);
        let uri: Uri = without_fragment.parse().map_err(|e| bad(&format!("{e}")))?;
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let authority = uri.authority().ok_or_else(|| bad("no host in request URL"))?;
        let host = authority.host();
        if host.is_empty() {
            return Err(Cause::Url("http: no Host in request URL".to_owned()));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = match authority.port() {
            Some(port) => port.as_str().parse().map_err(|_| bad("invalid port"))?,
            None if is_https => 443,
            None => 80,
        };
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            (decode(name), decode(password))
        });
        Ok(Target { text: without_fragment.to_owned(), uri, is_https, host, port, user })
    }

    /// Host and port as the URL has them, for the `Host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    }

    /// Path and query, `/` where there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        if path.is_empty() { "/" } else { path }
    }

    /// Where a `Location` header leads to.
    pub fn join(&self, location: &str) -> Result<Target, Cause> {
        if has_scheme(location) {
            return Target::parse(location);
        }
        let scheme = if self.is_https { "https" } else { "http" };
        if let Some(rest) = location.strip_prefix("//") {
            return Target::parse(&format!("{scheme}://{rest}"));
        }
        let authority = self.authority();
        let path = self.path().split('?').next().unwrap_or("/");
        let path = if location.starts_with('/') {
            location.to_owned()
        } else if location.starts_with('?') {
            format!("{path}{location}")
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{location}"))
        };
        Target::parse(&format!("{scheme}://{authority}{path}"))
    }

    /// Whether what was meant for `self` may be told to `other`: the same host, by no weaker way.
    #[must_use]
    pub fn trusts(&self, other: &Target) -> bool {
        let same_host = self.host.eq_ignore_ascii_case(&other.host);
        let upgrade = !self.is_https && other.is_https;
        same_host && (upgrade || (self.is_https == other.is_https && self.port == other.port))
    }
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        let mut letters = scheme.bytes();
        letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

/// Takes `.` and `..` out of a path.
fn without_dots(path: &str) -> String {
    let (path, query) = match path.find('?') {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    format!("/{}{query}", parts.join("/"))
}

/// Resolves `%41`; what is not such a sequence stays.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The URL with `xxxxx` for a password, as Go shows it in errors.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    match user.split_once(':') {
        Some((name, _)) => format!("{scheme}://{name}:***@{host}{path}"),
        None => url.to_owned(),
    }
}

/// Escapes for a query string or a form, as Go's `url.QueryEscape`: a blank becomes a plus sign.
#[must_use]
pub fn query_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_fall_into_their_parts() {
        let check = |text: &str, expected: Result<(&str, u16, &str, &str), &str>| {
            let target = Target::parse(text);
            let got = target.as_ref().map(|t| (t.host.as_str(), t.port, t.authority(), t.path()));
            assert_eq!(got.map_err(ToString::to_string), expected.map_err(str::to_owned), "{text}");
        };
        check("http://a.b/m?x=1#f", Ok(("a.b", 80, "a.b", "/m?x=1")));
        check("https://[::1]:9/", Ok(("::1", 9, "[::1]:9", "/")));
        check("http://u:p@h:1", Ok(("h", 1, "h:1", "/")));
        check("ftp://h/", Err("unsupported protocol scheme \"ftp\""));
        check("/metrics", Err("unsupported protocol scheme \"\""));
    }

    #[test]
    fn locations_are_relative_to_the_page() {
        let check = |location: &str, expected: &str| {
            let base = Target::parse("http://h:1/a/b?c=d").unwrap();
            let target = base.join(location);
            assert_eq!(target.map(|t| t.text).map_err(|e| e.to_string()), Ok(expected.to_owned()));
        };
        check("https://x/y", "https://x/y");
        check("//x/y", "http://x/y");
        check("/y", "http://h:1/y");
        check("y?z", "http://h:1/a/y?z");
        check("../y", "http://h:1/y");
        check("?q", "http://h:1/a/b?q");
    }

    #[test]
    fn secrets_stay_with_the_host_they_are_meant_for() {
        let check = |from: &str, to: &str, expected: bool| {
            let (from, to) = (Target::parse(from).unwrap(), Target::parse(to).unwrap());
            assert_eq!(from.trusts(&to), expected, "{from:?} {to:?}");
        };
        check("http://h:1/a", "http://h:1/b", true);
        check("http://h/", "https://h/", true);
        check("https://h/", "http://h/", false);
        check("http://h:1/", "http://h:2/", false);
        check("http://h/", "http://evil.h/", false);
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("http://u:p@h/x"), "http://u:***@h/x");
        assert_eq!(without_password("http://h/x@y:z"), "http://h/x@y:z");
        assert_eq!(decode("a%20b%zz%"), "a b%zz%");
    }
}
