//! As much of a URL as a configuration must know to be checked and shown.

use std::fmt;

/// A URL as written, with its parts found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    text: String,
    scheme_end: usize,
    /// User and password, where the text has an authority with them.
    userinfo: Option<std::ops::Range<usize>>,
    host: std::ops::Range<usize>,
}

impl Url {
    /// Finds the parts of a URL, with the complaints of Go's `url.Parse`.
    pub fn parse(text: &str) -> Result<Url, String> {
        let fail = |reason: &str| Err(format!("parse {text:?}: {reason}"));
        if text.chars().any(|c| c.is_ascii_control()) {
            return fail("net/url: invalid control character in URL");
        }
        let scheme_end = match scheme_end(text) {
            Ok(end) => end,
            Err(reason) => return fail(reason),
        };
        let after_scheme = if scheme_end == 0 { 0 } else { scheme_end + 1 };
        let rest = &text[after_scheme..];
        if scheme_end == 0 && !rest.starts_with('/') {
            let segment = rest.split(['/', '?', '#']).next().unwrap_or("");
            if segment.contains(':') {
                return fail("first path segment in URL cannot contain colon");
            }
        }
        if let Some(escape) = bad_escape(text) {
            return fail(&format!("invalid URL escape {escape:?}"));
        }
        let (mut userinfo, mut host) = (None, after_scheme..after_scheme);
        if rest.starts_with("//") {
            let start = after_scheme + 2;
            let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
            let host_start = text[start..end].rfind('@').map_or(start, |at| start + at + 1);
            if host_start > start {
                userinfo = Some(start..host_start - 1);
            }
            host = host_start..end;
            if let Err(reason) = check_host(&text[host.clone()]) {
                return fail(&reason);
            }
        }
        Ok(Url { text: text.to_owned(), scheme_end, userinfo, host })
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http`, `https`, ...; empty where there is none.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.text[..self.scheme_end]
    }

    /// Host and port, without user and password.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }
}

/// The URL with `xxxxx` for a password.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.userinfo.clone().and_then(|range| {
            self.text[range.clone()].find(':').map(|at| range.start + at + 1..range.end)
        });
        match password {
            Some(range) => {
                write!(f, "{}xxxxx{}", &self.text[..range.start], &self.text[range.end..])
            }
            None => f.write_str(&self.text),
        }
    }
}

/// Where the scheme ends; 0 where there is none.
fn scheme_end(text: &str) -> Result<usize, &'static str> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme"),
            ':' => return Ok(at),
            _ => return Ok(0),
        }
    }
    Ok(0)
}

/// The first `%` that two hexadecimal digits do not follow, with what does.
fn bad_escape(text: &str) -> Option<String> {
    let path = text.split(['?', '#']).next().unwrap_or("");
    path.match_indices('%').map(|(at, _)| &path[at..]).find_map(|from| {
        let escape: String = from.chars().take(3).collect();
        let is_good = escape.len() == 3 && escape.chars().skip(1).all(|c| c.is_ascii_hexdigit());
        (!is_good).then_some(escape)
    })
}

fn check_host(host: &str) -> Result<(), String> {
    let port = match host.rfind(']') {
        Some(end) if host.starts_with('[') => &host[end + 1..],
        Some(_) => return Err("invalid character \"]\" in host name".to_owned()),
        None if host.starts_with('[') => return Err("missing ']' in host".to_owned()),
        None => host.find(':').map_or("", |at| &host[at..]),
    };
    if let Some(c) = host.chars().find(|c| matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`')) {
        return Err(format!("invalid character {:?} in host name", c.to_string()));
    }
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if is_port { Ok(()) } else { Err(format!("invalid port {port:?} after host")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_falls_into_parts() {
        let check = |text: &str, scheme: &str, host: &str, shown: &str| {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.scheme(), url.host()), (scheme, host), "{text}");
            assert_eq!(url.to_string(), shown, "{text}");
        };
        check("http://a:80/x", "http", "a:80", "http://a:80/x");
        check("http://u:p@a/x", "http", "a", "http://u:xxxxx@a/x");
        check("http://u@a?q=1", "http", "a", "http://u@a?q=1");
        check("localhost:9090", "localhost", "", "localhost:9090");
        check("http://[::1]:9/", "http", "[::1]:9", "http://[::1]:9/");
        check("", "", "", "");
        check("unix:///run/x", "unix", "", "unix:///run/x");
    }

    #[test]
    fn what_is_not_a_url_is_refused() {
        let check = |text: &str, reason: &str| {
            assert_eq!(Url::parse(text), Err(format!("parse {text:?}: {reason}")), "{text}");
        };
        check("://x", "missing protocol scheme");
        check("1.2.3.4:80/x", "first path segment in URL cannot contain colon");
        check("http://a:b", "invalid port \":b\" after host");
        check("http://a/%zz", "invalid URL escape \"%zz\"");
        check("http://a/%é", "invalid URL escape \"%é\"");
        check("http://[::1", "missing ']' in host");
        check("http://a b/", "invalid character \" \" in host name");
        check("http://a\n", "net/url: invalid control character in URL");
    }
}
