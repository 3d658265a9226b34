//! The client: one request after the other until there is an answer.

use std::sync::Arc;

use bytes::Bytes;
use common_config::{HttpClientConfig, TlsConfig};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST,
    HeaderValue, LOCATION, USER_AGENT,
};
use hyper::{HeaderMap, Method, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::error::Cause;
use crate::gzip::gunzip;
use crate::oauth2::Tokens;
use crate::pool::{Key, Pool, Sender};
use crate::proxy::{Proxies, Proxy};
use crate::tls::{self, Material};
use crate::url::Target;
use crate::{ClientOptions, Error, Head, Request, Response, Timings, auth, body, connect};

/// As in Go.
const REDIRECTS_MAX: usize = 10;

type HttpRequest = hyper::Request<Full<Bytes>>;
type HttpResponse = hyper::Response<Incoming>;

/// Sends requests as a configuration says. Clones share connections and tokens.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    config: HttpClientConfig,
    options: ClientOptions,
    proxies: Proxies,
    tokens: Option<Tokens>,
    pool: Pool,
    tls: Mutex<Option<(Material, Arc<rustls::ClientConfig>)>>,
}

/// One way to a server, of possibly several in a chain of redirects.
struct Step {
    method: Method,
    target: Target,
    headers: HeaderMap,
    body: Bytes,
    /// Whether this server is the one that the credentials are for.
    is_trusted: bool,
}

impl Client {
    /// A client; files of the TLS configuration must be there and fit.
    pub fn new(config: &HttpClientConfig, options: ClientOptions) -> Result<Client, Error> {
        let proxies = Proxies::new(&config.proxy, &options.proxy_env).map_err(Error::bare)?;
        let tokens = match &config.oauth2 {
            Some(oauth2) => Some(Tokens::new(oauth2, &options)?),
            None => None,
        };
        let pool = Pool::new(options.idle_per_host_max, options.idle_deadline);
        let config = config.clone();
        let inner = Inner { config, options, proxies, tokens, pool, tls: Mutex::new(None) };
        // Without such keys nothing can be wrong, and a system without roots still speaks http.
        if inner.config.tls_config != TlsConfig::default() {
            inner.tls_config().map_err(Error::bare)?;
        }
        Ok(Client(Arc::new(inner)))
    }

    /// Sends a request and collects the answer.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let bytes_max = request.body_bytes_max;
        let mut body = Vec::new();
        let head = self.send_into(request, &mut body).await?;
        if head.is_gzip {
            let packed = std::mem::take(&mut body);
            let end = gunzip(&packed, bytes_max, &mut body).map_err(Error::bare)?;
            body.truncate(end);
        }
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body: body.into(),
            final_url: head.final_url,
            timings: head.timings,
        })
    }

    /// Sends a request and appends the body of the answer, as it comes, to `out`, which the caller
    /// clears and reuses: [`gunzip`] is for those that are packed. After an error `out` holds what
    /// came before it.
    pub async fn send_into(&self, request: Request, out: &mut Vec<u8>) -> Result<Head, Error> {
        let (method, url) = (request.method.clone(), request.url.clone());
        let deadline = request.deadline;
        let limits = (request.body_bytes_max, request.encoded_bytes_max);
        let mut timings = Timings::default();
        let sent = timeout_at(deadline, self.0.follow(request, &mut timings)).await;
        let (response, target, sender) = sent
            .unwrap_or(Err(Cause::Deadline))
            .map_err(|cause| Error::request(&method, &url, cause))?;
        let began = Instant::now();
        let (parts, incoming) = response.into_parts();
        let is_gzip = parts.headers.get(CONTENT_ENCODING).is_some_and(|value| value == "gzip");
        let bytes_max = if is_gzip { limits.1 } else { limits.0.min(limits.1) };
        let reading = body::read(incoming, bytes_max, out);
        let read = timeout_at(deadline, reading).await.unwrap_or(Err(Cause::Deadline));
        read.map_err(Error::bare)?;
        timings.transfer = began.elapsed();
        self.0.pool.give(self.0.key(&target), sender);
        let final_url = target.text;
        Ok(Head { status: parts.status, headers: parts.headers, final_url, timings, is_gzip })
    }
}

