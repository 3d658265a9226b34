//! Deadlines, body limits, too many connections, panics, the end.

use std::sync::Arc;
use std::time::Duration;

use common_instrument::{Registry, Samples};
use common_web::WebOptions;
use common_web::axum::Router;
use common_web::axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::support::{TestServer, request, rest};

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/-/healthy", get(|| async { "fine" }))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
        .route("/len", post(|body: bytes::Bytes| async move { body.len().to_string() }))
}

/// A route that answers when it is told to.
fn waiting() -> (Router, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let waits = Arc::clone(&go);
    let answer = move || async move {
        waits.notified().await;
        "done"
    };
    (router().route("/wait", get(answer)), go)
}

fn metric(registry: &Registry, name: &str) -> f64 {
    let mut samples = Samples::default();
    registry.gather(&mut samples);
    let family = samples.families().find(|family| family.name() == name).unwrap();
    let values = family.samples().map(|sample| match sample.value() {
        common_instrument::SampleValue::Number(number) => number,
        other => panic!("{other:?}"),
    });
    values.sum()
}

#[tokio::test]
async fn requests_reach_the_router() {
    let server = TestServer::start(router(), WebOptions::default());
    let answer = server.get("/").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(server.get("/nothing").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_panic_is_an_answer_and_a_count() {
    let registry = Registry::new();
    let options = WebOptions { registry: Some(registry.clone()), ..WebOptions::default() };
    let server = TestServer::start(router(), options);
    let answer = server.get("/panic").await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(server.get("/").await.starts_with("HTTP/1.1 200"));
    assert_eq!(metric(&registry, "hearth_web_handler_panics_total"), 1.0);
}

#[tokio::test]
async fn half_a_header_is_not_waited_for() {
    let options =
        WebOptions { header_deadline: Duration::from_millis(100), ..WebOptions::default() };
    let server = TestServer::start(router(), options);
    assert_eq!(server.talk("").await, "");
    assert_eq!(server.talk("GET / HTTP/1.1\r\nHost: x\r\nA: ").await, "");
    // After an answer the connection may rest, but not begin a request without finishing it.
    let mut socket = server.connect().await;
    socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    socket.write_all(b"GET / HT").await.unwrap();
    assert!(rest(&mut socket).await.ends_with("hello"));
}

#[tokio::test]
async fn idle_connections_end() {
    let options = WebOptions { idle_deadline: Duration::from_millis(50), ..WebOptions::default() };
    let server = TestServer::start(
        router(),
        WebOptions { header_deadline: Duration::from_millis(20), ..options },
    );
    let answer = server.talk("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn bodies_have_a_limit_with_and_without_a_declared_length() {
    let options = WebOptions { body_bytes_max: 10, ..WebOptions::default() };
    let server = TestServer::start(router(), options);
    let post = |headers: &str, body: &str| {
        format!("POST /len HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n{body}")
    };
    let fits = server.talk(&post("Content-Length: 10", "0123456789")).await;
    assert!(fits.starts_with("HTTP/1.1 200") && fits.ends_with("10"), "{fits}");
    let declared = server.talk(&post("Content-Length: 11", "0123456789a")).await;
    assert!(declared.starts_with("HTTP/1.1 413"), "{declared}");
    let chunks = "6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n";
    let chunked = server.talk(&post("Transfer-Encoding: chunked", chunks)).await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
}

#[tokio::test]
async fn half_open_connections_make_room() {
    let registry = Registry::new();
    let options = WebOptions {
        connections_max: 3,
        connections_reserved: 0,
        registry: Some(registry.clone()),
        ..WebOptions::default()
    };
    let server = TestServer::start(router(), options);
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(server.connect().await);
    }
    assert!(server.get("/").await.starts_with("HTTP/1.1 200"));
    assert!(metric(&registry, "hearth_web_connections_evicted_total") >= 8.0);
    assert_eq!(rest(&mut silent[0]).await, "");
}

#[tokio::test]
async fn health_is_answered_when_all_others_are_busy() {
    let (router, go) = waiting();
    let options =
        WebOptions { connections_max: 1, connections_reserved: 1, ..WebOptions::default() };
    let server = TestServer::start(router, options);
    let mut busy = server.connect().await;
    // The second request waits in the same connection until the first is answered.
    busy.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 20];
    busy.read_exact(&mut answer).await.unwrap();
    while !server.get("/").await.starts_with("HTTP/1.1 503") {
        tokio::task::yield_now().await;
    }
    assert!(server.get("/-/healthy").await.starts_with("HTTP/1.1 200"));
    go.notify_one();
}

#[tokio::test]
async fn the_end_waits_for_requests_in_flight() {
    let (router, go) = waiting();
    let mut server = TestServer::start(router, WebOptions::default());
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.write_all(request("GET", "/wait").as_bytes()).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 20];
    idle.read_exact(&mut answer).await.unwrap();
    server.stop();
    assert!(rest(&mut idle).await.ends_with("hello"));
    go.notify_one();
    assert!(rest(&mut busy).await.ends_with("done"));
    server.stopped().await;
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let (router, _go) = waiting();
    let options = WebOptions { drain_deadline: Duration::from_millis(20), ..WebOptions::default() };
    let mut server = TestServer::start(router, options);
    let mut busy = server.connect().await;
    busy.write_all(request("GET", "/wait").as_bytes()).await.unwrap();
    server.stop();
    server.stopped().await;
}
