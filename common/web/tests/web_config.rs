//! The web configuration file: what is refused at the start, and what changes while we run.

use std::sync::Arc;

use common_client::{Client, ClientOptions, Request};
use common_config::{HttpClientConfig, Secret, TlsConfig};
use common_testkit::Tree;
use common_web::axum::Router;
use common_web::axum::routing::get;
use common_web::{WebConfigFile, WebOptions};

use crate::support::TestServer;

const CERT: &str = include_str!("fixtures/server.crt");
const KEY: &str = include_str!("fixtures/server.key");
const CLIENT_CA: &str = include_str!("fixtures/client-ca.crt");
const CLIENT_CERT: &str = include_str!("fixtures/client.crt");
const CLIENT_KEY: &str = include_str!("fixtures/client.key");

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: keys/server.key\n";

fn folder(config: &str) -> Tree {
    let files = [("server.crt", CERT), ("keys/server.key", KEY), ("clients.crt", CLIENT_CA)];
    let tree = Tree::with(&files);
    tree.write("web.yml", config);
    tree
}

fn serve(tree: &Tree) -> TestServer {
    let source = WebConfigFile::open(tree.join("web.yml")).unwrap();
    let router = Router::new().route("/", get(|| async { "hello" }));
    TestServer::start(router, WebOptions { protection: Some(source), ..WebOptions::default() })
}

/// Status and body, as someone who trusts the server's certificate, with a certificate or without.
async fn ask(server: &TestServer, with_certificate: bool) -> Result<(u16, String), String> {
    let own = |text: &str| with_certificate.then(|| text.to_owned());
    let config = HttpClientConfig {
        tls_config: TlsConfig {
            ca: Some(CERT.to_owned()),
            cert: own(CLIENT_CERT),
            key: own(CLIENT_KEY).map(Secret::new),
            ..TlsConfig::default()
        },
        ..HttpClientConfig::default()
    };
    let client = Client::new(&config, ClientOptions::default()).unwrap();
    let url = format!("https://{}/", server.address);
    let answer = client.send(Request::get(url)).await.map_err(|error| error.to_string())?;
    Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
}

fn hello() -> Result<(u16, String), String> {
    Ok((200, "hello".to_owned()))
}

#[test]
fn a_file_that_cannot_be_used_is_refused_at_the_start() {
    let check = |config: &str, wanted: &str| {
        let tree = folder(config);
        let error = WebConfigFile::open(tree.join("web.yml")).err().map(|e| e.to_string());
        let error = error.unwrap_or_else(|| panic!("accepted: {config}"));
        let error = error.replace(&tree.path().display().to_string(), "DIR");
        assert_eq!(error, wanted, "{config}");
    };
    let tls = |rest: &str| format!("{TLS}  {rest}\n");
    check("x: 1", "DIR/web.yml:1:1: field x not found in type web.Config");
    check(
        "tls_server_config: {cert_file: none.crt, key_file: keys/server.key}",
        "DIR/web.yml: open DIR/none.crt: no such file or directory",
    );
    check(
        "basic_auth_users: {ann: secret}",
        "DIR/web.yml: basic_auth_users: ann: crypto/bcrypt: Invalid hash: the hash format is \
         malformed; expected 60 ASCII bytes",
    );
    check(
        &tls("min_version: TLS10"),
        "DIR/web.yml: min_version: only TLS12 and TLS13 are supported",
    );
    check(
        &tls(
            "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
        ),
        "DIR/web.yml: unsupported cipher: TLS_RSA_WITH_AES_128_CBC_SHA (supported: those with ECDHE \
         and GCM or CHACHA20_POLY1305)",
    );
    check(
        &tls("curve_preferences: [CurveP521]"),
        "DIR/web.yml: unsupported curve: CurveP521 (supported: X25519, CurveP256, CurveP384)",
    );
    check(
        &tls("client_allowed_sans: [a]"),
        "DIR/web.yml: client_allowed_sans needs a client_auth_type",
    );
    check(
        &tls("max_version: TLS12\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]"),
        "DIR/web.yml: http2: TLSConfig.CipherSuites is missing an HTTP/2-required \
         AES_128_GCM_SHA256 cipher; add one or set http2 to false",
    );
    let missing = WebConfigFile::open("/nowhere/web.yml").err().unwrap().to_string();
    assert_eq!(missing, "open /nowhere/web.yml: no such file or directory");
    assert!(WebConfigFile::from_flag("").unwrap().is_none());
}

