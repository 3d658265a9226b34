//! Request targets as people type them, over real connections.

use common_web::WebOptions;
use common_web::axum::Router;
use common_web::axum::extract::Request;
use tokio::io::AsyncWriteExt as _;

use crate::support::{TestServer, rest};

/// Answers what it was asked: the target between marks, then the body.
fn echo() -> Router {
    Router::new().fallback(|request: Request| async move {
        let (head, body) = request.into_parts();
        let bytes = common_web::axum::body::to_bytes(body, 1 << 20).await.unwrap();
        format!("[{}]{}", head.uri, String::from_utf8_lossy(&bytes))
    })
}

/// The answers' bodies, for requests sent in pieces of `size` bytes.
async fn answers(server: &TestServer, requests: &str, size: usize) -> Vec<String> {
    let mut socket = server.connect().await;
    socket.set_nodelay(true).unwrap();
    for piece in requests.as_bytes().chunks(size) {
        socket.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let all = rest(&mut socket).await;
    let bodies = all.split("HTTP/1.1 ").skip(1);
    bodies.map(|answer| answer.split_once("\r\n\r\n").unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn targets_may_hold_quotes_and_braces_in_every_request_of_a_connection() {
    let server = TestServer::start(echo(), WebOptions::default());
    let fake = "GET /{\"} HTTP/1.1\r\n\r\n";
    let chunks = "Transfer-Encoding: chunked\r\n\r\n5;a={\r\n{\"|}<\r\n1\r\n{\r\n0\r\n\r\n";
    let requests = [
        "GET /q?x=up{a=\"b\"} HTTP/1.1\r\nHost: {\r\n\r\n".to_owned(),
        format!("POST /{{|}} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{fake}", fake.len()),
        format!("POST /^`\\ HTTP/1.1\r\nHost: x\r\n{chunks}"),
        "GET /<\u{fc}>?#m[]=%7B HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    let wanted = [
        "[/q?x=up%7Ba=%22b%22%7D]".to_owned(),
        format!("[/%7B%7C%7D]{fake}"),
        "[/%5E%60%5C]{\"|}<{".to_owned(),
        "[/%3C%C3%BC%3E?%23m[]=%7B]".to_owned(),
    ];
    for size in [1, 2, 7, 31, 64, 1000] {
        assert_eq!(answers(&server, &requests.concat(), size).await, wanted, "{size}");
    }
}

#[tokio::test]
async fn control_characters_and_endless_targets_are_still_refused() {
    let server = TestServer::start(echo(), WebOptions::default());
    let answer = server.talk("GET /\u{7f}{ HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "{".repeat(30_000));
    let answer = server.talk(&long).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}
