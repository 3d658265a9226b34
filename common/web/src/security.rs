//! Protection of browsers: headers for pages, and refusal of requests that another site forged.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use hyper::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Method, Response, StatusCode};

use crate::plain;

/// What pages may load: only what we serve ourselves; styles also inline, as chart libraries do.
const CONTENT_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

const PAGE_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (HeaderName::from_static("content-security-policy"), HeaderValue::from_static(CONTENT_POLICY)),
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("x-frame-options"), HeaderValue::from_static("deny")),
    (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("same-origin")),
];

/// Adds the headers of a page, where the route has not set its own. For
/// `axum::middleware::from_fn`.
pub async fn page_headers(request: Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    for (name, value) in PAGE_HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Refuses requests that change something and come from a page of another site. Programs, which
/// send no `Origin`, are not concerned. For `axum::middleware::from_fn`.
pub async fn refuse_foreign_origin(request: Request, next: Next) -> Response<Body> {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let host = request.uri().authority().map(|authority| authority.as_str());
    if changes && is_foreign(request.headers(), host) {
        return plain(StatusCode::FORBIDDEN, "Cross-origin request refused.\n");
    }
    next.run(request).await
}

/// Whether the headers say that a page of another site sent the request. `authority` is that of
/// HTTP/2, which has no `Host` header.
#[must_use]
pub fn is_foreign(headers: &HeaderMap, authority: Option<&str>) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => return false,
        Some(_) => return true,
        None => {}
    }
    if !headers.contains_key(ORIGIN) {
        return false;
    }
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    match (origin, text(HOST).or(authority)) {
        (Some(origin), Some(host)) => !origin.eq_ignore_ascii_case(host),
        _ => true,
    }
}

/// Whether the request was sent to a name of this machine: an address, `localhost`, or one of
/// `names`. Refusing others stops pages that let their own name point to us (DNS rebinding).
#[must_use]
pub fn is_own_host(headers: &HeaderMap, names: &[String]) -> bool {
    let Some(host) = headers.get(HOST).and_then(|value| value.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok()
        || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn other_sites_are_told_from_our_own_pages() {
        let check = |pairs: &[(&'static str, &'static str)], foreign: bool| {
            assert_eq!(is_foreign(&headers(pairs), None), foreign, "{pairs:?}");
        };
        check(&[("host", "h:9090")], false);
        check(&[("host", "h:9090"), ("origin", "http://h:9090")], false);
        check(&[("host", "h:9090"), ("origin", "http://h")], true);
        check(&[("host", "h:9090"), ("origin", "null")], true);
        check(&[("host", "h"), ("sec-fetch-site", "cross-site")], true);
        check(&[("host", "h"), ("sec-fetch-site", "same-origin")], false);
    }

    #[test]
    fn names_that_merely_point_to_us_are_not_ours() {
        let check = |host: &'static str, own: bool| {
            let names = ["mon.example".to_owned()];
            assert_eq!(is_own_host(&headers(&[("host", host)]), &names), own, "{host}");
        };
        check("127.0.0.1:9090", true);
        check("[::1]:9090", true);
        check("LOCALHOST", true);
        check("mon.example:9090", true);
        check("evil.example:9090", false);
    }
}
