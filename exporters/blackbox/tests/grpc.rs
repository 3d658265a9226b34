//! The grpc prober: what a server says of its health, and everything that is no such answer.

use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, server};
use hyper::{HeaderMap, Response};
use rustls::version::TLS13;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::tls::{ROOT, accept};
use crate::support::{LONG, Names, listen, probe, probe_with, value};

const PLAIN: &str = "{prober: grpc, grpc: {}}";

/// What a server does with a call.
#[derive(Clone, Copy)]
enum Act {
    /// This message and trailer.
    Say(&'static [u8], &'static str),
    /// Only the status of HTTP and the kind.
    Head(u16, &'static str),
    Reset(Reason),
    /// A message and nothing behind it.
    NoTrailers,
    Nothing,
}

async fn serve<S>(stream: S, act: Act)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let Ok(mut connection) = server::handshake(stream).await else { return };
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
        assert_eq!(request.headers()["te"], "trailers");
        let head = |status: u16, kind: &str| {
            Response::builder().status(status).header("content-type", kind).body(()).unwrap()
        };
        match act {
            Act::Say(message, status) => {
                let mut body = answer.send_response(head(200, "application/grpc"), false).unwrap();
                body.send_data(Bytes::from_static(message), false).unwrap();
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", status.parse().unwrap());
                body.send_trailers(trailers).unwrap();
            }
            Act::Head(status, kind) => drop(answer.send_response(head(status, kind), true)),
            Act::Reset(reason) => answer.send_reset(reason),
            Act::NoTrailers => {
                let mut body = answer.send_response(head(200, "application/grpc"), false).unwrap();
                body.send_data(Bytes::from_static(b"\0\0\0\0\x02\x08\x01"), true).unwrap();
            }
            Act::Nothing => std::future::pending().await,
        }
    }
}

async fn check(act: Act, is_good: bool, code: f64, serving: &str) {
    let address = listen(move |stream| serve(stream, act)).await;
    let outcome = probe(PLAIN, &address.to_string(), LONG).await;
    assert_eq!(outcome.is_success, is_good, "{}", outcome.log);
    assert_eq!(value(&outcome, "probe_grpc_status_code"), Some(code), "{}", outcome.log);
    for name in ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] {
        let series = format!("probe_grpc_healthcheck_response{{serving_status=\"{name}\"}}");
        let wanted = f64::from(u8::from(name == serving));
        assert_eq!(value(&outcome, &series), Some(wanted), "{name} {}", outcome.log);
    }
}

#[tokio::test]
async fn the_answer_of_a_server_is_its_health() {
    check(Act::Say(b"\0\0\0\0\x02\x08\x01", "0"), true, 0.0, "SERVING").await;
    check(Act::Say(b"\0\0\0\0\x02\x08\x02", "0"), false, 0.0, "NOT_SERVING").await;
    check(Act::Say(b"\0\0\0\0\0", "0"), false, 0.0, "UNKNOWN").await;
    check(Act::Say(b"\0\0\0\0\x02\x08\x01", "5"), false, 5.0, "").await;
}

#[tokio::test]
async fn what_is_no_answer_has_a_code() {
    check(Act::Head(404, "text/html"), false, 12.0, "").await;
    check(Act::Head(503, "application/grpc"), false, 14.0, "").await;
    check(Act::Head(200, "text/html"), false, 2.0, "").await;
    check(Act::Reset(Reason::REFUSED_STREAM), false, 14.0, "").await;
    check(Act::Reset(Reason::CANCEL), false, 1.0, "").await;
    check(Act::NoTrailers, false, 13.0, "").await;
    check(Act::Say(b"\x01\0\0\0\0", "0"), false, 13.0, "").await;
    check(Act::Say(b"\0\xff\xff\xff\xff", "0"), false, 8.0, "").await;
}

#[tokio::test]
async fn silence_and_other_protocols_end_the_probe() {
    let short = Duration::from_millis(300);
    let check = |code: f64, outcome: exporters_blackbox::probe::Outcome| {
        assert!(!outcome.is_success);
        assert_eq!(value(&outcome, "probe_grpc_status_code"), Some(code), "{}", outcome.log);
        assert!(outcome.elapsed < Duration::from_secs(10), "{:?}", outcome.elapsed);
    };
    let silent = listen(|stream| serve(stream, Act::Nothing)).await;
    check(4.0, probe(PLAIN, &silent.to_string(), short).await);
    let other = listen(|mut stream: TcpStream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    check(14.0, probe(PLAIN, &other.to_string(), LONG).await);
    let hasty = listen(|stream: TcpStream| async move { drop(stream) }).await;
    check(14.0, probe(PLAIN, &hasty.to_string(), LONG).await);
}

#[tokio::test]
async fn within_tls_the_certificate_is_told_of() {
    let server = |alpn: &'static [&'static str]| {
        listen(move |stream| async move {
            let Some(stream) = accept(stream, &[&TLS13], alpn).await else { return };
            serve(stream, Act::Say(b"\0\0\0\0\x02\x08\x01", "0")).await;
        })
    };
    let (good, plain) = (server(&["h2"]).await, server(&[]).await);
    let module = format!("{{prober: grpc, grpc: {{tls: true, tls_config: {{ca_file: {ROOT}}}}}}}");
    let names = || Names::with(&[("good.test", &["127.0.0.1"])]);
    let target = |port: u16| format!("good.test:{port}");
    let outcome = probe_with(names(), &module, &target(good.port()), LONG).await;
    assert!(outcome.is_success, "{}", outcome.log);
    assert_eq!(value(&outcome, "probe_grpc_ssl"), Some(1.0));
    assert_eq!(value(&outcome, "probe_tls_version_info{version=\"TLS 1.3\"}"), Some(1.0));
    assert!(value(&outcome, "probe_ssl_earliest_cert_expiry").is_some());
    let outcome = probe_with(names(), &module, &target(plain.port()), LONG).await;
    assert!(outcome.log.contains("missing selected ALPN"), "{}", outcome.log);
    assert_eq!(value(&outcome, "probe_grpc_ssl"), Some(0.0));
    let unknown = "{prober: grpc, grpc: {tls: true}}";
    let outcome = probe_with(names(), unknown, &target(good.port()), LONG).await;
    assert_eq!(value(&outcome, "probe_grpc_status_code"), Some(14.0), "{}", outcome.log);
    assert!(value(&outcome, "probe_ssl_earliest_cert_expiry").is_none());
}
