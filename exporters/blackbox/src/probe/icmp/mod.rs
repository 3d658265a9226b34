//! The icmp prober: one echo request, one reply.

mod packet;
mod socket;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use common_instrument::Family;
use tokio::time::{Instant, timeout_at};

use self::packet::Echo;
use self::socket::EchoSocket;
use super::failure::Failed;
use super::resolve::resolve;
use super::{Phase, ProbeContext, ProbeLog, Results, reason_of};
use crate::config::Module;

const DURATION: Family =
    Family::gauge("probe_icmp_duration_seconds", "Duration of icmp request by phase");
const HOP_LIMIT: Family =
    Family::gauge("probe_icmp_reply_hop_limit", "Replied packet hop limit (TTL for ipv4)");

/// What a packet carries where its size is not given.
const PAYLOAD: &[u8] = b"Prometheus Blackbox Exporter";

/// Tells the probes of this process apart.
static NEXT_SEQUENCE: AtomicU16 = AtomicU16::new(1);

/// Pings a host.
pub(super) async fn probe(
    context: &ProbeContext,
    module: &Module,
    target: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    let icmp = &module.icmp;
    for phase in ["resolve", "setup", "rtt"] {
        results.set_with(&DURATION, &[("phase", phase)], 0.0);
    }
    let resolved = match resolve(context, module, &icmp.ip, target, results, log).await {
        Ok(resolved) => resolved,
        Err(problem) => {
            log.error("Error resolving address", &[("err", &problem)]);
            return false;
        }
    };
    let seconds = resolved.elapsed.as_secs_f64();
    results.set_with(&DURATION, &[("phase", "resolve")], seconds);
    match ping(context, module, resolved.with_port(0), results, log).await {
        Ok(()) => true,
        Err(failed) => {
            failed.tell(results, false);
            log.error("Error pinging", &[("err", &failed.text)]);
            false
        }
    }
}

async fn ping(
    context: &ProbeContext,
    module: &Module,
    to: SocketAddr,
    results: &mut Results,
    log: &mut ProbeLog,
) -> Result<(), Failed> {
    let icmp = &module.icmp;
    let began = Instant::now();
    let failed = |phase, error: &std::io::Error| {
        Failed::new(phase, reason_of(error), common_client::parts::go_cause(error))
    };
    let source = match icmp.source_ip_address.as_str() {
        "" => None,
        text => {
            let address: IpAddr = text.parse().map_err(|_| {
                let text = format!("error parsing source ip address: {text}");
                Failed::new(Phase::Connect, "source_address", text)
            })?;
            log.debug("Using source address", &[("srcIP", &address)]);
            Some(address)
        }
    };
    log.debug("Creating socket", &[]);
    let socket = EchoSocket::open(to, source, icmp, log).map_err(|e| failed(Phase::Connect, &e))?;
    let echo = Echo {
        // Sockets without privileges have their own number here.
        id: std::process::id() as u16,
        sequence: NEXT_SEQUENCE.fetch_add(1, Ordering::Relaxed),
        payload: payload(icmp.payload_size),
    };
    log.debug("Creating ICMP packet", &[("seq", &echo.sequence), ("id", &echo.id)]);
    results.set_with(&DURATION, &[("phase", "setup")], began.elapsed().as_secs_f64());
    log.debug("Writing out packet", &[]);
    let sent = Instant::now();
    let sending = timeout_at(context.deadline, socket.send(&echo)).await;
    let sending = sending.map_err(|_| Failed::late(Phase::Exchange))?;
    sending.map_err(|e| failed(Phase::Exchange, &e))?;
    log.debug("Waiting for reply packets", &[]);
    let waiting = timeout_at(context.deadline, socket.reply(&echo)).await;
    let hop_limit = waiting
        .map_err(|_| Failed::new(Phase::Exchange, "timeout", "Timeout reading from socket"))?
        .map_err(|e| failed(Phase::Exchange, &e))?;
    log.debug("Found matching reply packet", &[]);
    results.set_with(&DURATION, &[("phase", "rtt")], sent.elapsed().as_secs_f64());
    if let Some(hop_limit) = hop_limit {
        results.set(&HOP_LIMIT, f64::from(hop_limit));
    }
    Ok(())
}

fn payload(size: usize) -> Vec<u8> {
    let mut payload = PAYLOAD.to_vec();
    if size > 0 {
        payload.resize(size, 0);
    }
    payload
}
