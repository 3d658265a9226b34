//! HTTP/2, and which versions of TLS lead to it.

use bytes::Bytes;
use h2::server;
use hyper::Response;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use crate::support::tls::{ROOT, accept};
use crate::support::{LONG, Names, listen, probe_with, value};

/// A server that speaks these versions of TLS, and HTTP/2 where the client offers it.
async fn server(versions: Vec<&'static SupportedProtocolVersion>) -> u16 {
    let serve = move |stream| {
        let versions = versions.clone();
        async move {
            let Some(stream) = accept(stream, &versions, &["h2"]).await else { return };
            if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                return;
            }
            let Ok(mut connection) = server::handshake(stream).await else { return };
            while let Some(Ok((request, mut answer))) = connection.accept().await {
                let is_moved = request.uri().path() == "/moved";
                let host = request.uri().authority().unwrap().as_str();
                let told = format!("{host} {:?}", request.headers().get("x-key"));
                let head = Response::builder().status(if is_moved { 302 } else { 200 });
                let head = head.header("location", "/").header("last-modified", "x").body(());
                let mut body = answer.send_response(head.unwrap(), false).unwrap();
                body.send_data(Bytes::from(told), true).unwrap();
            }
        }
    };
    listen(serve).await.port()
}

/// Probes `https://good.test` with these keys of the http section; the series that must have these
/// values.
async fn check(port: u16, path: &str, keys: &str, is_good: bool, expected: &[(&str, f64)]) {
    let module = format!("{{prober: http, http: {{{keys}}}}}");
    let names = Names::with(&[("good.test", &["127.0.0.1"])]);
    let url = format!("https://good.test:{port}{path}");
    let outcome = probe_with(names, &module, &url, LONG).await;
    assert_eq!(outcome.is_success, is_good, "{keys}\n{}", outcome.log);
    for (series, wanted) in expected {
        assert_eq!(value(&outcome, series), Some(*wanted), "{keys} {series}\n{}", outcome.log);
    }
}

#[tokio::test]
async fn http2_is_spoken_where_both_sides_want_it() {
    let port = server(vec![&TLS12, &TLS13]).await;
    let ca = format!("tls_config: {{ca_file: {ROOT}}}");
    let two = [("probe_http_version", 2.0), ("probe_http_status_code", 200.0)];
    check(port, "/", &ca, true, &two).await;
    check(port, "/", &ca, true, &[("probe_http_content_length", -1.0)]).await;
    check(port, "/moved", &ca, true, &[("probe_http_redirects", 1.0)]).await;
    check(port, "/", &format!("{ca}, valid_http_versions: [HTTP/2.0]"), true, &two).await;
    check(port, "/", &format!("{ca}, valid_http_versions: [HTTP/1.1]"), false, &two).await;
    // Without a name the certificate would have to be that of the header's host.
    let ca = format!("tls_config: {{ca_file: {ROOT}, server_name: good.test}}");
    let told = format!("{ca}, headers: {{X-Key: k, Host: a.test}}");
    let seen = format!("{told}, fail_if_body_not_matches_regexp: ['^a.test .*k']");
    check(port, "/", &seen, true, &[]).await;
    // Without the offer the server says nothing.
    check(port, "/", &format!("{ca}, enable_http2: false"), false, &[]).await;
}

#[tokio::test]
async fn the_version_of_tls_is_chosen_within_bounds() {
    let (old, new) = (server(vec![&TLS12]).await, server(vec![&TLS13]).await);
    let told = |version: &str| format!("probe_tls_version_info{{version=\"TLS {version}\"}}");
    let keys = |rest: &str| format!("tls_config: {{ca_file: {ROOT}{rest}}}");
    check(old, "/", &keys(""), true, &[(&told("1.2"), 1.0)]).await;
    check(new, "/", &keys(""), true, &[(&told("1.3"), 1.0)]).await;
    check(new, "/", &keys(", max_version: TLS12"), false, &[("probe_http_ssl", 0.0)]).await;
    check(old, "/", &keys(", min_version: TLS13"), false, &[("probe_http_ssl", 0.0)]).await;
    check(old, "/", &keys(", min_version: TLS10"), true, &[(&told("1.2"), 1.0)]).await;
    check(new, "/", &keys(", server_name: other.test"), false, &[]).await;
    check(new, "/", "tls_config: {}", false, &[("probe_http_status_code", 0.0)]).await;
    check(new, "/", "tls_config: {insecure_skip_verify: true}", true, &[]).await;
}
