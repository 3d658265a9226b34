//! The processes of a supervisord, asked by XML-RPC over http or a Unix socket.

mod xmlrpc;

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common_client::{Client, ClientOptions, Method, Request, StatusCode, header};
use common_config::HttpClientConfig;
use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use self::xmlrpc::Value;
use super::Entry;
use crate::Error;
use crate::executor::Executor;
use crate::settings::{Flag, flag};

pub(super) const ENTRY: Entry = Entry {
    name: "supervisord",
    about: "State of the processes of a supervisord. Deprecated.",
    on_by_default: false,
    may_block: true,
    flags: &[URL],
    build: |context| {
        let supervisord = Supervisord::new(context.settings().text(&URL))?;
        super::warn_deprecated("supervisord");
        Ok(Box::new(supervisord))
    },
};

const URL: Flag =
    flag::text("collector.supervisord.url", "XML RPC endpoint.", "http://localhost:9001/RPC2")
        .env("SUPERVISORD_URL");

const STATE: Family = Family::gauge("node_supervisord_state", "Process State");
const EXIT: Family = Family::gauge("node_supervisord_exit_status", "Process Exit Status");
const UP: Family = Family::gauge("node_supervisord_up", "Process Up");
const START: Family = Family::counter("node_supervisord_start_time_seconds", "Process start time");

/// How long supervisord may take; less than the scrape waits for it.
const TIMEOUT: Duration = Duration::from_millis(4500);
/// Longest answer; a process takes less than 2 KiB of it.
const ANSWER_BYTES_MAX: usize = 16 << 20;

const CALL: &str = "<?xml version=\"1.0\"?><methodCall>\
    <methodName>supervisor.getAllProcessInfo</methodName><params></params></methodCall>";

/// States in which there is a process: STARTING, RUNNING, STOPPING.
/// supervisord.org/subprocess.html#process-states
const RUNNING: [i64; 3] = [10, 20, 40];

struct Supervisord {
    url: String,
    way: Way,
}

enum Way {
    Unix(PathBuf),
    Http(Box<Client>, Mutex<Option<Executor>>),
}

impl Supervisord {
    fn new(url: &str) -> Result<Supervisord, Error> {
        let way = match url.strip_prefix("unix:") {
            Some(rest) => Way::Unix(unix_path(rest).into()),
            None => {
                let client = Client::new(&HttpClientConfig::default(), ClientOptions::default());
                let client = client.map_err(|error| Error::Value {
                    flag: URL.name,
                    expected: "a URL that can be asked",
                    found: error.to_string(),
                })?;
                Way::Http(Box::new(client), Mutex::new(None))
            }
        };
        Ok(Supervisord { url: url.to_owned(), way })
    }

    fn ask(&self) -> Result<Vec<u8>, String> {
        match &self.way {
            Way::Unix(path) => ask_unix(path).map_err(|error| error.to_string()),
            Way::Http(client, executor) => {
                let mut executor = executor.lock();
                let executor = match &mut *executor {
                    Some(executor) => executor,
                    empty => empty.insert(Executor::new().map_err(|error| error.to_string())?),
                };
                executor.block_on(ask_http(client, &self.url)).map_err(|error| error.to_string())?
            }
        }
    }
}

/// The path of `unix://HOST/PATH` or `unix:/PATH`; there is no host.
fn unix_path(rest: &str) -> &str {
    match rest.strip_prefix("//") {
        Some(with_host) => with_host.find('/').map_or("", |at| &with_host[at..]),
        None => rest,
    }
}

async fn ask_http(client: &Client, url: &str) -> Result<Vec<u8>, String> {
    let mut request = Request::new(Method::POST, url).timeout(TIMEOUT);
    request.headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/xml"));
    request.body = CALL.as_bytes().into();
    request.body_bytes_max = ANSWER_BYTES_MAX;
    request.encoded_bytes_max = ANSWER_BYTES_MAX;
    let response = client.send(request).await.map_err(|error| error.to_string())?;
    if response.status != StatusCode::OK {
        return Err(format!("server returned HTTP status {}", response.status));
    }
    Ok(response.body.into())
}

