//! Which path is answered with which file, and the headers that keep the page to itself.

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Path};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::get;

use crate::assets::{self, Asset};
use crate::negotiate::{accepts_gzip, has_already};

/// Paths that show a page; all of them are the same document.
pub const PAGES: [&str; 5] = ["/overview", "/query", "/alerts", "/targets", "/status"];

/// Addresses of Prometheus' own pages that lie in bookmarks and notifications, and ours.
const MOVED: [(&str, &str); 10] = [
    ("/", "overview"),
    ("/graph", "query"),
    ("/rules", "alerts"),
    ("/config", "status"),
    ("/flags", "status"),
    ("/tsdb-status", "status"),
    ("/service-discovery", "targets"),
    ("/alertmanager-discovery", "status"),
    ("/classic/graph", "../query"),
    ("/classic/alerts", "../alerts"),
];

/// Everything comes from this server, nothing is inline, nobody may frame it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'";

/// A year: the name of such a file holds the hash of what is in it.
const CACHE_FOREVER: &str = "public, max-age=31536000, immutable";
/// Ask each time whether it changed; the entity tag makes that one short answer.
const CACHE_ASK: &str = "no-cache";

/// The pages and their files. Holds no state; nest it below the route prefix, beside the API.
/// Nested, it answers the prefix without its last slash; the caller leads `prefix/` there, as axum does not.
pub fn router() -> Router {
    let mut router = Router::new().route("/assets/{*name}", get(file)).route(
        "/licenses.md",
        get(|headers: HeaderMap| async move { answer("licenses.md", &headers) }),
    );
    for page in PAGES {
        router = router
            .route(page, get(|headers: HeaderMap| async move { answer("index.html", &headers) }));
    }
    for (old, new) in MOVED {
        router =
            router.route(old, get(async move |OriginalUri(uri): OriginalUri| moved(&uri, new)));
    }
    router
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    answer(&format!("assets/{name}"), &headers)
}

fn answer(name: &str, headers: &HeaderMap) -> Response<Body> {
    let Some(asset) = assets::find(name) else {
        return failure(StatusCode::NOT_FOUND, "no such file in this version; reload the page\n");
    };
    let mut response = if has_already(headers, asset.etag) {
        with_status(StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        match content(asset, accepts_gzip(headers)) {
            Ok(response) => response,
            Err(_) => return failure(StatusCode::INTERNAL_SERVER_ERROR, "this file is damaged\n"),
        }
    };
    let cache = if name.starts_with("assets/") { CACHE_FOREVER } else { CACHE_ASK };
    set(&mut response, header::CACHE_CONTROL, cache);
    set(&mut response, header::ETAG, asset.etag);
    set(&mut response, header::VARY, "Accept-Encoding");
    guard(&mut response);
    response
}

fn content(asset: &'static Asset, gzip: bool) -> std::io::Result<Response<Body>> {
    let body = if gzip { Body::from(asset.gzip) } else { Body::from(asset.unpacked()?) };
    let mut response = with_status(StatusCode::OK, body);
    if gzip {
        set(&mut response, header::CONTENT_ENCODING, "gzip");
    }
    set(&mut response, header::CONTENT_TYPE, asset.content_type());
    Ok(response)
}

/// Redirects to a neighbour, relative to the last segment of the path that the client asked for,
/// so that it is right below any route prefix, also one that a proxy took away.
fn moved(asked: &Uri, new: &str) -> Response<Body> {
    let last = asked.path().rsplit('/').next().unwrap_or_default();
    let nested_root = new == "overview" && !last.is_empty();
    let target = if nested_root { format!("./{last}/{new}") } else { format!("./{new}") };
    let target = match asked.query() {
        Some(query) => format!("{target}?{query}"),
        None => target,
    };
    let Ok(target) = HeaderValue::try_from(target) else {
        return failure(StatusCode::BAD_REQUEST, "this address cannot be redirected\n");
    };
    let mut response = with_status(StatusCode::FOUND, Body::empty());
    response.headers_mut().insert(header::LOCATION, target);
    guard(&mut response);
    response
}

fn failure(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = with_status(status, Body::from(text));
    set(&mut response, header::CONTENT_TYPE, "text/plain; charset=utf-8");
    set(&mut response, header::CACHE_CONTROL, "no-store");
    guard(&mut response);
    response
}

fn with_status(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

fn guard(response: &mut Response<Body>) {
    set(response, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(response, header::X_FRAME_OPTIONS, "DENY");
    set(response, header::REFERRER_POLICY, "no-referrer");
}
