//! Those who would use the exporter: nothing is given away, nothing grows, nothing hangs.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::support::{LONG, Names, Server, answer, probe, probe_with, value};

/// Credentials of every kind that a module can have beside OAuth 2.0.
const SECRETS: &str = "{prober: http, http: {method: POST, body: hunter2-body, \
    basic_auth: {username: user, password: hunter2}, headers: {X-Api-Key: hunter2-key}, \
    http_headers: {X-Token: {secrets: [hunter2-token]}}}}";

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let thief = Server::start(|_| answer("200 OK", "", "")).await;
    let to = thief.url("/x");
    let honest = Server::start(move |_| {
        answer("307 Away", &format!("Location: {to}\r\nSet-Cookie: own=hunter2\r\n"), "")
    })
    .await;
    let url = format!("http://honest.test:{}/", honest.address.port());
    let names = Names::with(&[("honest.test", &["127.0.0.1"])]);
    let outcome = probe_with(names, SECRETS, &url, LONG).await;
    assert!(outcome.is_success, "{}", outcome.log);
    let asked = honest.asked().concat();
    for secret in ["dXNlcjpodW50ZXIy", "hunter2-key", "hunter2-token"] {
        assert!(asked.contains(secret), "{secret} belongs to the target: {asked}");
    }
    let stolen = thief.asked().concat();
    assert!(stolen.starts_with("POST /x "), "{stolen}");
    for secret in ["hunter2", "dXNlcjpodW50ZXIy", "Cookie", "Authorization", "X-"] {
        assert!(!stolen.contains(secret), "{secret} was given away: {stolen}");
    }
}

#[tokio::test]
async fn a_target_outside_the_list_gets_nothing() {
    let thief = Server::start(|_| answer("200 OK", "", "")).await;
    let module = SECRETS.replacen('{', "{hearth: {allow_targets: [good.test]}, ", 1);
    let names = Names::with(&[("evil.test", &["127.0.0.1"])]);
    for host in ["evil.test", "127.0.0.1"] {
        let url = format!("http://{host}:{}/", thief.address.port());
        let outcome = probe_with(names.clone(), &module, &url, LONG).await;
        assert!(!outcome.is_success);
        assert!(outcome.log.contains("allow_targets"), "{}", outcome.log);
    }
    assert!(thief.asked().is_empty(), "{:?}", thief.asked());
}

#[tokio::test]
async fn redirects_to_forbidden_places_are_refused() {
    async fn check(location: &str, word: &str) {
        let header = format!("Location: {location}\r\n");
        let server = Server::start(move |_| answer("302 Found", &header, "")).await;
        let names = Names::with(&[("metadata.test", &["169.254.169.254"])]);
        let outcome = probe_with(names, "{prober: http}", &server.url("/"), LONG).await;
        assert!(!outcome.is_success, "{location}");
        assert!(outcome.log.contains(word), "{location}: {}", outcome.log);
        assert_eq!(value(&outcome, "probe_http_redirects"), Some(1.0), "{location}");
        assert!(outcome.elapsed < LONG, "{location}");
    }
    let guarded = "link-local and metadata addresses";
    check("http://169.254.169.254/latest/meta-data/", guarded).await;
    check("http://[::ffff:169.254.169.254]/", guarded).await;
    check("http://[fe80::1]/", guarded).await;
    check("http://metadata.test/", guarded).await;
    check("file:///etc/passwd", "unsupported protocol scheme").await;
    check("gopher://127.0.0.1:25/", "unsupported protocol scheme").await;
}

#[tokio::test]
async fn a_name_that_points_elsewhere_the_second_time_gains_nothing() {
    let server = Server::start(|head| match head.starts_with("GET /again") {
        true => answer("200 OK", "", ""),
        false => answer("302 Found", "Location: /again\r\n", ""),
    })
    .await;
    let names = Names::with(&[("rebind.test", &["127.0.0.1", "169.254.169.254"])]);
    let url = format!("http://rebind.test:{}/", server.address.port());
    let outcome = probe_with(names, "{prober: http}", &url, LONG).await;
    assert!(outcome.is_success, "the address stays for the probe: {}", outcome.log);
    assert_eq!(server.asked().len(), 2);
    let names = Names::with(&[("rebind.test", &["169.254.169.254", "127.0.0.1"])]);
    let outcome = probe_with(names, "{prober: http}", &url, LONG).await;
    assert!(!outcome.is_success && server.asked().len() == 2, "{}", outcome.log);
}

/// Runs a hostile server against a probe of 300 ms, which must not take much longer.
async fn endure(module: &str, head: &'static [u8], piece: Vec<u8>, pause: Duration) -> String {
    let server = Server::act(move |mut stream, _| {
        let piece = piece.clone();
        async move {
            let _ = stream.write_all(head).await;
            while stream.write_all(&piece).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        }
    })
    .await;
    let outcome = probe(module, &server.url("/"), Duration::from_millis(300)).await;
    assert!(!outcome.is_success, "{}", outcome.log);
    assert!(outcome.elapsed < Duration::from_secs(10), "{:?}", outcome.elapsed);
    assert!(outcome.log.len() < 20_000, "{} bytes of log", outcome.log.len());
    outcome.log
}

