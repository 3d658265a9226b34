//! Which path leads where, also behind a prefix.

use std::sync::Arc;

use common_config::Url;
use common_instrument::{CollectError, Collector, Family, Samples};
use common_service::build_info;
use common_web::axum::Router;
use common_web::axum::body::Body;
use common_web::axum::extract::Request;
use common_web::axum::http::header::{CONTENT_TYPE, LOCATION};
use common_web::axum::http::{HeaderValue, Method, StatusCode};
use common_web::axum::response::Response;
use common_web::axum::routing::any;
use common_web::{MetricsHandler, plain};

use super::Failure;
use super::probe::ProbePage;
use crate::history::History;
use crate::query::Query;
use crate::state::State;
use crate::{graph, pages};

const BUILD_INFO: Family = Family::gauge(
    "blackbox_exporter_build_info",
    "A metric with a constant '1' value labeled by version, revision, branch, goversion from which \
     blackbox_exporter was built, and the goos and goarch for the build.",
);

/// What the exporter is.
pub(super) struct BuildInfo;

impl Collector for BuildInfo {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        samples.push(&BUILD_INFO, &build_info::labels(), 1.0);
        Ok(())
    }
}

/// Where the exporter is seen from outside.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outside {
    /// Begins and ends with a slash.
    prefix: String,
    url: String,
}

/// Makes prefix and URL of the two flags, either of which may be empty.
pub(super) fn outside(url: &str, prefix: &str) -> Result<Outside, Failure> {
    if url.starts_with(['"', '\'']) || url.ends_with(['"', '\'']) {
        return Err("URL must not begin or end with quotes".into());
    }
    let parsed = Url::parse(url)?;
    let authority = url.find(parsed.host()).filter(|_| !parsed.host().is_empty());
    let path_at = authority.map_or(0, |at| at + parsed.host().len());
    let path = url[path_at..].split(['?', '#']).next().unwrap_or("").trim_end_matches('/');
    let url = format!("{}{path}", &url[..path_at]);
    let wanted = if prefix.is_empty() { path } else { prefix };
    let trimmed = wanted.trim_matches('/');
    let prefix = if trimmed.is_empty() { "/".to_owned() } else { format!("/{trimmed}/") };
    if prefix.contains(['{', '}']) {
        return Err(format!("route prefix {prefix:?} contains braces").into());
    }
    let url = if url.is_empty() { prefix.clone() } else { url };
    Ok(Outside { prefix, url })
}

/// What the pages need.
#[derive(Clone)]
pub(super) struct Routes {
    pub(super) state: Arc<State>,
    pub(super) history: Arc<History>,
    pub(super) metrics: MetricsHandler,
    pub(super) probes: ProbePage,
}

pub(super) fn router(routes: Routes, outside: &Outside) -> Router {
    let at = |path: &str| format!("{}{path}", outside.prefix);
    let Routes { state, history, metrics, probes } = routes;
    let shown = Arc::clone(&state);
    let logged = Arc::clone(&history);
    let seen = Arc::clone(&history);
    let index = any(move || async move { html(pages::index(&history.entries())) });
    let mut router = Router::new()
        .route(&at("-/healthy"), any(|| async { text("Healthy") }))
        .route(
            &at("-/reload"),
            any(move |method: Method| async move { reload(&state, &method).await }),
        )
        .route(&at("history"), any(move || async move { html(graph::page(&seen.entries())) }))
        .route(&at("config"), any(move || async move { bare(shown.config().show()) }))
        .route(&at("logs"), any(move |request: Request| async move { logs(&logged, &request) }))
        .route(
            &at("metrics"),
            any(move |request: Request| async move { metrics.answer(request.headers()).await }),
        )
        .route(
            &at("probe"),
            any(move |request: Request| async move {
                let (parts, _) = request.into_parts();
                probes.answer(&parts.uri, &parts.headers).await
            }),
        );
    if outside.prefix == "/" {
        return router.fallback_service(index);
    }
    router = router.route(&at("{*rest}"), index.clone()).route(&outside.prefix, index);
    let (bare_prefix, url) = (outside.prefix.trim_end_matches('/').to_owned(), outside.url.clone());
    let prefix = outside.prefix.clone();
    router
        .route(
            &bare_prefix,
            any(move || async move { redirect(StatusCode::MOVED_PERMANENTLY, &prefix) }),
        )
        .route("/", any(move || async move { redirect(StatusCode::FOUND, &url) }))
        .fallback(|| async { plain(StatusCode::NOT_FOUND, "404 page not found\n") })
}

async fn reload(state: &Arc<State>, method: &Method) -> Response {
    if method != Method::POST {
        let mut response = text("This endpoint requires a POST request.\n");
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return response;
    }
    match super::reload(state).await {
        Ok(()) => Response::new(Body::empty()),
        Err(error) => {
            let words = format!("failed to reload config: {error}\n");
            plain(StatusCode::INTERNAL_SERVER_ERROR, words)
        }
    }
}

fn logs(history: &History, request: &Request) -> Response {
    let query = Query::parse(request.uri().query().unwrap_or(""));
    let (target, module) = (query.get("target"), query.get("module"));
    let id: Option<u64> = query.get("id").parse().ok();
    let (found, missing) = match id {
        Some(_) if !target.is_empty() => {
            let words = "Probe id and target can't be defined at the same time\n";
            return plain(StatusCode::BAD_REQUEST, words);
        }
        None if target.is_empty() => {
            let words = "Probe id or target must be defined as http query parameters\n";
            return plain(StatusCode::BAD_REQUEST, words);
        }
        Some(_) if !module.is_empty() && target.is_empty() => {
            let words = "Probe module filter only works in conjunction with target parameter\n";
            return plain(StatusCode::BAD_REQUEST, words);
        }
        Some(id) => (history.by_id(id), "Probe id not found\n"),
        None => (history.by_target(target, module), "Probe target not found\n"),
    };
    match found {
        Some(entry) => bare(entry.report.text()),
        None => plain(StatusCode::NOT_FOUND, missing),
    }
}

fn with_type(body: String, kind: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn text(body: &str) -> Response {
    with_type(body.to_owned(), "text/plain; charset=utf-8")
}

/// Plain text in the original's words.
pub(super) fn bare(body: String) -> Response {
    with_type(body, "text/plain")
}

fn html(body: String) -> Response {
    with_type(body, "text/html")
}

fn redirect(status: StatusCode, to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if let Ok(value) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_the_path_of_the_url_unless_it_is_given() {
        let check = |url: &str, prefix: &str, expected: (&str, &str)| {
            let outside = outside(url, prefix).unwrap();
            assert_eq!((outside.prefix.as_str(), outside.url.as_str()), expected, "{url} {prefix}");
        };
        check("", "", ("/", "/"));
        check("http://h:1/", "", ("/", "http://h:1"));
        check("http://h:1/bb/", "", ("/bb/", "http://h:1/bb"));
        check("http://h/bb", "/x", ("/x/", "http://h/bb"));
        check("", "x/y/", ("/x/y/", "/x/y/"));
        check("/bb", "", ("/bb/", "/bb"));
        assert!(outside("\"http://h/\"", "").is_err());
        assert!(outside("http://[::1", "").is_err());
    }
}
