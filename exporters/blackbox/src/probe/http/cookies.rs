//! Cookies within one probe: set by one answer, sent after its redirect. RFC 6265.

use common_client::parts::Target;
use hyper::HeaderMap;
use hyper::header::SET_COOKIE;

/// Cookies of one probe.
const COOKIES_MAX: usize = 100;

/// Bytes of one cookie. RFC 6265 section 6.1.
const COOKIE_BYTES_MAX: usize = 4096;

/// The cookies that answers have set.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    /// The host that set it, or the domain that it is for.
    domain: String,
    is_for_subdomains: bool,
    path: String,
    is_secure: bool,
}

impl Jar {
    /// Keeps the cookies of an answer from `from`.
    pub(super) fn keep(&mut self, headers: &HeaderMap, from: &Target) {
        for value in headers.get_all(SET_COOKIE) {
            let Some(text) = value.to_str().ok().filter(|text| text.len() <= COOKIE_BYTES_MAX)
            else {
                continue;
            };
            let Some((cookie, is_dead)) = parse(text, from) else { continue };
            self.0.retain(|known| {
                (&known.name, &known.domain, &known.path)
                    != (&cookie.name, &cookie.domain, &cookie.path)
            });
            if !is_dead && self.0.len() < COOKIES_MAX {
                self.0.push(cookie);
            }
        }
    }

    /// The `Cookie` header for a request to `to`.
    pub(super) fn header(&self, to: &Target) -> Option<String> {
        let fitting = self.0.iter().filter(|cookie| cookie.is_for(to));
        let pairs: Vec<String> =
            fitting.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn is_for(&self, to: &Target) -> bool {
        let host = to.host.to_ascii_lowercase();
        let below = host.strip_suffix(&self.domain).is_some_and(|rest| rest.ends_with('.'));
        let is_host = host == self.domain || (self.is_for_subdomains && below);
        let path = to.path().split('?').next().unwrap_or("/");
        let rest = path.strip_prefix(&self.path);
        let is_path = rest.is_some_and(|rest| {
            rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/')
        });
        is_host && is_path && (to.is_https || !self.is_secure)
    }
}

/// The cookie, and whether it takes away one that was set before.
fn parse(text: &str, from: &Target) -> Option<(Cookie, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let is_token = |c: char| c.is_ascii_graphic() && !matches!(c, '=' | ',' | ';' | '"');
    if name.is_empty() || !name.chars().all(is_token) || value.chars().any(char::is_control) {
        return None;
    }
    let host = from.host.to_ascii_lowercase();
    let folder = from.path().split('?').next().unwrap_or("/").rsplit_once('/').map_or("", |p| p.0);
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: host.clone(),
        is_for_subdomains: false,
        path: if folder.is_empty() { "/".to_owned() } else { folder.to_owned() },
        is_secure: false,
    };
    let mut is_dead = false;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.to_ascii_lowercase().as_str() {
            "domain" if !value.is_empty() => {
                let domain = value.trim_start_matches('.').to_ascii_lowercase();
                // Without a dot it would be a whole country's.
                let below = host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
                if domain != host && !(below && domain.contains('.')) {
                    return None;
                }
                cookie.is_for_subdomains = host.parse::<std::net::IpAddr>().is_err();
                cookie.domain = domain;
            }
            "path" if value.starts_with('/') => cookie.path = value.to_owned(),
            "secure" => cookie.is_secure = true,
            "max-age" => is_dead = value.parse().is_ok_and(|seconds: i64| seconds <= 0),
            _ => {}
        }
    }
    Some((cookie, is_dead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_back_only_to_whom_it_is_for() {
        let check = |set: &str, from: &str, to: &str, expected: Option<&str>| {
            let mut jar = Jar::default();
            let mut headers = HeaderMap::new();
            headers.insert(SET_COOKIE, set.parse().unwrap());
            jar.keep(&headers, &Target::parse(from).unwrap());
            let header = jar.header(&Target::parse(to).unwrap());
            assert_eq!(header.as_deref(), expected, "{set} {from} {to}");
        };
        check("a=b", "http://h/x/y", "http://h/x/z", Some("a=b"));
        check("a=b", "http://h/x/y", "http://h/z", None);
        check("a=b; Path=/", "http://h/x/y", "http://h:81/z", Some("a=b"));
        check("a=b; Path=/x", "http://h/", "http://h/xy", None);
        check("a=b", "http://h.test/", "http://evil.test/", None);
        check("a=b; Domain=h.test", "http://a.h.test/", "http://b.h.test/", Some("a=b"));
        check("a=b; Domain=test", "http://h.test/", "http://h.test/", None);
        check("a=b; Domain=other.test", "http://h.test/", "http://h.test/", None);
        check("a=b; Secure", "https://h/", "http://h/", None);
        check("a=b; Max-Age=0", "http://h/", "http://h/", None);
        check("nonsense", "http://h/", "http://h/", None);
    }
}
