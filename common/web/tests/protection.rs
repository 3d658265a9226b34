//! TLS, users, headers and the rate limit, asked by our own client.

use std::sync::Arc;
use std::time::Duration;

use common_client::{Client, ClientOptions, Request};
use common_config::{BasicAuth, HttpClientConfig, Secret, TlsConfig};
use common_web::axum::Router;
use common_web::axum::routing::get;
use common_web::{ClientAuth, Protection, TlsMaterial, WebOptions, server_tls};

use crate::support::TestServer;

// A certificate that is its own authority, as the exporters' guides make it.
const CERT: &str = include_str!("fixtures/server.crt");
const KEY: &str = include_str!("fixtures/server.key");
fn material() -> TlsMaterial {
    TlsMaterial {
        cert: CERT.to_owned(),
        key: KEY.to_owned(),
        versions: (true, true),
        http2: true,
        ..TlsMaterial::default()
    }
}

fn server(protection: Protection) -> TestServer {
    let router = Router::new().route("/", get(|| async { "hello" }));
    let options =
        WebOptions { protection: Some(Arc::new(Arc::new(protection))), ..WebOptions::default() };
    TestServer::start(router, options)
}

fn trusting(password: Option<&str>) -> HttpClientConfig {
    HttpClientConfig {
        tls_config: TlsConfig { ca: Some(CERT.to_owned()), ..TlsConfig::default() },
        basic_auth: password.map(|password| BasicAuth {
            username: "ann".to_owned(),
            password: Secret::new(password),
            ..BasicAuth::default()
        }),
        ..HttpClientConfig::default()
    }
}

async fn ask(config: &HttpClientConfig, url: String) -> Result<(u16, String), String> {
    let client = Client::new(config, ClientOptions::default()).unwrap();
    let answer = client.send(Request::get(url)).await.map_err(|e| e.to_string())?;
    Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_enough() {
    let tls = server_tls(&material()).unwrap();
    let server = server(Protection { tls: Some(Arc::new(tls)), ..Protection::default() });
    let port = server.address.port();
    let url = |host: &str| format!("https://{host}:{port}/");
    for h2 in [true, false] {
        let config = HttpClientConfig { enable_http2: h2, ..trusting(None) };
        assert_eq!(ask(&config, url("127.0.0.1")).await, Ok((200, "hello".to_owned())));
        assert_eq!(ask(&config, url("localhost")).await, Ok((200, "hello".to_owned())));
    }
    let mut wrong_name = trusting(None);
    wrong_name.tls_config.server_name = Some("other".to_owned());
    let refused = ask(&wrong_name, url("127.0.0.1")).await.unwrap_err();
    assert!(refused.contains("x509: certificate is not valid for other"), "{refused}");
    wrong_name.tls_config.insecure_skip_verify = true;
    assert!(ask(&wrong_name, url("127.0.0.1")).await.is_ok());

    let plain = server.get("/").await;
    assert!(plain.starts_with("HTTP/1.0 400"), "{plain}");
    assert!(plain.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{plain}");
}

#[tokio::test]
async fn users_are_asked_for_their_password() {
    let headers = vec![("x-frame-options".parse().unwrap(), "deny".parse().unwrap())];
    let users = vec![("ann".to_owned(), bcrypt::hash("secret", 4).unwrap())];
    let server = server(Protection { users, headers, ..Protection::default() });
    let url = format!("http://{}/", server.address);
    let right = ask(&trusting(Some("secret")), url.clone()).await;
    assert_eq!(right, Ok((200, "hello".to_owned())));
    let wrong = ask(&trusting(Some("Secret")), url).await;
    assert_eq!(wrong, Ok((401, "Unauthorized\n".to_owned())));
    let anonymous = server.get("/").await;
    assert!(anonymous.contains("Www-Authenticate: Basic\r\n"), "{anonymous}");
    assert!(anonymous.contains("X-Frame-Options: deny\r\n"), "{anonymous}");
}

#[tokio::test]
async fn requests_beyond_the_rate_are_refused() {
    let rate_limit = Some((Duration::from_secs(3600), 1));
    let server = server(Protection { rate_limit, ..Protection::default() });
    assert!(server.get("/").await.starts_with("HTTP/1.1 200"));
    assert!(server.get("/").await.starts_with("HTTP/1.1 429"));
}

#[tokio::test]
async fn clients_must_show_what_the_policy_says() {
    let policy = |client_auth, client_ca: Option<&str>| {
        let client_ca = client_ca.map(str::to_owned);
        server_tls(&TlsMaterial { client_auth, client_ca, ..material() }).map(drop)
    };
    let no_policy = "client CA's have been configured without a Client Auth Policy";
    assert_eq!(policy(ClientAuth::None, Some(CERT)), Err(no_policy.to_owned()));
    assert!(policy(ClientAuth::RequireAndVerify, None).is_err());

    let any = TlsMaterial { client_auth: ClientAuth::RequireAny, ..material() };
    let tls = Some(Arc::new(server_tls(&any).unwrap()));
    let server = server(Protection { tls, ..Protection::default() });
    let url = format!("https://{}/", server.address);
    assert!(ask(&trusting(None), url.clone()).await.is_err());
    let mut with_cert = trusting(None);
    with_cert.tls_config.cert = Some(CERT.to_owned());
    with_cert.tls_config.key = Some(Secret::new(KEY));
    assert_eq!(ask(&with_cert, url).await, Ok((200, "hello".to_owned())));
}

#[test]
fn unknown_names_in_the_configuration_are_told() {
    let check = |suites: &[&str], curves: &[&str], expected: Result<(), &str>| {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let material =
            TlsMaterial { cipher_suites: list(suites), curves: list(curves), ..material() };
        assert_eq!(server_tls(&material).map(drop), expected.map_err(str::to_owned));
    };
    check(&["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"], &["X25519", "CurveP256"], Ok(()));
    check(&["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"], &[], Ok(()));
    check(
        &["TLS_NOPE"],
        &[],
        Err(
            "unsupported cipher: TLS_NOPE (supported: those with ECDHE and GCM or CHACHA20_POLY1305)",
        ),
    );
    check(
        &[],
        &["CurveP1"],
        Err("unsupported curve: CurveP1 (supported: X25519, CurveP256, CurveP384)"),
    );
}