impl Inner {
    /// Follows redirects until there is another answer.
    async fn follow(
        &self,
        request: Request,
        timings: &mut Timings,
    ) -> Result<(HttpResponse, Target, Sender), Cause> {
        let target = Target::parse(&request.url)?;
        let (method, headers, body) = (request.method, request.headers, request.body);
        let mut step = Step { method, target, headers, body, is_trusted: true };
        for _ in 0..=REDIRECTS_MAX {
            *timings = Timings::default();
            let (response, sender) = self.exchange(&step, request.deadline, timings).await?;
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let (true, true, Some(location)) =
                (self.config.follow_redirects, is_redirect, location)
            else {
                return Ok((response, step.target, sender));
            };
            let next = step.target.join(location)?;
            step.redirect(next, response.status());
        }
        Err(Cause::Redirects(REDIRECTS_MAX))
    }

    /// One request and its answer. A kept connection may have been closed by the server in the
    /// meantime; the request is then sent again over a new one, if it cannot have been acted on.
    async fn exchange(
        &self,
        step: &Step,
        deadline: Instant,
        timings: &mut Timings,
    ) -> Result<(HttpResponse, Sender), Cause> {
        let headers = self.headers(step, deadline).await?;
        let key = self.key(&step.target);
        while let Some(mut sender) = self.pool.take(&key) {
            let began = Instant::now();
            let request = self.http_request(step, &headers, &sender)?;
            match transmit(&mut sender, request).await {
                Ok(response) => {
                    timings.processing = began.elapsed();
                    return Ok((response, sender));
                }
                Err((_, true)) => {}
                Err((cause, false)) if !is_idempotent(&step.method) => return Err(cause),
                Err((Cause::Eof, false)) => {}
                Err((cause, false)) => return Err(cause),
            }
        }
        let mut sender = self.open(&step.target, timings).await?;
        let began = Instant::now();
        let request = self.http_request(step, &headers, &sender)?;
        let response = transmit(&mut sender, request).await.map_err(|(cause, _)| cause)?;
        timings.processing = began.elapsed();
        Ok((response, sender))
    }

    async fn open(&self, target: &Target, timings: &mut Timings) -> Result<Sender, Cause> {
        let tls = target.is_https.then(|| self.tls_config()).transpose()?;
        let proxy = self.proxies.of(target);
        let server_name = self.config.tls_config.server_name.as_deref().filter(|n| !n.is_empty());
        let attempt = self.options.dials.attempt();
        let connected = connect::connect(target, proxy, tls, server_name, timings).await;
        let (connected, established) = match connected {
            Ok(connected) => (connected, attempt.established()),
            Err(cause) => {
                attempt.failed(&cause);
                return Err(cause);
            }
        };
        let io = TokioIo::new(connected.stream);
        let failed = |e: hyper::Error| Cause::Protocol(e.to_string());
        if connected.is_h2 {
            let handshake = http2::handshake(TokioExecutor::new(), io).await;
            let (sender, connection) = handshake.map_err(failed)?;
            tokio::spawn(async move {
                let _established = established;
                connection.await
            });
            return Ok(Sender::H2(sender));
        }
        let mut builder = http1::Builder::new();
        builder.max_buf_size(self.options.read_buffer_bytes_max.max(8192));
        let (sender, connection) = builder.handshake(io).await.map_err(failed)?;
        tokio::spawn(async move {
            let _established = established;
            connection.await
        });
        Ok(Sender::H1(sender))
    }

    fn key(&self, target: &Target) -> Key {
        Key {
            is_https: target.is_https,
            host: target.host.clone(),
            port: target.port,
            is_proxied: self.proxies.of(target).is_some(),
        }
    }

    /// The TLS configuration, built anew when one of its files has changed.
    fn tls_config(&self) -> Result<Arc<rustls::ClientConfig>, Cause> {
        let material = Material::read(&self.config.tls_config)?;
        let mut kept = self.tls.lock();
        if let Some((_, config)) = kept.as_ref().filter(|(known, _)| *known == material) {
            return Ok(Arc::clone(config));
        }
        let config = tls::build(&self.config.tls_config, &material, self.config.enable_http2)?;
        let config = Arc::new(config);
        *kept = Some((material, Arc::clone(&config)));
        Ok(config)
    }

