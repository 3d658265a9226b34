//! Requests to all routes of the API: parameters in the query string and in forms. Whatever they
//! say, it is the client's fault or an answer.
#![no_main]

use std::cell::OnceCell;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use fuzz::Bytes;
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

const METHODS: &[&str] = &["GET", "POST", "GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"];

/// All routes, but [`NOT_IMPLEMENTED`]'s method.
const ROUTES: &[&str] = &[
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/label/x/values",
    "/api/v1/label/U__a_2e_/values",
    "/api/v1/label/%zz/values",
    "/api/v1/metadata",
    "/api/v1/targets",
    "/api/v1/targets/metadata",
    "/api/v1/targets/relabel_steps",
    "/api/v1/scrape_pools/config",
    "/api/v1/scrape_pools",
    "/api/v1/rules",
    "/api/v1/alerts",
    "/api/v1/alertmanagers",
    "/api/v1/search/metric_names",
    "/api/v1/search/label_names",
    "/api/v1/search/label_values",
    "/api/v1/format_query",
    "/api/v1/parse_query",
    "/api/v1/notifications",
    "/api/v1/notifications/live",
    "/api/v1/features",
    "/api/v1/status/config",
    "/api/v1/status/flags",
    "/api/v1/status/buildinfo",
    "/api/v1/status/runtimeinfo",
    "/api/v1/openapi.yaml",
    "/api/v1/status/self_metrics",
    "/api/v1/status/tsdb",
    "/api/v1/status/tsdb/blocks",
    "/api/v1/status/walreplay",
    "/api/v1/admin/tsdb/delete_series",
    "/api/v1/nothing",
    "/federate",
    "/-/healthy",
    "/-/ready",
    "/-/reload",
];

/// Names that some route knows.
const NAMES: &[&str] = &[
    "query",
    "time",
    "start",
    "end",
    "step",
    "timeout",
    "stats",
    "limit",
    "lookback_delta",
    "match[]",
    "metric",
    "match_target",
    "state",
    "scrapePool",
    "metric_name_pattern",
    "type",
    "rule_name[]",
    "rule_group[]",
    "file[]",
    "exclude_alerts",
    "group_limit",
    "group_next_token",
    "labels",
    "topk",
    "search",
    "fuzz_threshold",
    "sort_by",
    "sort_dir",
    "label",
    "batch_size",
    "case_sensitive",
];

/// The original, too, answers it with a 500.
const NOT_IMPLEMENTED: (&str, &str) = ("DELETE", "/api/v1/series");
/// Its answer never ends.
const ENDLESS: &str = "/api/v1/notifications/live";

thread_local! {
    static API: OnceCell<(Runtime, Router)> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let (method, route) = (*bytes.pick(METHODS), *bytes.pick(ROUTES));
    if (method, route) == NOT_IMPLEMENTED {
        return;
    }
    let flags = bytes.byte();
    let query = pairs(&mut bytes, flags & 1 != 0);
    let form = pairs(&mut bytes, flags & 2 != 0);
    let request = Request::builder()
        .method(method)
        .uri(format!("{route}?{}", escaped(&query)))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", if flags & 4 != 0 { "application/openmetrics-text" } else { "*/*" })
        .body(Body::from(form));
    let Ok(request) = request else { return };
    API.with(|api| {
        let (runtime, router) = api.get_or_init(|| {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            let router = runtime.block_on(fuzz::api());
            (runtime, router)
        });
        runtime.block_on(ask(router, request));
    });
});

async fn ask(router: &Router, request: Request<Body>) {
    let asked = format!("{} {}", request.method(), request.uri());
    let ends = request.uri().path() != ENDLESS;
    // The router's error is `Infallible`.
    let Ok(response) = router.clone().oneshot(request).await;
    assert_ne!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{asked}");
    if ends {
        response.into_body().collect().await.expect("a body ends");
    }
}

/// Names that are known with values from the input, or a line of the input as it is.
fn pairs(bytes: &mut Bytes<'_>, raw: bool) -> Vec<u8> {
    if raw {
        return line(bytes);
    }
    let mut made = Vec::new();
    for _ in 0..bytes.byte() % 8 {
        made.extend_from_slice(bytes.pick(NAMES).as_bytes());
        made.push(b'=');
        made.extend(line(bytes));
        made.push(b'&');
    }
    made
}

/// Bytes up to the end of a line.
fn line(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    while !bytes.is_empty() {
        match bytes.byte() {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    line
}

/// What may not stand in a URL as it is, escaped.
fn escaped(query: &[u8]) -> String {
    query.iter().fold(String::new(), |mut text, &byte| {
        match byte {
            b'!'..=b'~' if !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'`') => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}