#[tokio::test]
async fn a_change_of_the_file_holds_for_the_next_request() {
    let tree = folder("");
    let server = serve(&tree);
    assert!(server.get("/").await.starts_with("HTTP/1.1 200"));

    tree.write("web.yml", "http_server_config: {headers: {X-Frame-Options: deny}}");
    assert!(server.get("/").await.contains("X-Frame-Options: deny\r\n"));

    let hash = bcrypt::hash("secret", 4).unwrap();
    tree.write("web.yml", format!("basic_auth_users: {{ann: {hash}}}"));
    assert!(server.get("/").await.starts_with("HTTP/1.1 401"));

    tree.write("web.yml", "nonsense: true");
    assert_eq!(server.get("/").await, "", "nobody knows whether to encrypt");

    tree.write("web.yml", TLS);
    assert_eq!(ask(&server, false).await, hello());
    assert!(server.get("/").await.starts_with("HTTP/1.0 400"));

    std::fs::remove_file(tree.join("keys/server.key")).unwrap();
    assert!(ask(&server, false).await.is_err());
    tree.write("keys/server.key", KEY);
    assert_eq!(ask(&server, false).await, hello());

    std::fs::remove_file(tree.join("web.yml")).unwrap();
    assert!(ask(&server, false).await.is_err());
}

#[tokio::test]
async fn an_open_connection_gets_500_once_the_file_is_broken() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let tree = folder("");
    let server = serve(&tree);
    let mut socket = server.connect().await;
    let mut status = async || {
        socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = [0; 4096];
        let len = socket.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[9..len.min(12)]).into_owned()
    };
    assert_eq!(status().await, "200");
    tree.write("web.yml", "nonsense: true");
    assert_eq!(status().await, "500");
    tree.write("web.yml", "");
    assert_eq!(status().await, "200");
}

#[tokio::test]
async fn clients_are_let_in_by_the_names_in_their_certificates() {
    let policy = "  client_ca_file: clients.crt\n  client_auth_type: RequireAndVerifyClientCert\n";
    let check = async |allowed: &str, is_let_in: bool| {
        let tree = folder(&format!("{TLS}{policy}{allowed}"));
        let server = serve(&tree);
        assert_eq!(ask(&server, true).await.is_ok(), is_let_in, "{allowed}");
        assert!(ask(&server, false).await.is_err(), "{allowed}");
    };
    check("", true).await;
    check("  client_allowed_sans: [scraper.example]\n", true).await;
    check("  client_allowed_sans: [other, 10.1.2.3]\n", true).await;
    check("  client_allowed_sans: ['spiffe://a/b']\n", true).await;
    check("  client_allowed_sans: [other.example, scraper]\n", false).await;

    let any = "  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [other]\n";
    let tree = folder(&format!("{TLS}{any}"));
    assert!(ask(&serve(&tree), true).await.is_err());
}

#[test]
fn what_is_spoken_is_told() {
    let check = |config: &str, expected: (bool, bool)| {
        let tree = folder(config);
        let file: Arc<WebConfigFile> = WebConfigFile::open(tree.join("web.yml")).unwrap();
        assert_eq!(file.speaks(), expected, "{config}");
    };
    check("", (false, false));
    check(TLS, (true, true));
    check(&format!("{TLS}http_server_config: {{http2: false}}"), (true, false));
}
