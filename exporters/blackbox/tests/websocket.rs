//! The websocket prober against servers that keep to the protocol, and others.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::tls::{ROOT, accept};
use crate::support::{LONG, Names, Server, listen, probe, probe_with, value};

/// The head of an upgrade that answers this request.
fn upgrade(request: &str) -> String {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    )
}

/// The text of a short masked frame.
fn unmask(frame: &[u8]) -> Vec<u8> {
    assert_eq!(frame[0], 0x81);
    let (mask, body) = frame[2..].split_at(4);
    body.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

/// Greets with the upgrade itself, and passes who answers well.
async fn greeter() -> Server {
    Server::act(|mut stream, head| async move {
        let greeting = [upgrade(&head).as_bytes(), b"\x89\x00\x81\x0dincoming_test"].concat();
        let _ = stream.write_all(&greeting).await;
        let (mut pong, mut said) = ([0; 6], [0; 6 + 13]);
        let _ = stream.read_exact(&mut pong).await;
        let _ = stream.read_exact(&mut said).await;
        let answer: &[u8] =
            if unmask(&said) == b"outgoing_test" { b"\x81\x06passed" } else { b"\x88\x00" };
        let _ = stream.write_all(answer).await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    })
    .await
}

/// Status, upgrade, failed pattern.
fn gauges(outcome: &exporters_blackbox::probe::Outcome) -> [Option<f64>; 3] {
    ["status_code", "connection_upgraded", "failed_due_to_regex"]
        .map(|name| value(outcome, &format!("probe_websocket_{name}")))
}

#[tokio::test]
async fn messages_go_to_and_fro() {
    let server = greeter().await;
    let url = server.url("/chat?x=1").replace("http", "ws");
    let module = |last: &str| {
        format!(
            "{{prober: websocket, websocket: {{http_config: {{basic_auth: {{username: u, \
             password: p}}}}, headers: {{X-Key: {{values: [v]}}}}, query_response: [{{expect: \
             'incoming_(.+)', send: 'outgoing_${{1}}'}}, {{expect: '{last}'}}]}}}}"
        )
    };
    let outcome = probe(&module("^passed"), &url, LONG).await;
    assert!(outcome.is_success, "{}", outcome.log);
    assert_eq!(gauges(&outcome), [Some(101.0), Some(1.0), Some(0.0)]);
    for phase in ["resolve", "connect", "processing", "transfer"] {
        let series = format!("probe_websocket_duration_seconds{{phase=\"{phase}\"}}");
        assert!(value(&outcome, &series).is_some(), "{phase}");
    }
    let asked = server.asked().concat();
    assert!(asked.starts_with("GET /chat?x=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Basic dTpw\r\n"), "{asked}");
    assert!(asked.contains("x-key: v\r\n"), "{asked}");
    let outcome = probe(&module("^other"), &url, LONG).await;
    assert!(!outcome.is_success, "{}", outcome.log);
    assert_eq!(gauges(&outcome), [Some(101.0), Some(1.0), Some(1.0)]);
}

#[tokio::test]
async fn a_server_that_does_not_upgrade_fails_the_probe() {
    let server = Server::start(|_| b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
    let plain = "{prober: websocket, websocket: {}}";
    let url = server.url("/").replace("http", "ws");
    let outcome = probe(plain, &url, LONG).await;
    assert!(!outcome.is_success);
    assert_eq!(gauges(&outcome), [Some(403.0), Some(0.0), Some(0.0)]);
    let outcome = probe(plain, &server.url("/"), LONG).await;
    assert!(outcome.log.contains("malformed ws or wss URL"), "{}", outcome.log);
    let twice =
        "{prober: websocket, websocket: {headers: {Sec-WebSocket-Version: {values: ['7']}}}}";
    let outcome = probe(twice, &url, LONG).await;
    assert!(outcome.log.contains("duplicate header not allowed"), "{}", outcome.log);
}

#[tokio::test]
async fn a_certificate_is_checked_before_anything_is_said() {
    let address = listen(|stream| async move {
        let Some(mut stream) = accept(stream, &[&TLS13], &[]).await else { return };
        let mut head = vec![0; 4096];
        let count = stream.read(&mut head).await.unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..count]).into_owned();
        let _ = stream.write_all(upgrade(&head).as_bytes()).await;
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    let url = format!("wss://good.test:{}/", address.port());
    for (tls, is_good) in [
        (format!("ca_file: {ROOT}"), true),
        ("insecure_skip_verify: true".to_owned(), true),
        ("{}".to_owned(), false),
    ] {
        let tls = if tls == "{}" { tls } else { format!("{{{tls}}}") };
        let module =
            format!("{{prober: websocket, websocket: {{http_config: {{tls_config: {tls}}}}}}}");
        let names = Names::with(&[("good.test", &["127.0.0.1"])]);
        let outcome = probe_with(names, &module, &url, LONG).await;
        assert_eq!(outcome.is_success, is_good, "{tls} {}", outcome.log);
    }
}

#[tokio::test]
async fn silence_and_floods_end_the_probe() {
    let expect = "{prober: websocket, websocket: {query_response: [{expect: never}]}}";
    for piece in
        [&b""[..], b"\x89\x00", b"\x01\x7f\0\0\0\0\0\x10\0\0", b"\x01\x7f\x7f\0\0\0\0\0\0\0"]
    {
        let server = Server::act(move |mut stream, head| async move {
            let _ = stream.write_all(upgrade(&head).as_bytes()).await;
            while stream.write_all(piece).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let url = server.url("/").replace("http", "ws");
        let outcome = probe(expect, &url, Duration::from_millis(300)).await;
        assert!(!outcome.is_success, "{}", outcome.log);
        assert!(outcome.elapsed < Duration::from_secs(10), "{:?}", outcome.elapsed);
    }
}
