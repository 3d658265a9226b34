//! One call over a connection of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, client};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, TE, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Version};
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

use super::message::{self, ANSWER_BYTES_MAX};
use super::status::{self, DEADLINE_EXCEEDED, INTERNAL, OK, UNAVAILABLE, UNKNOWN};
use crate::probe::failure::Failed;
use crate::probe::http::AGENT;
use crate::probe::stream::Stream;
use crate::probe::tcp::connect;
use crate::probe::tls::{Session, TlsClient};
use crate::probe::{Phase, ProbeContext};

/// The method of every health check.
const PATH: &str = "/grpc.health.v1.Health/Check";

/// Bytes of the headers and trailers of an answer.
const HEAD_BYTES_MAX: u32 = 256 << 10;

/// Headers that belong to the protocol and not to a module.
const RESERVED: [&str; 8] = [
    "content-type",
    "user-agent",
    "grpc-message-type",
    "grpc-encoding",
    "grpc-message",
    "grpc-status",
    "grpc-timeout",
    "te",
];

/// Whom to ask what.
pub(super) struct Call<'a> {
    pub(super) address: SocketAddr,
    pub(super) authority: String,
    pub(super) tls: Option<&'a TlsClient>,
    /// What the certificate must be for.
    pub(super) server_name: &'a str,
    pub(super) service: &'a str,
    pub(super) metadata: &'a BTreeMap<String, Vec<String>>,
}

/// What came of it.
pub(super) struct Reply {
    /// The status of the service.
    pub(super) outcome: Result<u64, Problem>,
    pub(super) session: Option<Session>,
}

/// A call that failed.
pub(super) struct Problem {
    /// gRPC's.
    pub(super) code: u32,
    pub(super) failed: Failed,
}

impl Problem {
    fn new(code: u32, reason: &'static str, text: impl Into<String>) -> Problem {
        Problem { code, failed: Failed::new(Phase::Exchange, reason, text) }
    }

    fn late() -> Problem {
        Problem::new(DEADLINE_EXCEEDED, "timeout", "context deadline exceeded")
    }

    /// In the words of gRPC for Go.
    pub(super) fn text(&self) -> String {
        let name = status::name(self.code);
        format!("rpc error: code = {name} desc = {}", self.failed.text)
    }
}

impl From<h2::Error> for Problem {
    fn from(error: h2::Error) -> Problem {
        match error.reason().filter(|_| error.is_reset() && error.is_remote()) {
            Some(reason) => {
                let text = format!("stream terminated by RST_STREAM with error code: {reason:?}");
                Problem::new(status::of_reset(reason), "reset", text)
            }
            // The connection is gone, or what came over it is not HTTP/2.
            None => {
                let reason = if error.is_io() { "closed" } else { "not_grpc" };
                Problem::new(UNAVAILABLE, reason, format!("connection error: desc = \"{error}\""))
            }
        }
    }
}

/// The task that moves the bytes; it ends with the call.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Call<'_> {
    /// Connects and asks, within the deadline of the probe.
    pub(super) async fn make(&self, context: &ProbeContext) -> Reply {
        let mut session = None;
        let outcome = self.attempt(context, &mut session).await;
        Reply { outcome, session }
    }

    async fn attempt(
        &self,
        context: &ProbeContext,
        session: &mut Option<Session>,
    ) -> Result<u64, Problem> {
        let request =
            self.request(context.deadline.saturating_duration_since(tokio::time::Instant::now()))?;
        let stream = self.open(context, session).await.map_err(|failed| Problem {
            code: if failed.is_late() { DEADLINE_EXCEEDED } else { UNAVAILABLE },
            failed,
        })?;
        let asking = self.ask(stream, request);
        timeout_at(context.deadline, asking).await.unwrap_or_else(|_| Err(Problem::late()))
    }

    async fn open(
        &self,
        context: &ProbeContext,
        session: &mut Option<Session>,
    ) -> Result<Box<dyn Stream>, Failed> {
        let stream = connect(context, self.address, None).await?;
        let Some(tls) = self.tls else { return Ok(Box::new(stream)) };
        let shaking = tls.handshake(stream, self.server_name);
        let shaken = timeout_at(context.deadline, shaking).await;
        let (stream, shown) = shaken.map_err(|_| Failed::late(Phase::Tls))?.map_err(Failed::tls)?;
        if shown.alpn.as_deref() != Some(b"h2") {
            let text = "credentials: cannot check peer: missing selected ALPN property";
            return Err(Failed::new(Phase::Tls, "no_alpn", text));
        }
        *session = Some(shown);
        Ok(Box::new(stream))
    }

    async fn ask(&self, stream: Box<dyn Stream>, request: Request<()>) -> Result<u64, Problem> {
        let question = message::question(self.service)
            .ok_or_else(|| Problem::new(INTERNAL, "bad_request", "service name too long"))?;
        let mut builder = client::Builder::new();
        builder.max_header_list_size(HEAD_BYTES_MAX).enable_push(false);
        let (sender, driver) = builder.handshake::<_, Bytes>(stream).await?;
        // Why it ended is told by the call itself.
        let _connection = Connection(tokio::spawn(async move { drop(driver.await) }));
        let mut sender = sender.ready().await?;
        let (answering, mut body) = sender.send_request(request, false)?;
        // A server that is done already need not hear the question.
        let _ = body.send_data(question.into(), true);
        read(answering).await
    }

    fn request(&self, left: Duration) -> Result<Request<()>, Problem> {
        let bad = |text: String| Problem::new(INTERNAL, "bad_request", text);
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let authority = match self.authority.contains(':') && self.tls.is_some() {
            true => format!("[{}]", self.authority),
            false => self.authority.clone(),
        };
        let uri = format!("{scheme}://{authority}{PATH}");
        let mut request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(uri)
            .body(())
            .map_err(|error| bad(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        let left = HeaderValue::from_str(&format!("{}u", left.as_micros().min(99_999_999)));
        headers.extend(left.map(|left| (HeaderName::from_static("grpc-timeout"), left)));
        for (name, values) in self.metadata {
            add(headers, name, values).map_err(bad)?;
        }
        Ok(request)
    }
}

/// Adds one key of the metadata, if it is for us to set; names are lower case in HTTP/2.
fn add(headers: &mut HeaderMap, name: &str, values: &[String]) -> Result<(), String> {
    if name.starts_with(':') || RESERVED.contains(&name) {
        return Ok(());
    }
    let is_fit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    let key = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| name.bytes().all(is_fit));
    let illegal = "contains illegal characters not in [0-9a-z-_.]";
    let key = key.ok_or_else(|| format!("header key {name:?} {illegal}"))?;
    for value in values {
        let is_binary = name.ends_with("-bin");
        let text = if is_binary { BASE64_STANDARD_NO_PAD.encode(value) } else { value.to_owned() };
        let is_printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
        let unfit =
            || format!("header key {name:?} contains value with non-printable ASCII characters");
        let mut value =
            HeaderValue::from_str(&text).ok().filter(|_| is_printable).ok_or_else(unfit)?;
        // Tokens are sent this way.
        value.set_sensitive(true);
        headers.append(key.clone(), value);
    }
    Ok(())
}

