//! The http prober: what is measured of an answer, and what makes a probe fail.

use std::time::Duration;

use crate::support::{LONG, Server, answer, probe, value};

/// Probes a server that gives one answer; the series that must have these values.
async fn check(module: &str, bytes: &[u8], is_good: bool, expected: &[(&str, f64)]) {
    let bytes = bytes.to_vec();
    let server = Server::start(move |_| bytes.clone()).await;
    let outcome = probe(module, &server.url("/"), LONG).await;
    assert_eq!(outcome.is_success, is_good, "{module}\n{}", outcome.log);
    for (series, wanted) in expected {
        assert_eq!(value(&outcome, series), Some(*wanted), "{module} {series}\n{}", outcome.log);
    }
}

#[tokio::test]
async fn an_answer_is_measured_and_judged() {
    let ok = answer("200 OK", "", "all is well");
    let lengths =
        [("probe_http_content_length", 11.0), ("probe_http_uncompressed_body_length", 11.0)];
    check("{prober: http}", &ok, true, &lengths).await;
    check("{prober: http}", &ok, true, &[("probe_success", 1.0), ("probe_http_version", 1.1)])
        .await;
    let status = [("probe_http_status_code", 404.0), ("probe_success", 0.0)];
    check("{prober: http}", &answer("404 No", "", ""), false, &status).await;
    let only_404 = "{prober: http, http: {valid_status_codes: [404]}}";
    check(only_404, &answer("404 No", "", ""), true, &[]).await;
    check(only_404, &ok, false, &[]).await;
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    check("{prober: http}", chunked, true, &[("probe_http_content_length", -1.0)]).await;
    let torn = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc";
    check("{prober: http}", torn, false, &[("probe_http_uncompressed_body_length", 3.0)]).await;
    check("{prober: http}", b"SSH-2.0-x\r\n", false, &[("probe_http_status_code", 0.0)]).await;
    check("{prober: http}", b"", false, &[("probe_http_status_code", 0.0)]).await;
}

#[tokio::test]
async fn patterns_and_expressions_are_looked_for() {
    let page =
        answer("200 OK", "Server: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n", "{\"n\": 2}");
    let http = |keys: &str| format!("{{prober: http, http: {{{keys}}}}}");
    for (keys, is_good, series, wanted) in [
        ("fail_if_body_matches_regexp: ['n.: 2']", false, "probe_failed_due_to_regex", 1.0),
        ("fail_if_body_matches_regexp: ['n.: 3']", true, "probe_failed_due_to_regex", 0.0),
        ("fail_if_body_not_matches_regexp: ['n', x]", false, "probe_failed_due_to_regex", 1.0),
        ("fail_if_body_json_matches_cel: body.n > 1.5", false, "probe_failed_due_to_cel", 1.0),
        ("fail_if_body_json_not_matches_cel: body.n == 2.0", true, "probe_failed_due_to_cel", 0.0),
        ("fail_if_body_json_not_matches_cel: body.m == 2.0", false, "probe_failed_due_to_cel", 1.0),
        (
            "fail_if_header_matches: [{header: server, regexp: x}]",
            false,
            "probe_failed_due_to_regex",
            1.0,
        ),
        (
            "fail_if_header_not_matches: [{header: set-cookie, regexp: b}]",
            true,
            "probe_success",
            1.0,
        ),
        (
            "fail_if_header_not_matches: [{header: x-none, regexp: b}]",
            false,
            "probe_failed_due_to_regex",
            1.0,
        ),
        (
            "fail_if_header_matches: [{header: x-none, regexp: b, allow_missing: true}]",
            true,
            "probe_success",
            1.0,
        ),
        ("fail_if_not_ssl: true", false, "probe_http_ssl", 0.0),
        ("valid_http_versions: [HTTP/2.0]", false, "probe_http_version", 1.1),
        ("body_size_limit: 4B", false, "probe_http_uncompressed_body_length", 4.0),
        ("compression: gzip", false, "probe_http_uncompressed_body_length", 0.0),
        ("compression: zstd", false, "probe_success", 0.0),
    ] {
        check(&http(keys), &page, is_good, &[(series, wanted)]).await;
    }
}

#[tokio::test]
async fn redirects_are_followed_with_their_cookies_and_methods() {
    let server = Server::start(|head| match head.split(' ').nth(1).unwrap_or("") {
        "/a" => answer("302 Found", "Location: b\r\nSet-Cookie: k=v\r\n", ""),
        "/b" => answer("307 Again", "Location: /c?x=1\r\n", ""),
        "/c?x=1" => answer("200 OK", "", "done"),
        _ => answer("404 No", "", ""),
    })
    .await;
    let module = "{prober: http, http: {method: POST, body: abc, headers: {X-Key: k}}}";
    let outcome = probe(module, &server.url("/a"), LONG).await;
    assert!(outcome.is_success, "{}", outcome.log);
    assert_eq!(value(&outcome, "probe_http_redirects"), Some(2.0));
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].starts_with("POST /a ") && !asked[0].contains("Cookie"), "{asked:?}");
    assert!(asked[1].starts_with("GET /b ") && asked[1].contains("Cookie: k=v"), "{asked:?}");
    assert!(asked[2].starts_with("GET /c?x=1 ") && asked[2].contains("X-Key: k"), "{asked:?}");
    assert!(asked[1].contains(&format!("Referer: {}", server.url("/a"))), "{asked:?}");
}

#[tokio::test]
async fn a_silent_server_costs_the_time_of_the_module_and_says_so() {
    let server = Server::act(|stream, _| async move {
        tokio::time::sleep(LONG).await;
        drop(stream);
    })
    .await;
    let module = "{prober: http, hearth: {failure_info: true}}";
    let outcome = probe(module, &server.url("/"), Duration::from_millis(200)).await;
    assert!(!outcome.is_success);
    assert!(outcome.elapsed < Duration::from_secs(5), "{:?}", outcome.elapsed);
    let why = "probe_failure_info{phase=\"exchange\",reason=\"timeout\"}";
    assert_eq!(value(&outcome, why), Some(1.0), "{}", outcome.log);
    assert!(value(&outcome, "probe_http_duration_seconds{phase=\"connect\"}") > Some(0.0));
}

#[tokio::test]
async fn a_failure_has_a_phase_and_a_reason() {
    async fn check(target: &str, phase: &str, reason: &str) {
        let module = "{prober: http, hearth: {failure_info: true}}";
        let outcome = probe(module, target, LONG).await;
        let series = format!("probe_failure_info{{phase=\"{phase}\",reason=\"{reason}\"}}");
        assert_eq!(value(&outcome, &series), Some(1.0), "{target}: {}", outcome.log);
    }
    let server = Server::start(|_| answer("500 No", "", "")).await;
    check(&server.url("/"), "validate", "status").await;
    check("http://h:bad/", "target", "bad_url").await;
    check("http://nowhere.test/", "resolve", "no_address").await;
    check("http://169.254.169.254/", "target", "not_allowed").await;
    let port = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        closed.local_addr().unwrap().port()
    };
    check(&format!("http://127.0.0.1:{port}/"), "connect", "refused").await;
    check(&server.url("/").replace("http", "https"), "tls", "not_tls").await;
}
