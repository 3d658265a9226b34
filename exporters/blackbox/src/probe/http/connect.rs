//! The way to a server: addresses, proxy, TLS, each timed.

use std::net::SocketAddr;

use common_client::parts::{Proxy, Target, go_cause};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use crate::probe::failure::Failed;
use crate::probe::stream::{Stream, dial};
use crate::probe::tls::{Session, TlsClient};
use crate::probe::{Phase, ProbeContext, reason_of};
use std::time::Duration;

/// Bytes of a proxy's answer to CONNECT.
const CONNECT_ANSWER_BYTES_MAX: usize = 16 << 10;

/// Where to go and how.
pub(in crate::probe) struct Route<'a> {
    /// What is asked for.
    pub(in crate::probe) target: &'a Target,
    /// Host and port as a proxy is told them: the address that was checked, where there is one.
    pub(in crate::probe) authority: String,
    /// Of the proxy, or of the server.
    pub(in crate::probe) addresses: Vec<SocketAddr>,
    pub(in crate::probe) proxy: Option<&'a Proxy>,
    /// Whether the proxy is asked for a way, and not for a page.
    pub(in crate::probe) is_tunnel: bool,
    pub(in crate::probe) tls: Option<&'a TlsClient>,
    /// What the certificate must be for.
    pub(in crate::probe) server_name: &'a str,
}

/// An open way.
pub(in crate::probe) struct Way {
    pub(in crate::probe) stream: Box<dyn Stream>,
    pub(in crate::probe) session: Option<Session>,
    pub(in crate::probe) is_h2: bool,
    pub(in crate::probe) connect: Duration,
    pub(in crate::probe) tls: Duration,
}

/// Opens the way, within the deadline of the probe.
pub(in crate::probe) async fn open(
    context: &ProbeContext,
    route: &Route<'_>,
) -> Result<Way, Failed> {
    let until = context.deadline;
    let began = Instant::now();
    let dialing = dial(&route.addresses);
    let stream = match timeout_at(until, dialing).await {
        Err(_) => return Err(Failed::late(Phase::Connect)),
        Ok(Err((address, error))) => {
            let text = format!("dial tcp {address}: connect: {}", go_cause(&error));
            return Err(Failed::new(Phase::Connect, reason_of(&error), text));
        }
        Ok(Ok(stream)) => stream,
    };
    let mut stream: Box<dyn Stream> = Box::new(stream);
    if let (Some(proxy), true) = (route.proxy, route.is_tunnel) {
        let tunneling = tunnel(&mut stream, &route.authority, proxy);
        timeout_at(until, tunneling).await.map_err(|_| Failed::late(Phase::Connect))??;
    }
    let connect = began.elapsed();
    let Some(tls) = route.tls else {
        return Ok(Way { stream, session: None, is_h2: false, connect, tls: Duration::ZERO });
    };
    let began = Instant::now();
    let shaking = tls.handshake(stream, route.server_name);
    match timeout_at(until, shaking).await {
        Err(_) => Err(Failed::late(Phase::Tls)),
        Ok(Err(problem)) => Err(Failed::tls(problem)),
        Ok(Ok((stream, session))) => {
            let is_h2 = session.alpn.as_deref() == Some(b"h2");
            let (stream, session) = (Box::new(stream), Some(session));
            Ok(Way { stream, session, is_h2, connect, tls: began.elapsed() })
        }
    }
}

/// Asks the proxy for a way to the target.
async fn tunnel(stream: &mut Box<dyn Stream>, to: &str, proxy: &Proxy) -> Result<(), Failed> {
    let failed = |error: std::io::Error| {
        let text = format!("proxyconnect tcp: {}", go_cause(&error));
        Failed::new(Phase::Connect, "proxy", text)
    };
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    for (name, value) in &proxy.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the answer belongs to the target. It is short, and comes once.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == CONNECT_ANSWER_BYTES_MAX {
            let text = "proxyconnect tcp: answer too long".to_owned();
            return Err(Failed::new(Phase::Connect, "proxy", text));
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
    let text = status.split_once(' ').map_or(status, |(_, text)| text).to_owned();
    Err(Failed::new(Phase::Connect, "proxy_refused", text))
}