/// HTTP/1.0, whose answers end with the connection.
fn ask_unix(path: &Path) -> io::Result<Vec<u8>> {
    let mut socket = UnixStream::connect(path)?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    let length = CALL.len();
    let request = format!(
        "POST /RPC2 HTTP/1.0\r\nHost: unix\r\nContent-Type: text/xml\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{CALL}"
    );
    socket.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    socket.take(ANSWER_BYTES_MAX as u64 + 1).read_to_end(&mut answer)?;
    body(answer)
}

/// The body of a whole HTTP answer.
fn body(mut answer: Vec<u8>) -> io::Result<Vec<u8>> {
    const END: &[u8] = b"\r\n\r\n";
    let end = answer.windows(END.len()).position(|window| window == END);
    let end = end.ok_or_else(|| io::Error::other("no HTTP response"))?;
    let line = answer[..end].split(|&byte| byte == b'\r').next().unwrap_or_default();
    let status = line.splitn(3, |&byte| byte == b' ').nth(1).unwrap_or_default();
    if !line.starts_with(b"HTTP/1.") || status != b"200" {
        return Err(io::Error::other(format!("server returned {:?}", crate::parse::text(line))));
    }
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(io::Error::other(format!("more than {ANSWER_BYTES_MAX} bytes")));
    }
    answer.drain(..end + END.len());
    Ok(answer)
}

/// Pushes one process.
fn push(process: &Value, samples: &mut Samples) -> Result<(), String> {
    let text = |name| process.member(name).and_then(Value::text).unwrap_or_default();
    let number = |name: &str| match process.member(name) {
        None => Ok(0),
        Some(value) => value.integer().ok_or_else(|| format!("{name}: expected an integer")),
    };
    let labels = [("name", text("name")), ("group", text("group"))];
    let state = number("state")?;
    let is_up = RUNNING.contains(&state);
    samples.push(&STATE, &labels, state as f64);
    samples.push(&EXIT, &labels, number("exitstatus")? as f64);
    samples.push(&UP, &labels, f64::from(u8::from(is_up)));
    if is_up {
        samples.push(&START, &labels, number("start")? as f64);
    }
    Ok(())
}

impl Collector for Supervisord {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let failed = |problem: String| {
            CollectError::Failed(format!("unable to call supervisord: {}: {problem}", self.url))
        };
        let answer = self.ask().map_err(failed)?;
        let Value::Array(processes) = xmlrpc::parse(&answer).map_err(failed)? else {
            return Err(failed("expected an array of processes".to_owned()));
        };
        processes.iter().try_for_each(|process| push(process, samples)).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_url_may_name_a_host_that_does_not_count() {
        fn check(url: &str, expected: &str) {
            let Way::Unix(path) = Supervisord::new(url).unwrap().way else { panic!("{url}") };
            assert_eq!(path, Path::new(expected));
        }
        check("unix:///run/supervisor.sock", "/run/supervisor.sock");
        check("unix://localhost/run/supervisor.sock", "/run/supervisor.sock");
        check("unix:/run/supervisor.sock", "/run/supervisor.sock");
        check("unix://", "");
    }

    #[test]
    fn only_success_has_a_body() {
        fn check(answer: &str, expected: Result<&str, &str>) {
            let found = body(answer.as_bytes().to_vec());
            let found = found.map(|body| String::from_utf8(body).unwrap());
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
        }
        check("HTTP/1.0 200 OK\r\nA: b\r\n\r\nx", Ok("x"));
        check("HTTP/1.1 200 OK\r\n\r\n", Ok(""));
        check(
            "HTTP/1.0 401 Unauthorized\r\n\r\nx",
            Err("server returned \"HTTP/1.0 401 Unauthorized\""),
        );
        check("HTTP/1.0 200 OK\r\n", Err("no HTTP response"));
        check("", Err("no HTTP response"));
    }
}
