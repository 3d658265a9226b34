//! Answers, redirects, limits and the words of failures.

use std::io::Write as _;
use std::time::Duration;

use common_client::{Cause, Client, ClientOptions, Request};
use common_config::{BasicAuth, HttpClientConfig, OAuth2, ProxyConfig, Secret, TlsConfig};
use common_testkit::{Answer, FakeTarget};

fn client(config: &HttpClientConfig) -> Client {
    Client::new(config, ClientOptions::default()).unwrap()
}

fn with_password() -> HttpClientConfig {
    let basic_auth =
        BasicAuth { username: "u".to_owned(), password: Secret::new("p"), ..BasicAuth::default() };
    HttpClientConfig { basic_auth: Some(basic_auth), ..HttpClientConfig::default() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn redirect(status: &'static str, to: String) -> Answer {
    Answer::Page(status, vec![("Location", to)], Vec::new())
}

async fn get(config: &HttpClientConfig, url: String) -> Result<String, String> {
    let sent = client(config).send(Request::get(url)).await;
    sent.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).map_err(|e| e.to_string())
}

#[tokio::test]
async fn connections_are_used_again() {
    let target = FakeTarget::start([("/a", Answer::text("hello"))]).await;
    let client = client(&HttpClientConfig::default());
    let mut buffer = Vec::new();
    let first = client.send_into(Request::get(target.url("/a")), &mut buffer).await.unwrap();
    assert!(first.timings.connect > Duration::ZERO);
    let second = client.send_into(Request::get(target.url("/a")), &mut buffer).await.unwrap();
    assert_eq!(second.timings.connect, Duration::ZERO);
    assert_eq!(buffer, b"hellohello");
    let head = &target.seen()[0];
    assert!(
        head.contains("accept-encoding: gzip") && head.contains("user-agent: Hearth/"),
        "{head}"
    );
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let closing = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let target = FakeTarget::start([("/a", Answer::Raw(closing))]).await;
    let client = client(&HttpClientConfig::default());
    for _ in 0..5 {
        let answer = client.send(Request::get(target.url("/a"))).await.unwrap();
        assert_eq!(answer.body, "ok");
    }
}

#[tokio::test]
async fn credentials_go_only_to_their_host() {
    let other = FakeTarget::start([("/b", Answer::text("other"))]).await;
    let target = FakeTarget::start([
        ("/same", redirect("302 Found", "/b".to_owned())),
        ("/b", Answer::text("same")),
        ("/away", redirect("302 Found", other.url("/b"))),
    ])
    .await;
    assert_eq!(get(&with_password(), target.url("/same")).await, Ok("same".to_owned()));
    assert_eq!(get(&with_password(), target.url("/away")).await, Ok("other".to_owned()));
    assert!(target.seen().iter().all(|head| head.contains("authorization: Basic dTpw")));
    assert!(!other.seen()[0].contains("authorization"), "{:?}", other.seen());
}

#[tokio::test]
async fn redirects_end() {
    let target = FakeTarget::start([
        ("/round", redirect("307 Temporary Redirect", "/round".to_owned())),
        ("/file", redirect("302 Found", "file:///etc/passwd".to_owned())),
    ])
    .await;
    let config = HttpClientConfig::default();
    let url = target.url("/round");
    let round = get(&config, url.clone()).await;
    assert_eq!(round, Err(format!("Get {url:?}: stopped after 10 redirects")));
    let file = get(&config, target.url("/file")).await.unwrap_err();
    assert!(file.ends_with("unsupported protocol scheme \"file\""), "{file}");
    let stays = HttpClientConfig { follow_redirects: false, ..config };
    let answer = client(&stays).send(Request::get(url)).await.unwrap();
    assert_eq!(answer.status.as_u16(), 307);
}

#[tokio::test]
async fn failures_read_as_they_do_in_go() {
    let target = FakeTarget::start([
        ("/silence", Answer::Silence),
        ("/drip", Answer::Drip(Duration::from_millis(5))),
        ("/nothing", Answer::Raw(Vec::new())),
        ("/torn", Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec())),
        ("/gzip", Answer::Page("200 OK", vec![("Content-Encoding", "gzip".into())], vec![7; 50])),
    ])
    .await;
    let client = client(&HttpClientConfig::default());
    let check = async |path: &str, expected: &str| {
        let url = if path.starts_with('/') { target.url(path) } else { path.to_owned() };
        let request = Request::get(url.clone()).timeout(Duration::from_millis(200));
        let error = client.send(request).await.unwrap_err().to_string();
        assert_eq!(error, expected.replace("URL", &format!("{url:?}")), "{path}");
    };
    check("/silence", "Get URL: context deadline exceeded").await;
    check("/drip", "context deadline exceeded").await;
    check("/nothing", "Get URL: EOF").await;
    check("/torn", "unexpected EOF").await;
    check("/gzip", "gzip: invalid header").await;
    let refused = "Get URL: dial tcp 127.0.0.1:1: connect: connection refused";
    check("http://127.0.0.1:1/metrics", refused).await;
}