    /// All headers but `Host`.
    async fn headers(&self, step: &Step, deadline: Instant) -> Result<HeaderMap, Cause> {
        let mut headers = HeaderMap::new();
        if step.is_trusted {
            let from_url =
                step.target.user.as_ref().map(|(user, password)| auth::basic(user, password));
            let header = match (&self.tokens, auth::authorization(&self.config)?) {
                (Some(tokens), _) => Some(tokens.header(deadline).await?),
                (None, Some(header)) => Some(header),
                (None, None) => from_url.transpose()?,
            };
            if let Some(header) = header {
                headers.insert(AUTHORIZATION, header);
            }
            auth::add_headers(&self.config, &mut headers)?;
        }
        if let Ok(agent) = HeaderValue::from_str(&self.options.user_agent) {
            headers.insert(USER_AGENT, agent);
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        for name in step.headers.keys() {
            headers.remove(name);
        }
        for (name, value) in &step.headers {
            headers.append(name.clone(), value.clone());
        }
        Ok(headers)
    }

    fn http_request(
        &self,
        step: &Step,
        headers: &HeaderMap,
        sender: &Sender,
    ) -> Result<HttpRequest, Cause> {
        let target = &step.target;
        let proxy = self.proxies.of(target).filter(|_| !target.is_https);
        let uri = match (sender, proxy) {
            (Sender::H1(_), None) => target.path().parse::<Uri>(),
            (Sender::H1(_), Some(_)) => {
                format!("http://{}{}", target.authority(), target.path()).parse()
            }
            (Sender::H2(_), _) => {
                format!("https://{}{}", target.authority(), target.path()).parse()
            }
        };
        let uri = uri.map_err(|e| Cause::Url(e.to_string()))?;
        let mut request = hyper::Request::new(Full::new(step.body.clone()));
        *request.method_mut() = step.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers.clone();
        if matches!(sender, Sender::H1(_)) && !headers.contains_key(HOST) {
            let host = HeaderValue::from_str(target.authority());
            let host = host.map_err(|e| Cause::Url(e.to_string()))?;
            request.headers_mut().insert(HOST, host);
        }
        if let Some(proxy) = proxy {
            add_proxy_headers(proxy, request.headers_mut())?;
        }
        Ok(request)
    }
}

fn add_proxy_headers(proxy: &Proxy, headers: &mut HeaderMap) -> Result<(), Cause> {
    for (name, value) in &proxy.headers {
        // Other headers of the configuration are for CONNECT only.
        if name.eq_ignore_ascii_case("proxy-authorization") {
            headers.insert(hyper::header::PROXY_AUTHORIZATION, auth::secret(value)?);
        }
    }
    Ok(())
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// Sends; an error comes with whether the request was certainly not sent.
async fn transmit(
    sender: &mut Sender,
    request: HttpRequest,
) -> Result<HttpResponse, (Cause, bool)> {
    let sent = match sender {
        Sender::H1(sender) => sender.try_send_request(request).await,
        Sender::H2(sender) => sender.try_send_request(request).await,
    };
    sent.map_err(|mut error: TrySendError<HttpRequest>| {
        let is_unsent = error.take_message().is_some();
        (send_error(error.error()), is_unsent)
    })
}

fn send_error(error: &hyper::Error) -> Cause {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Cause::Eof;
    }
    if error.is_parse_too_large() {
        return Cause::Protocol("net/http: server response headers exceeded limit".to_owned());
    }
    if error.is_parse() {
        return Cause::Protocol(format!("net/http: malformed HTTP response: {error}"));
    }
    let source = std::error::Error::source(error);
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) => Cause::Protocol(format!("read: {}", crate::error::go_cause(io))),
        None => Cause::Protocol(error.to_string()),
    }
}

impl Step {
    /// Turns the step into the one that a redirect asks for.
    fn redirect(&mut self, next: Target, status: StatusCode) {
        if !self.target.trusts(&next) {
            self.is_trusted = false;
            for name in [AUTHORIZATION, COOKIE] {
                self.headers.remove(name);
            }
        }
        let keeps_method = matches!(status.as_u16(), 307 | 308);
        if !keeps_method && !matches!(self.method, Method::GET | Method::HEAD) {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
            self.headers.remove(CONTENT_LENGTH);
            self.headers.remove(CONTENT_ENCODING);
        }
        self.target = next;
    }
}
