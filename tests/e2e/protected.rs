//! Who is let in: the web configuration file of every command, and requests that other sites forge.

use common_testkit::{Answer, FakeTarget, Tree};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::child::{HEARTH, Program, config};

/// User `ann` with the password `secret`; the cost is the least that bcrypt knows.
const USERS: &str =
    "basic_auth_users: {ann: '$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'}\n";
/// `ann:secret` in base 64.
const ANN: &str = "Authorization: Basic YW5uOnNlY3JldA==";

const COMMANDS: &[&[&str]] =
    &[&["run", "--storage.tsdb.path=data"], &["server", "--storage.tsdb.path=data"], &["node"]];

/// The status and the headers of an answer to a request with these headers.
async fn ask(program: &Program, method: &str, path: &str, headers: &[&str]) -> (u16, String) {
    let mut socket = TcpStream::connect(program.api.address()).await.unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let host = program.api.address();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let head = answer.split("\r\n\r\n").next().unwrap_or("").to_lowercase();
    (status.unwrap_or_else(|| panic!("{path}: {answer}")), head)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_lets_in_only_those_whom_its_web_configuration_names() {
    for command in COMMANDS {
        let tree = Tree::with(&[("web.yml", USERS), ("prometheus.yml", "")]);
        let mut args = command.to_vec();
        args.push("--web.config.file=web.yml");
        let program = Program::start(HEARTH, &args, tree.path()).await;
        assert_eq!(ask(&program, "GET", "/metrics", &[]).await.0, 401, "{command:?}");
        assert_eq!(ask(&program, "GET", "/metrics", &[ANN]).await.0, 200, "{command:?}");
        tree.write("web.yml", "");
        assert_eq!(ask(&program, "GET", "/metrics", &[]).await.0, 200, "{command:?}");
        tree.write("web.yml", USERS);
        assert_eq!(ask(&program, "GET", "/metrics", &[]).await.0, 401, "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_starts_with_a_broken_web_configuration() {
    for command in COMMANDS {
        let tree = Tree::with(&[("web.yml", "nonsense: 1"), ("prometheus.yml", "")]);
        let mut args = command.to_vec();
        args.push("--web.config.file=web.yml");
        let program = Program::launch(HEARTH.as_ref(), &args, tree.path());
        let log = program.log_file();
        assert_eq!(program.ended().await.code(), Some(1), "{command:?}");
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains("web.yml:1:1: field nonsense not found"), "{command:?}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_may_ask_but_change_nothing() {
    let target = FakeTarget::start([("/metrics", Answer::metrics("x 1\n"))]).await;
    let tree = Tree::new();
    let job = crate::support::child::job("t", &target.address().to_string(), "/metrics");
    let minute = std::time::Duration::from_secs(60);
    tree.write("prometheus.yml", config(minute, &[job]));
    let program = Program::hearth(&["server", "--web.enable-lifecycle"], tree.path()).await;
    let own = format!("Origin: http://{}", program.api.address());
    let check = async |path: &str, headers: &[&str], expected: u16| {
        let (status, head) = ask(&program, "POST", path, headers).await;
        assert_eq!(status, expected, "{path} {headers:?}");
        assert!(head.contains("\r\nx-content-type-options: nosniff"), "{path}: {head}");
        assert!(head.contains("\r\nx-frame-options: deny"), "{path}: {head}");
    };
    check("/-/reload", &["Origin: http://elsewhere.example"], 403).await;
    check("/-/reload", &["Sec-Fetch-Site: cross-site"], 403).await;
    check("/-/reload", &[&own], 200).await;
    check("/-/reload", &[], 200).await;
    check("/api/v1/query?query=1", &["Origin: http://elsewhere.example"], 200).await;
}
