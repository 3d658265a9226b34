//! Cross-origin headers: which pages of other sites may read what the API answers.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HeaderName, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use common_re2::Regex;

/// What every page of another site is told.
const TOLD: [(HeaderName, HeaderValue); 3] = [
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Accept, Authorization, Content-Type, Origin"),
    ),
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS")),
    (ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Date")),
];

/// The origin of the page that sent the request, where one did.
pub(crate) fn origin(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(ORIGIN).filter(|origin| !origin.is_empty()).cloned()
}

/// Adds the headers for a request from `origin`; `allowed` names those that may read the answer.
pub(crate) fn add(headers: &mut HeaderMap, origin: Option<HeaderValue>, allowed: &Regex) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin else { return };
    headers.extend(TOLD);
    if origin.to_str().is_ok_and(|origin| allowed.is_match(origin)) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// The answer to a browser that asks before it asks.
pub(crate) fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_sites_are_told_and_those_that_match_may_read() {
        let check = |sent: &'static str, pattern: &str, may_read: bool| {
            let asked = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(sent))]);
            let mut headers = HeaderMap::new();
            add(&mut headers, origin(&asked), &Regex::anchored(pattern).unwrap());
            assert_eq!(headers[VARY], "Origin");
            let wanted = may_read.then(|| HeaderValue::from_static(sent));
            let allowed = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(allowed, wanted.as_ref(), "{sent} {pattern}");
            let told = headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS);
            assert_eq!(told, !sent.is_empty(), "{sent}");
        };
        check("http://a.example", ".*", true);
        check("http://a.example", "https?://(a|b)\\.example", true);
        check("http://a.example.evil", "https?://(a|b)\\.example", false);
        check("null", "https?://.*", false);
        check("", ".*", false);
    }
}
