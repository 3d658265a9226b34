//! From a host's name to an open connection: lookup, dial, proxy, TLS, each timed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::Timings;
use crate::error::{Cause, go_cause};
use crate::proxy::Proxy;
use crate::tls::handshake_error;
use crate::url::Target;

/// Bytes of a proxy's answer to CONNECT.
const CONNECT_ANSWER_BYTES_MAX: usize = 16 << 10;

/// A socket, bare or encrypted.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) struct Connected {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) is_h2: bool,
}

/// Connects to `target`, through `proxy` where there is one.
pub(crate) async fn connect(
    target: &Target,
    proxy: Option<&Proxy>,
    tls: Option<Arc<rustls::ClientConfig>>,
    server_name: Option<&str>,
    timings: &mut Timings,
) -> Result<Connected, Cause> {
    let (host, port) = match proxy {
        Some(proxy) => (&proxy.target.host, proxy.target.port),
        None => (&target.host, target.port),
    };
    let mut stream: Box<dyn Stream> = Box::new(dial(host, port, timings).await?);
    if let (Some(proxy), true) = (proxy, target.is_https) {
        let began = Instant::now();
        tunnel(&mut stream, target, proxy).await?;
        timings.connect += began.elapsed();
    }
    let Some(tls) = tls else { return Ok(Connected { stream, is_h2: false }) };
    let name = server_name.unwrap_or(&target.host);
    let parsed = ServerName::try_from(name.to_owned())
        .map_err(|_| Cause::Tls(format!("tls: invalid server name {name:?}")))?;
    let began = Instant::now();
    let handshake = TlsConnector::from(tls).connect(parsed, stream).await;
    let stream = handshake.map_err(|e| handshake_error(&e, name))?;
    timings.tls = began.elapsed();
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Connected { stream: Box::new(stream), is_h2 })
}

async fn dial(host: &str, port: u16, timings: &mut Timings) -> Result<TcpStream, Cause> {
    let began = Instant::now();
    let lookup = |problem: String| Cause::Lookup { host: host.to_owned(), problem };
    let addresses: Vec<SocketAddr> = match host.parse() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => tokio::net::lookup_host((host, port))
            .await
            .map_err(|e| lookup(lookup_problem(&e)))?
            .collect(),
    };
    timings.resolve = began.elapsed();
    let began = Instant::now();
    let mut first = None;
    for (tried, &address) in addresses.iter().enumerate() {
        // A silent address must not eat the time of those behind it.
        let is_last = tried + 1 == addresses.len();
        let until = if is_last { began + FAR } else { Instant::now() + ADDRESS_PATIENCE };
        let attempt = timeout_at(until, TcpStream::connect(address)).await;
        let problem = match attempt {
            Ok(Ok(stream)) => {
                // Without it a request waits for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                timings.connect = began.elapsed();
                return Ok(stream);
            }
            Ok(Err(error)) => format!("connect: {}", go_cause(&error)),
            Err(_) => "i/o timeout".to_owned(),
        };
        first.get_or_insert(Cause::Dial { address, problem });
    }
    Err(first.unwrap_or_else(|| lookup("no such host".to_owned())))
}

/// How long an address may be silent while there are others.
const ADDRESS_PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);
/// The caller's deadline comes first.
const FAR: std::time::Duration = std::time::Duration::from_secs(3600);

/// getaddrinfo(3) says little, and that with a prefix.
fn lookup_problem(error: &io::Error) -> String {
    let text = error.to_string();
    if text.contains("Name or service not known") || text.contains("No address associated") {
        return "no such host".to_owned();
    }
    if text.contains("Temporary failure") {
        return "server misbehaving".to_owned();
    }
    text
}

/// Asks the proxy for a way to the target.
async fn tunnel(stream: &mut Box<dyn Stream>, target: &Target, proxy: &Proxy) -> Result<(), Cause> {
    let failed = |e: io::Error| Cause::Proxy(format!("proxyconnect tcp: {}", go_cause(&e)));
    let host = if target.host.contains(':') {
        format!("[{}]:{}", target.host, target.port)
    } else {
        format!("{}:{}", target.host, target.port)
    };
    let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in &proxy.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the answer belongs to the target. It is short, and comes once.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == CONNECT_ANSWER_BYTES_MAX {
            return Err(Cause::Proxy("proxyconnect tcp: answer too long".to_owned()));
        }
        answer.push(stream.read_u8().await.map_err(failed)?);
    }
    let line = answer.split(|&b| b == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let status = line.split_once(' ').map_or("", |(_, status)| status);
    if status.starts_with('2') {
        return Ok(());
    }
    // Go shows what stands behind the number.
    Err(Cause::Proxy(status.split_once(' ').map_or(status, |(_, text)| text).to_owned()))
}