#[tokio::test]
async fn endless_and_dripping_answers_end_with_the_time_of_the_probe() {
    let (flood, drip) = (Duration::from_millis(1), Duration::from_millis(20));
    let body: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    let plain = "{prober: http}";
    let log = endure(plain, body, vec![b'x'; 64 << 10], flood).await;
    assert!(log.contains("deadline exceeded"), "{log}");
    endure(plain, body, b"x".to_vec(), drip).await;
    endure(plain, b"HTTP/1.1 200 OK\r\n", b"X".to_vec(), drip).await;
    let log = endure(plain, b"HTTP/1.1 200 OK\r\n", b"A: b\r\n".repeat(10_000), flood).await;
    assert!(!log.contains("deadline exceeded"), "too many headers end it at once: {log}");
    endure(plain, b"HTTP/1.1 200 OK\r\nX: ", vec![b'x'; 64 << 10], flood).await;
    let limited = "{prober: http, http: {body_size_limit: 1MB}}";
    let log = endure(limited, body, vec![b'x'; 64 << 10], flood).await;
    assert!(log.contains("request body too large"), "{log}");
    let matching = "{prober: http, http: {fail_if_body_matches_regexp: [y]}}";
    endure(matching, body, vec![b'x'; 64 << 10], flood).await;
}

#[tokio::test]
async fn a_bomb_is_counted_and_not_kept() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![0; 64 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bomb.len());
    let bytes = [head.into_bytes(), bomb].concat();
    let server = Server::start(move |_| bytes.clone()).await;
    let outcome = probe("{prober: http, http: {compression: gzip}}", &server.url("/"), LONG).await;
    assert!(outcome.is_success, "{}", outcome.log);
    assert_eq!(value(&outcome, "probe_http_uncompressed_body_length"), Some((64 << 20) as f64));
    let matching = "{prober: http, http: {compression: gzip, fail_if_body_matches_regexp: [x]}}";
    let outcome = probe(matching, &server.url("/"), LONG).await;
    assert!(!outcome.is_success && outcome.log.contains("to be matched"), "{}", outcome.log);
}

#[tokio::test]
async fn ten_megabytes_of_certificates_are_not_read() {
    let server = Server::act(|mut stream, _| async move {
        // Handshake records of 16 KiB, the first of which announces a message of 10 MB.
        let mut record = vec![22, 3, 3, 0x40, 0x00, 11, 0x98, 0x96, 0x80];
        record.resize(5 + 0x4000, 0);
        let mut more = vec![22, 3, 3, 0x40, 0x00];
        more.resize(5 + 0x4000, 0);
        let mut sent = stream.write_all(&record).await;
        for _ in 0..640 {
            sent = sent.and(stream.write_all(&more).await);
        }
    })
    .await;
    let url = server.url("/").replace("http", "https");
    let outcome = probe("{prober: http}", &url, LONG).await;
    assert!(!outcome.is_success, "{}", outcome.log);
    assert!(outcome.elapsed < Duration::from_secs(10), "{:?}", outcome.elapsed);
}

#[tokio::test]
async fn a_flood_of_banners_ends_with_the_probe() {
    let line = "{prober: tcp, tcp: {query_response: [{expect: never}]}}";
    let bytes = "{prober: tcp, tcp: {query_response: [{expect_bytes: never}]}}";
    for (module, piece) in [
        (line, b"220 hi\r\n".repeat(8 << 10)),
        (line, vec![b'x'; 64 << 10]),
        (bytes, vec![b'x'; 1]),
    ] {
        let address = crate::support::listen(move |mut stream| {
            let piece = piece.clone();
            async move { while stream.write_all(&piece).await.is_ok() {} }
        })
        .await;
        let outcome = probe(module, &address.to_string(), Duration::from_millis(500)).await;
        assert!(!outcome.is_success, "{}", outcome.log);
        assert!(outcome.elapsed < Duration::from_secs(10), "{:?}", outcome.elapsed);
        assert!(outcome.log.len() < 100_000, "{} bytes of log", outcome.log.len());
    }
}

#[tokio::test]
async fn a_redirect_of_a_list_leads_nowhere_else() {
    let thief = Server::start(|_| answer("200 OK", "", "")).await;
    let to = format!("http://evil.test:{}/", thief.address.port());
    let server =
        Server::start(move |_| answer("302 Found", &format!("Location: {to}\r\n"), "")).await;
    let names = Names::with(&[("good.test", &["127.0.0.1"]), ("evil.test", &["127.0.0.1"])]);
    let module = "{prober: http, hearth: {allow_targets: [good.test]}}";
    let url = format!("http://good.test:{}/", server.address.port());
    let outcome = probe_with(names, module, &url, LONG).await;
    assert!(!outcome.is_success && thief.asked().is_empty(), "{}", outcome.log);
    assert_eq!(value(&outcome, "probe_http_redirects"), Some(1.0));
}
