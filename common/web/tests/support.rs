//! A server on a free port, and a client that speaks raw bytes.

use std::net::SocketAddr;
use std::time::Duration;

use common_web::axum::Router;
use common_web::{Listener, WebOptions, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl TestServer {
    pub(crate) fn start(router: Router, options: WebOptions) -> TestServer {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ending) = oneshot::channel();
        let ending = async move { drop(ending.await) };
        let task = tokio::spawn(async move {
            serve(vec![listener], router, options, ending).await.unwrap();
        });
        TestServer { address, end: Some(end), task }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes over a new connection and gives all that comes until it is closed.
    pub(crate) async fn talk(&self, bytes: &str) -> String {
        let mut socket = self.connect().await;
        socket.write_all(bytes.as_bytes()).await.unwrap();
        rest(&mut socket).await
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.talk(&request("GET", path)).await
    }

    pub(crate) fn stop(&mut self) {
        drop(self.end.take());
    }

    pub(crate) async fn stopped(self) {
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// A request after which the server closes the connection.
pub(crate) fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

/// All that comes until the connection is closed or broken.
pub(crate) async fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
