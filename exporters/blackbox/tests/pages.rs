//! The program itself: no page shows a secret of its modules.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Server, answer};

/// Every key that can hold a secret, in modules of all probers.
const SECRETS: &str = "modules:
  basic:
    prober: http
    http:
      basic_auth: {username: user, password: hunter2-a}
      http_headers: {X-Token: {secrets: [hunter2-c]}}
  bearer:
    prober: http
    http: {authorization: {credentials: hunter2-d}}
  token:
    prober: http
    http: {bearer_token: hunter2-e}
  oauth:
    prober: http
    http:
      oauth2: {client_id: me, client_secret: hunter2-f, token_url: 'http://127.0.0.1:1/'}
  socket:
    prober: websocket
    websocket:
      http_config: {basic_auth: {username: user, password: hunter2-g}}
      headers: {X-Token: {secrets: [hunter2-h]}}
";

/// The exporter; it ends with the test.
struct Exporter {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Exporter {
    fn start(config: &str) -> Exporter {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("blackbox.yml");
        std::fs::write(&file, config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(env!("CARGO_BIN_EXE_hearth-blackbox"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "nobody listens");
            std::thread::sleep(Duration::from_millis(20));
        }
        Exporter { child, port, _folder: folder }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_shows_a_secret() {
    let server = Server::start(|_| answer("200 OK", "", "")).await;
    let exporter = Exporter::start(SECRETS);
    let target = server.address;
    let mut pages = Vec::new();
    for module in ["basic", "bearer", "token", "oauth", "socket"] {
        let scheme = if module == "socket" { "ws" } else { "http" };
        let path = format!("/probe?module={module}&target={scheme}://{target}/&debug=true");
        pages.push(exporter.get(&path));
    }
    for (path, known) in [
        ("/config", "<secret>"),
        ("/logs?id=0", "<secret>"),
        ("/logs?id=4", "<secret>"),
        ("/", "Recent Probes"),
        ("/history", "<svg"),
        ("/metrics", "blackbox_exporter_build_info"),
    ] {
        let page = exporter.get(path);
        assert!(page.contains(known), "{path}: {page}");
        pages.push(page);
    }
    let asked = server.asked().concat();
    assert!(asked.contains("hunter2-c") && asked.contains("hunter2-d"), "{asked}");
    for page in pages {
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        assert!(!page.contains("hunter2"), "{page}");
    }
}