#[tokio::test]
async fn bodies_are_limited_before_and_after_decompression() {
    let zeros = vec![0u8; 1 << 20];
    let encoding = vec![("Content-Encoding", "gzip".to_owned())];
    let target = FakeTarget::start([
        ("/endless", Answer::Endless),
        ("/bomb", Answer::Page("200 OK", encoding, gzip(&zeros))),
    ])
    .await;
    let client = client(&HttpClientConfig::default());
    let check = async |path: &str, decoded: usize, encoded: usize, fits: bool| {
        let mut request = Request::get(target.url(path));
        (request.body_bytes_max, request.encoded_bytes_max) = (decoded, encoded);
        let sent = client.send(request).await;
        match fits {
            true => assert_eq!(sent.unwrap().body.len(), 1 << 20),
            false => assert_eq!(sent.unwrap_err().cause, Cause::BodyTooLarge, "{path}"),
        }
    };
    check("/endless", 10_000, usize::MAX, false).await;
    check("/endless", usize::MAX, 10_000, false).await;
    check("/bomb", 1 << 20, 1 << 20, true).await;
    check("/bomb", (1 << 20) - 1, 1 << 20, false).await;
    check("/bomb", 1 << 20, 100, false).await;
}

#[tokio::test]
async fn a_token_is_asked_for_once() {
    let token =
        Answer::text("{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":99}");
    let target = FakeTarget::start([("/token", token), ("/a", Answer::text("hello"))]).await;
    let oauth2 = OAuth2 {
        client_id: "me".to_owned(),
        client_secret: Secret::new("s p"),
        client_secret_file: None,
        client_certificate_key_id: String::new(),
        client_certificate_key: Secret::default(),
        client_certificate_key_file: None,
        grant_type: String::new(),
        signature_algorithm: String::new(),
        iss: String::new(),
        audience: String::new(),
        claims: Default::default(),
        scopes: vec!["a".to_owned(), "b".to_owned()],
        token_url: target.url("/token"),
        endpoint_params: Default::default(),
        tls_config: TlsConfig::default(),
        proxy: ProxyConfig::default(),
    };
    let config = HttpClientConfig { oauth2: Some(oauth2), ..HttpClientConfig::default() };
    let client = client(&config);
    for _ in 0..2 {
        client.send(Request::get(target.url("/a"))).await.unwrap();
    }
    let seen = target.seen();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen[0].contains("authorization: Basic bWU6cytw"), "{}", seen[0]);
    assert!(seen[0].ends_with("grant_type=client_credentials&scope=a+b"), "{}", seen[0]);
    assert!(seen[2].contains("authorization: Bearer t\r\n"), "{}", seen[2]);
}

#[tokio::test]
async fn a_proxy_gets_the_whole_url() {
    let proxy = FakeTarget::start([("http://far.invalid/a", Answer::text("by proxy"))]).await;
    let config = HttpClientConfig {
        proxy: ProxyConfig {
            proxy_url: Some(format!("http://u:p@{}", proxy.address())),
            ..ProxyConfig::default()
        },
        ..HttpClientConfig::default()
    };
    let answer = get(&config, "http://far.invalid/a".to_owned()).await;
    assert_eq!(answer, Ok("by proxy".to_owned()));
    assert!(proxy.seen()[0].contains("proxy-authorization: Basic dTpw"), "{:?}", proxy.seen());
}