async fn read(answering: ResponseFuture) -> Result<u64, Problem> {
    let (head, mut body) = answering.await?.into_parts();
    let kind = head.headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
    let http = head.status.as_u16();
    if http != 200 || !kind.is_some_and(is_grpc) {
        let mut texts = Vec::new();
        if http != 200 {
            texts
                .push(format!("unexpected HTTP status code received from server: {}", head.status));
        }
        match kind {
            None => texts.push("malformed header: missing HTTP content-type".to_owned()),
            Some(kind) if !is_grpc(kind) => {
                texts.push(format!("transport: received unexpected content-type {kind:?}"));
            }
            Some(_) => {}
        }
        return Err(Problem::new(status::of_http(http), "not_grpc", texts.join("; ")));
    }
    if body.is_end_stream() {
        // No answer, only how it ended.
        end(&head.headers)?;
        return message::answer(&[]).map_err(refused);
    }
    let bytes = collect(&mut body).await?;
    match body.trailers().await? {
        Some(trailers) => end(&trailers)?,
        None => {
            let text = "server closed the stream without sending trailers";
            return Err(Problem::new(INTERNAL, "bad_message", text));
        }
    }
    message::answer(&bytes).map_err(refused)
}

fn refused((code, text): (u32, String)) -> Problem {
    Problem::new(code, "bad_message", text)
}

fn is_grpc(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let rest = kind.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

async fn collect(body: &mut RecvStream) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        // The window of the connection opens only for what was taken.
        body.flow_control().release_capacity(chunk.len())?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > 2 * ANSWER_BYTES_MAX {
            return message::answer(&bytes).map(|_| bytes).map_err(refused);
        }
    }
    Ok(bytes)
}

/// How a call ended, by its trailers.
fn end(trailers: &HeaderMap) -> Result<(), Problem> {
    let Some(code) = trailers.get("grpc-status") else {
        return Err(Problem::new(UNKNOWN, "bad_message", ""));
    };
    let code: Option<u32> = code.to_str().ok().and_then(|code| code.parse().ok());
    let Some(code) = code else {
        return Err(Problem::new(UNKNOWN, "bad_message", "transport: malformed grpc-status"));
    };
    if code == OK {
        return Ok(());
    }
    let text = trailers.get("grpc-message").map(|text| status::message(text.as_bytes()));
    Err(Problem::new(code, "status", text.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_must_be_fit_for_headers() {
        let check = |name: &str, value: &str, expected: Result<Option<&str>, ()>| {
            let mut headers = HeaderMap::new();
            let added = add(&mut headers, name, &[value.to_owned()]).map_err(drop);
            let found = headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(added.map(|()| found), expected, "{name}: {value}");
        };
        check("authorization", "Bearer x", Ok(Some("Bearer x")));
        check("k-bin", "\u{1}\u{2}", Ok(Some("AQI")));
        check("te", "gzip", Ok(None));
        check(":authority", "evil", Ok(None));
        check("Authorization", "x", Err(()));
        check("a b", "x", Err(()));
        check("a", "x\ny", Err(()));
        check("a", "\u{e4}", Err(()));
    }

    #[test]
    fn only_kinds_of_grpc_are_read() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("Application/gRPC;charset=utf-8", true),
            ("application/grpcx", false),
            ("text/html", false),
        ] {
            assert_eq!(is_grpc(kind), expected, "{kind}");
        }
    }
}
