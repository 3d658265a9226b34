//! The router as a client sees it: paths, headers, encodings.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Read;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

async fn ask(
    router: Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn get(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    ask(server_ui::router(), Method::GET, path, headers).await
}

fn head(response: &Response<Body>, name: header::HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

/// The paths of the script, the style and the icon that the document names.
async fn files() -> Vec<String> {
    let html = String::from_utf8(bytes(get("/overview", &[]).await).await).unwrap();
    let found = html.split("\"./").skip(1).filter_map(|rest| rest.split('"').next());
    found.map(|name| format!("/{name}")).collect()
}

#[tokio::test]
async fn every_page_is_the_same_document_and_is_asked_for_each_time() {
    let first = bytes(get("/overview", &[]).await).await;
    for page in server_ui::PAGES {
        let response = get(page, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{page}");
        assert_eq!(head(&response, header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert_eq!(head(&response, header::CACHE_CONTROL), "no-cache");
        assert_eq!(bytes(response).await, first, "{page}");
    }
}

#[tokio::test]
async fn the_document_has_nothing_inline_and_nothing_from_elsewhere() {
    let html = String::from_utf8(bytes(get("/overview", &[]).await).await).unwrap();
    for bad in [
        "<script>", "<style", "style=", "onload", "http:", "https:", "src=\"/", "href=\"/", "<base",
    ] {
        assert!(!html.contains(bad), "{bad}");
    }
}

#[tokio::test]
async fn its_files_exist_have_types_and_are_kept_for_ever() {
    let files = files().await;
    assert!(files.len() >= 3, "{files:?}");
    for name in &files {
        let response = get(name, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        assert!(head(&response, header::CACHE_CONTROL).contains("immutable"), "{name}");
        let kind = match name.rsplit('.').next().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert_eq!(head(&response, header::CONTENT_TYPE), kind, "{name}");
    }
}

#[tokio::test]
async fn gzip_is_the_same_file_made_shorter() {
    for name in files().await {
        let plain = get(&name, &[]).await;
        assert_eq!(head(&plain, header::CONTENT_ENCODING), "");
        let packed = get(&name, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(head(&packed, header::CONTENT_ENCODING), "gzip");
        assert_eq!(head(&packed, header::VARY), "Accept-Encoding");
        let (packed, mut raw) = (bytes(packed).await, Vec::new());
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut raw).unwrap();
        assert_eq!(raw, bytes(plain).await, "{name}");
    }
}

#[tokio::test]
async fn the_first_load_is_below_forty_kilobytes() {
    let mut total = bytes(get("/overview", &[("accept-encoding", "gzip")]).await).await.len();
    for name in files().await {
        total += bytes(get(&name, &[("accept-encoding", "gzip")]).await).await.len();
    }
    assert!(total < 40_000, "{total} bytes");
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let etag = head(&get("/overview", &[]).await, header::ETAG).to_owned();
    let response = get("/query", &[("if-none-match", &etag)]).await;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(head(&response, header::ETAG), etag);
    assert!(bytes(response).await.is_empty());
    assert_eq!(get("/query", &[("if-none-match", "\"old\"")]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn old_addresses_lead_on_below_any_prefix() {
    let check = async |router: Router, path: &str, wanted: &str| {
        let response = ask(router, Method::GET, path, &[]).await;
        assert_eq!(response.status(), StatusCode::FOUND, "{path}");
        assert_eq!(head(&response, header::LOCATION), wanted, "{path}");
    };
    check(server_ui::router(), "/", "./overview").await;
    check(
        server_ui::router(),
        "/graph?g0.expr=up%7B%7D&g0.tab=1",
        "./query?g0.expr=up%7B%7D&g0.tab=1",
    )
    .await;
    check(server_ui::router(), "/rules", "./alerts").await;
    check(server_ui::router(), "/classic/graph?g0.expr=up", "./../query?g0.expr=up").await;
    let nested = || Router::new().nest("/a/b", server_ui::router());
    check(nested(), "/a/b", "./b/overview").await;
    check(nested(), "/a/b/graph?x", "./query?x").await;
}

#[tokio::test]
async fn nothing_outside_the_table_is_served() {
    for path in [
        "/assets/",
        "/assets/nothing.js",
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        "/assets/..%2f..%2fCargo.toml",
        "/assets//etc/passwd",
        "/assets/%00",
        "/index.html",
        "/overview/",
        "/api/v1/query",
    ] {
        assert_eq!(get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let posted = ask(server_ui::router(), Method::POST, "/overview", &[]).await;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn every_answer_of_ours_keeps_the_page_to_itself() {
    let script = files().await.into_iter().find(|name| name.ends_with(".js")).unwrap();
    for path in ["/", "/overview", "/graph", "/assets/nothing.js", "/licenses.md", &script] {
        let response = get(path, &[]).await;
        let policy = head(&response, header::CONTENT_SECURITY_POLICY);
        for part in
            ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(head(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn the_licenses_of_what_is_bundled_are_shipped() {
    let text = String::from_utf8(bytes(get("/licenses.md", &[]).await).await).unwrap();
    for name in ["preact", "uplot", "@codemirror/view", "@prometheus-io/codemirror-promql"] {
        assert!(text.contains(name), "{name}");
    }
}

#[tokio::test]
async fn head_gives_the_headers_alone() {
    let response = ask(server_ui::router(), Method::HEAD, "/overview", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(bytes(response).await.is_empty());
}
