//! A question and its answer over UDP, TCP or TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use common_client::parts::go_cause;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::message::{Answer, Question, decode};
use crate::config::{DnsModule, Transport};
use crate::probe::failure::Failed;
use crate::probe::stream::Stream;
use crate::probe::tcp::{connect, source};
use crate::probe::tls::TlsClient;
use crate::probe::{Phase, ProbeContext, ProbeLog, reason_of};

/// Bytes of a datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// What came of it, and how long it took once there was a connection.
pub(super) struct Exchange {
    pub(super) outcome: Result<Answer, Failed>,
    pub(super) request: Duration,
}

/// Asks; everything is within the deadline.
pub(super) async fn exchange(
    context: &ProbeContext,
    dns: &DnsModule,
    transport: Transport,
    host: &str,
    address: SocketAddr,
    question: &Question<'_>,
    log: &mut ProbeLog,
) -> Exchange {
    let mut sent = None;
    let outcome = match transport {
        Transport::Udp => over_udp(context, dns, address, question, &mut sent, log).await,
        Transport::Tcp => over_tcp(context, dns, host, address, question, &mut sent, log).await,
    };
    let request = sent.map_or(Duration::ZERO, |sent: Instant| sent.elapsed());
    Exchange { outcome, request }
}

fn failed(error: &io::Error) -> Failed {
    Failed::new(Phase::Exchange, reason_of(error), go_cause(error))
}

fn late() -> Failed {
    Failed::new(Phase::Exchange, "timeout", "i/o timeout")
}

fn bad(problem: String) -> Failed {
    Failed::new(Phase::Exchange, "bad_message", problem)
}

async fn over_udp(
    context: &ProbeContext,
    dns: &DnsModule,
    address: SocketAddr,
    question: &Question<'_>,
    sent: &mut Option<Instant>,
    log: &mut ProbeLog,
) -> Result<Answer, Failed> {
    let message = question.encode().map_err(bad)?;
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let from = source(&dns.source_ip_address, log)?.unwrap_or(any);
    let socket = UdpSocket::bind((from, 0)).await.map_err(|e| failed(&e))?;
    // Only the server can answer a connected socket.
    socket.connect(address).await.map_err(|e| failed(&e))?;
    *sent = Some(Instant::now());
    let asking = async {
        socket.send(&message).await.map_err(|e| failed(&e))?;
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let count = socket.recv(&mut buffer).await.map_err(|e| failed(&e))?;
            if let Some(answer) = decode(&buffer[..count], question.id).map_err(bad)? {
                return Ok(answer);
            }
        }
    };
    timeout_at(context.deadline, asking).await.unwrap_or_else(|_| Err(late()))
}

async fn over_tcp(
    context: &ProbeContext,
    dns: &DnsModule,
    host: &str,
    address: SocketAddr,
    question: &Question<'_>,
    sent: &mut Option<Instant>,
    log: &mut ProbeLog,
) -> Result<Answer, Failed> {
    let message = question.encode().map_err(bad)?;
    let from = source(&dns.source_ip_address, log)?;
    let stream = connect(context, address, from).await?;
    let mut stream: Box<dyn Stream> = if dns.dns_over_tls {
        let client = TlsClient::new(&dns.tls_config, &[])
            .map_err(|problem| Failed::new(Phase::Tls, "bad_config", problem))?;
        let name = dns.tls_config.server_name.as_deref().unwrap_or(host);
        let shaking = timeout_at(context.deadline, client.handshake(stream, name)).await;
        let shaken = shaking.map_err(|_| Failed::late(Phase::Tls))?;
        Box::new(shaken.map_err(Failed::tls)?.0)
    } else {
        Box::new(stream)
    };
    *sent = Some(Instant::now());
    let asking = async {
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        let framed = [&length.to_be_bytes()[..], &message].concat();
        stream.write_all(&framed).await.map_err(|e| failed(&e))?;
        stream.flush().await.map_err(|e| failed(&e))?;
        loop {
            let length = stream.read_u16().await.map_err(|e| failed(&e))?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await.map_err(|e| failed(&e))?;
            if let Some(answer) = decode(&answer, question.id).map_err(bad)? {
                return Ok(answer);
            }
        }
    };
    timeout_at(context.deadline, asking).await.unwrap_or_else(|_| Err(late()))
}
