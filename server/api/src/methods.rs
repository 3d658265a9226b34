//! What is answered to a path or a method that is not served: the words and headers of Go's router.

use axum::body::Body;
use axum::extract::OriginalUri;
use axum::handler::Handler;
use axum::http::header::{ALLOW, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::routing::{MethodRouter, any};

use crate::starting::WAITING;

/// A route that is only read.
pub(crate) fn read<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    only("GET, OPTIONS").get(handler)
}

/// A route whose parameters come in the query or in a form.
pub(crate) fn ask<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    only("GET, OPTIONS, POST").get(handler.clone()).post(handler)
}

/// A route without methods yet, which tells whoever asks with another one which ones there are.
pub(crate) fn only<S>(allow: &'static str) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    // Made of `any`, it gets no `Allow` of axum's own.
    any(move |method: Method| async move {
        if method != Method::OPTIONS {
            return failed_method(allow);
        }
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        response
    })
}

/// The answer to a method that a path does not have.
pub(crate) fn failed_method(allow: &'static str) -> Response<Body> {
    let mut response = failure(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// Paths beside [`WAITING`] that are the same with a slash behind them.
const PATHS: &[&str] = &[
    "/-/healthy",
    "/-/reload",
    "/version",
    "/metrics",
    "/api/v1/notifications",
    "/api/v1/notifications/live",
    "/api/v1/status/walreplay",
    "/api/v1/explain",
];

/// Whether something is served at the end of a path, whatever prefix it has.
fn is_served(path: &str) -> bool {
    let is_at_end = |route: &str| {
        let mut parts = path.rsplit('/');
        route.rsplit('/').all(|wanted| match parts.next() {
            // A route begins with a slash, and so with nothing.
            Some(_) if wanted.is_empty() => true,
            Some(part) => part == wanted || (wanted.starts_with('{') && !part.is_empty()),
            None => false,
        })
    };
    WAITING.iter().map(|(route, _)| *route).chain(PATHS.iter().copied()).any(is_at_end)
}

/// The answer to unknown paths: where they have slashes or dots too many, the path without them.
pub(crate) async fn unknown(OriginalUri(uri): OriginalUri, method: Method) -> Response<Body> {
    let path = uri.path();
    let mut to = cleaned(path);
    // The API is a folder to the original.
    if to.ends_with("/api/v1") {
        to.push('/');
    }
    let mut status = StatusCode::MOVED_PERMANENTLY;
    if let Some(file) = to.strip_suffix('/').filter(|file| is_served(file)) {
        // Where the path is clean a form is sent again.
        if to == path && method != Method::GET {
            status = StatusCode::TEMPORARY_REDIRECT;
        }
        to.truncate(file.len());
    }
    if to == path {
        return failure(StatusCode::NOT_FOUND, "404 page not found\n");
    }
    if let Some(query) = uri.query() {
        to.push('?');
        to.push_str(query);
    }
    moved(&to, &method, status)
}

/// A path without empty, `.` and `..` parts; a slash at its end stays.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let folder = path.ends_with('/') && !parts.is_empty();
    format!("/{}{}", parts.join("/"), if folder { "/" } else { "" })
}

/// A redirect as Go's `http.Redirect` writes it.
fn moved(to: &str, method: &Method, status: StatusCode) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(to) else {
        return failure(StatusCode::NOT_FOUND, "404 page not found\n");
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(LOCATION, location);
    if *method == Method::GET {
        let shown = to.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let shown = shown.replace('"', "&#34;").replace('\'', "&#39;");
        *response.body_mut() =
            Body::from(format!("<a href=\"{shown}\">Moved Permanently</a>.\n\n"));
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, html);
    }
    response
}

/// An error as Go's `http.Error` writes it.
fn failure(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn paths_and_methods_that_are_not_served_are_answered_as_by_the_original() {
        let fine = || async { "fine" };
        let router: Router = Router::new()
            .route("/read", read(fine))
            .route("/ask", ask(fine))
            .route("/health", only("GET, HEAD, OPTIONS").get(fine))
            .fallback(unknown);
        let wrong = "Method Not Allowed\n";
        for (request, status, allow, wanted) in [
            ("GET /read", 200, "", "fine"),
            ("POST /read", 405, "GET, OPTIONS", wrong),
            ("OPTIONS /read", 200, "GET, OPTIONS", ""),
            ("POST /ask", 200, "", "fine"),
            ("DELETE /ask", 405, "GET, OPTIONS, POST", wrong),
            ("PUT /health", 405, "GET, HEAD, OPTIONS", wrong),
            ("GET /nothing", 404, "", "404 page not found\n"),
            ("OPTIONS /nothing", 404, "", "404 page not found\n"),
            ("GET /api/v1/", 404, "", "404 page not found\n"),
            ("GET /api/v1", 301, "", "<a href=\"/api/v1/\">Moved Permanently</a>.\n\n"),
            (
                "GET /a/..//read?x=1&y",
                301,
                "",
                "<a href=\"/read?x=1&amp;y\">Moved Permanently</a>.\n\n",
            ),
            ("POST //ask", 301, "", ""),
            (
                "GET /api/v1/query/?query=1",
                301,
                "",
                "<a href=\"/api/v1/query?query=1\">Moved Permanently</a>.\n\n",
            ),
            (
                "GET /prefix/api/v1/label/job/values/",
                301,
                "",
                "<a href=\"/prefix/api/v1/label/job/values\">Moved Permanently</a>.\n\n",
            ),
            ("GET /metrics/", 301, "", "<a href=\"/metrics\">Moved Permanently</a>.\n\n"),
            ("GET /-/healthy//", 301, "", "<a href=\"/-/healthy\">Moved Permanently</a>.\n\n"),
            ("POST /api/v1/query/", 307, "", ""),
            ("GET /api/v1/nothing/", 404, "", "404 page not found\n"),
            (
                "GET /api/v1/label//values/",
                301,
                "",
                "<a href=\"/api/v1/label/values/\">Moved Permanently</a>.\n\n",
            ),
        ] {
            let (method, path) = request.split_once(' ').unwrap();
            let asked = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(asked).await.unwrap();
            assert_eq!(answer.status(), status, "{request}");
            let allowed = answer.headers().get(ALLOW).map_or("", |value| value.to_str().unwrap());
            assert_eq!(allowed, allow, "{request}");
            let nosniff = answer.headers().get(X_CONTENT_TYPE_OPTIONS).is_some();
            assert_eq!(nosniff, status >= 400, "{request}");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, wanted, "{request}");
        }
    }
}
