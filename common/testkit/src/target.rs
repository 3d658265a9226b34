//! An HTTP server that answers what a script says, well or badly.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Bytes of a request's head; tests do not send more.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What is sent for one path.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status line's rest (`200 OK`), headers, and a body with its length.
    Page(&'static str, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes and nothing else, then the connection is closed.
    Raw(Vec<u8>),
    /// Declares a body of 1 MiB and sends a byte of it after each pause.
    Drip(Duration),
    /// A body that never ends.
    Endless,
    /// Nothing at all.
    Silence,
}

impl Answer {
    /// `200 OK` with a text.
    #[must_use]
    pub fn text(body: &str) -> Answer {
        Answer::Page("200 OK", Vec::new(), body.as_bytes().to_vec())
    }
}

/// A fake target; it ends with the value. Paths without an answer get 404.
#[derive(Debug)]
pub struct FakeTarget {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl FakeTarget {
    /// Starts on a free port. Must be called in a tokio runtime.
    pub async fn start(answers: impl IntoIterator<Item = (&'static str, Answer)>) -> FakeTarget {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|e| panic!("no free port: {e}"));
        let address = listener.local_addr().unwrap_or_else(|e| panic!("no address: {e}"));
        let answers: Arc<HashMap<&str, Answer>> = Arc::new(answers.into_iter().collect());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                open.spawn(converse(socket, Arc::clone(&answers), Arc::clone(&log)));
            }
        });
        FakeTarget { address, seen, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far, header names as they were sent.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FakeTarget {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers requests of one connection; an error of the socket ends it.
async fn converse(
    mut socket: TcpStream,
    answers: Arc<HashMap<&'static str, Answer>>,
    log: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if bytes.len() > HEAD_BYTES_MAX || socket.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes.drain(..end);
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let length: usize = length.unwrap_or(0);
        while bytes.len() < length {
            if socket.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let body = String::from_utf8_lossy(&bytes[..length]).into_owned();
        bytes.drain(..length);
        let path = head.split(' ').nth(1).unwrap_or("").to_owned();
        let path = path.split('?').next().unwrap_or("");
        log.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{head}{body}"));
        match answers.get(path) {
            Some(answer) => send(&mut socket, answer).await?,
            None => send(&mut socket, &Answer::Page("404 Not Found", vec![], vec![])).await?,
        }
        if matches!(answers.get(path), Some(Answer::Raw(_))) {
            return Ok(());
        }
    }
}

async fn send(socket: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    match answer {
        Answer::Page(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(body).await
        }
        Answer::Raw(bytes) => socket.write_all(bytes).await,
        Answer::Drip(pause) => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n").await?;
            loop {
                tokio::time::sleep(*pause).await;
                socket.write_all(b"#").await?;
            }
        }
        Answer::Endless => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
            loop {
                socket.write_all(&[b'#'; 4096]).await?;
            }
        }
        Answer::Silence => std::future::pending().await,
    }
}
