//! One request over a connection of its own, and the head of its answer.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::connect::{Route, Way, open};
use crate::probe::failure::Failed;
use crate::probe::stream::Watched;
use crate::probe::tls::Session;
use crate::probe::{Phase, ProbeContext};

/// Headers of an answer.
const HEADERS_MAX: usize = 1000;

/// Bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 256 << 10;

/// What goes to the server.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// The `Host` header.
    pub(super) host: String,
    pub(super) body: Bytes,
    /// Whether the length of the body is not told beforehand, as the original does with files.
    pub(super) is_streamed: bool,
}

/// The body of a request, in one piece.
struct Payload {
    bytes: Option<Bytes>,
    is_streamed: bool,
}

impl Payload {
    fn of(order: &Order) -> Payload {
        let bytes = Some(order.body.clone()).filter(|bytes| !bytes.is_empty());
        Payload { bytes, is_streamed: order.is_streamed }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_streamed {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// The head of an answer; its connection lives as long as this.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    pub(super) session: Option<Session>,
    /// When its first byte came.
    pub(super) began: Instant,
    _connection: Connection,
}

/// The task that moves the bytes; it ends with the answer.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How long the parts of all requests took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phases {
    pub(super) resolve: Duration,
    pub(super) connect: Duration,
    pub(super) tls: Duration,
    pub(super) processing: Duration,
    pub(super) transfer: Duration,
}

/// Sends a request and waits for the head of its answer.
pub(super) async fn exchange(
    context: &ProbeContext,
    route: &Route<'_>,
    order: &Order,
    phases: &mut Phases,
) -> Result<Answer, Failed> {
    let way = open(context, route).await?;
    phases.connect += way.connect;
    phases.tls += way.tls;
    let request = request(route, order, way.is_h2)?;
    let (is_h2, session) = (way.is_h2, way.session.clone());
    let sent = Instant::now();
    let first_byte = Arc::new(OnceLock::new());
    let sending = send(way, request, Arc::clone(&first_byte));
    let outcome = timeout_at(context.deadline, sending).await;
    // Frames of HTTP/2 come unasked.
    let began = first_byte.get().copied().filter(|_| !is_h2);
    let answered = matches!(outcome, Ok(Ok(_)));
    let began = began.or_else(|| answered.then(Instant::now));
    if let Some(began) = began {
        phases.processing += began.saturating_duration_since(sent);
    }
    let (response, connection) = outcome.map_err(|_| Failed::late(Phase::Exchange))??;
    let began = began.unwrap_or(sent);
    Ok(Answer { response, session, began, _connection: connection })
}

async fn send(
    way: Way,
    request: Request<Payload>,
    first_byte: Arc<OnceLock<Instant>>,
) -> Result<(Response<Incoming>, Connection), Failed> {
    let io = TokioIo::new(Watched::new(way.stream, Arc::clone(&first_byte)));
    let failed = |error: hyper::Error| {
        let is_nothing = first_byte.get().is_none();
        let cause = std::error::Error::source(&error);
        let cause = cause.map_or_else(|| error.to_string(), ToString::to_string);
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            let text = if is_nothing { "EOF" } else { "unexpected EOF" };
            return Failed::new(Phase::Exchange, "closed", text);
        }
        if error.is_parse() {
            return Failed::new(Phase::Exchange, "not_http", format!("malformed HTTP: {error}"));
        }
        Failed::new(Phase::Exchange, "reset", cause)
    };
    if way.is_h2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX));
        let (mut sender, driver) = builder.handshake(io).await.map_err(failed)?;
        let driver = tokio::spawn(async move { drop(driver.await) });
        let connection = Connection(driver);
        let response = sender.send_request(request).await.map_err(failed)?;
        return Ok((response, connection));
    }
    let mut builder = http1::Builder::new();
    builder.title_case_headers(true).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let (mut sender, driver) = builder.handshake(io).await.map_err(failed)?;
    let driver = tokio::spawn(async move { drop(driver.await) });
    let connection = Connection(driver);
    let response = sender.send_request(request).await.map_err(failed)?;
    Ok((response, connection))
}

fn request(route: &Route<'_>, order: &Order, is_h2: bool) -> Result<Request<Payload>, Failed> {
    let bad = |problem: String| Failed::new(Phase::Target, "bad_request", problem);
    let target = route.target;
    let is_plain_proxied = route.proxy.is_some() && !target.is_https;
    let path = target.path();
    let uri = if is_h2 {
        format!("https://{}{path}", order.host)
    } else if is_plain_proxied {
        format!("http://{}{path}", route.authority)
    } else {
        path.to_owned()
    };
    let uri: Uri = uri.parse().map_err(|e| bad(format!("parse {uri:?}: {e}")))?;
    let mut headers = order.headers.clone();
    if !is_h2 {
        let host = HeaderValue::from_str(&order.host)
            .map_err(|_| bad("http: invalid Host header".to_owned()))?;
        headers.insert(HOST, host);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(proxy) = route.proxy.filter(|_| is_plain_proxied) {
            for (name, value) in &proxy.headers {
                let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                    headers.append(name, value);
                }
            }
        }
    }
    let mut request = Request::new(Payload::of(order));
    *request.method_mut() = order.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = if is_h2 { Version::HTTP_2 } else { Version::HTTP_11 };
    *request.headers_mut() = headers;
    Ok(request)
}
