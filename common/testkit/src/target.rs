//! An HTTP server that answers what a script says, well or badly.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// `200 OK` with a text in the Prometheus format, made anew for each request from the number of
    /// requests so far for this path, 1 for the first.
    Each(fn(u64) -> String),
    /// `200 OK`, headers, and pieces of a body without a length until there is none.
    Pieces(Vec<(&'static str, String)>, fn(u64) -> Option<Vec<u8>>),
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

    /// `200 OK` with metrics in the text format.
    #[must_use]
    pub fn metrics(body: impl Into<Vec<u8>>) -> Answer {
        Answer::Page("200 OK", vec![metrics_type()], body.into())
    }

    /// Pieces of metrics in the text format.
    #[must_use]
    pub fn pieces(piece: fn(u64) -> Option<Vec<u8>>) -> Answer {
        Answer::Pieces(vec![metrics_type()], piece)
    }
}

/// The header of metrics in the text format.
fn metrics_type() -> (&'static str, String) {
    ("Content-Type", "text/plain; version=0.0.4".to_owned())
}

/// What conversations share.
#[derive(Debug, Default)]
struct Script {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<HashMap<String, u64>>,
    seen: Mutex<Vec<String>>,
}

/// A fake target; it ends with the value. Paths without an answer get 404.
#[derive(Debug)]
pub struct FakeTarget {
    address: SocketAddr,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

impl FakeTarget {
    /// Starts on a free port. Must be called in a tokio runtime.
    pub async fn start(answers: impl IntoIterator<Item = (&'static str, Answer)>) -> FakeTarget {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|e| panic!("no free port: {e}"));
        let address = listener.local_addr().unwrap_or_else(|e| panic!("no address: {e}"));
        let answers = answers.into_iter().map(|(path, answer)| (path.to_owned(), answer));
        let script =
            Arc::new(Script { answers: Mutex::new(answers.collect()), ..Script::default() });
        let shared = Arc::clone(&script);
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                open.spawn(converse(socket, Arc::clone(&shared)));
            }
        });
        FakeTarget { address, script, task }
    }

    /// Answers otherwise from now on.
    pub fn set(&self, path: &str, answer: Answer) {
        lock(&self.script.answers).insert(path.to_owned(), answer);
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
        lock(&self.script.seen).clone()
    }
}

impl Drop for FakeTarget {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A test that panics while it holds the lock has failed anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers requests of one connection; an error of the socket ends it.
async fn converse(mut socket: TcpStream, script: Arc<Script>) -> std::io::Result<()> {
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
        let path = path.split('?').next().unwrap_or("").to_owned();
        lock(&script.seen).push(format!("{head}{body}"));
        let answer = lock(&script.answers).get(&path).cloned();
        let answer = answer.unwrap_or(Answer::Page("404 Not Found", vec![], vec![]));
        let count = {
            let mut asked = lock(&script.asked);
            let count = asked.entry(path).or_default();
            *count += 1;
            *count
        };
        send(&mut socket, &answer, count).await?;
        if matches!(answer, Answer::Raw(_) | Answer::Pieces(..)) {
            return socket.shutdown().await;
        }
    }
}

async fn send(socket: &mut TcpStream, answer: &Answer, count: u64) -> std::io::Result<()> {
    match answer {
        Answer::Page(status, headers, body) => {
            let length = body.len();
            let start = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n");
            socket.write_all(head(start, headers).as_bytes()).await?;
            socket.write_all(body).await
        }
        Answer::Each(body) => {
            let body = body(count);
            let start = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
            socket.write_all(head(start, &[metrics_type()]).as_bytes()).await?;
            socket.write_all(body.as_bytes()).await
        }
        Answer::Pieces(headers, piece) => {
            let start = "HTTP/1.1 200 OK\r\nConnection: close\r\n".to_owned();
            socket.write_all(head(start, headers).as_bytes()).await?;
            for bytes in (0..).map_while(piece) {
                socket.write_all(&bytes).await?;
            }
            Ok(())
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

fn head(mut start: String, headers: &[(&'static str, String)]) -> String {
    for (name, value) in headers {
        start.push_str(&format!("{name}: {value}\r\n"));
    }
    start.push_str("\r\n");
    start
}
