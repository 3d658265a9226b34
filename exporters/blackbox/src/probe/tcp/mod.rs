//! The tcp prober: a connection, in TLS or not, and a dialogue over it.

use std::net::{IpAddr, SocketAddr};

use common_client::parts::go_cause;
use tokio::time::timeout_at;

use super::dialogue::{Upgrade, talk};
use super::failure::Failed;
use super::resolve::{resolve, split_host_port};
use super::stream::{Stream, dial_from};
use super::tls::{Session, Shown, TlsClient};
use super::{Phase, ProbeContext, ProbeLog, Results, reason_of};
use crate::config::Module;

/// Probes `host:port`.
pub(super) async fn probe(
    context: &ProbeContext,
    module: &Module,
    target: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    let tcp = &module.tcp;
    let (stream, session) = match open(context, module, target, results, log).await {
        Ok(open) => open,
        Err(failed) => {
            failed.tell(results, module.hearth.unverified_tls_metrics);
            log.error("Error dialing TCP", &[("err", &failed.text)]);
            return false;
        }
    };
    log.debug("Successfully dialed", &[]);
    if let Some(session) = session {
        session.show(Shown::Tcp, results);
    }
    let host = split_host_port(target).map_or("", |(host, _)| host);
    let upgrade = Upgrade {
        config: &tcp.tls_config,
        name: tcp.tls_config.server_name.as_deref().unwrap_or(host),
    };
    talk(context, module, &tcp.query_response, stream, upgrade, (results, log)).await
}

async fn open(
    context: &ProbeContext,
    module: &Module,
    target: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> Result<(Box<dyn Stream>, Option<Session>), Failed> {
    let tcp = &module.tcp;
    let (host, port) =
        split_host_port(target).map_err(|text| Failed::new(Phase::Target, "bad_address", text))?;
    let resolved =
        resolve(context, module, &tcp.ip, host, results, log).await.map_err(|problem| {
            log.error("Error resolving address", &[("err", &problem)]);
            Failed::new(Phase::Resolve, "no_address", problem)
        })?;
    let source = source(&tcp.source_ip_address, log)?;
    let how = if tcp.tls { "Dialing TCP with TLS" } else { "Dialing TCP without TLS" };
    log.debug(how, &[]);
    let address = resolved.with_port(port);
    let stream = connect(context, address, source).await?;
    if !tcp.tls {
        return Ok((Box::new(stream), None));
    }
    let client = TlsClient::new(&tcp.tls_config, &[]).map_err(|problem| {
        log.error("Error creating TLS configuration", &[("err", &problem)]);
        Failed::new(Phase::Tls, "bad_config", problem)
    })?;
    let name = tcp.tls_config.server_name.as_deref().unwrap_or(host);
    match timeout_at(context.deadline, client.handshake(stream, name)).await {
        Err(_) => Err(Failed::late(Phase::Tls)),
        Ok(Err(problem)) => Err(Failed::tls(problem)),
        Ok(Ok((stream, session))) => Ok((Box::new(stream), Some(session))),
    }
}

/// The address of ours that a module names.
pub(super) fn source(text: &str, log: &mut ProbeLog) -> Result<Option<IpAddr>, Failed> {
    if text.is_empty() {
        return Ok(None);
    }
    let Ok(address) = text.parse::<IpAddr>() else {
        log.error("Error parsing source ip address", &[("srcIP", &text)]);
        let text = format!("error parsing source ip address: {text}");
        return Err(Failed::new(Phase::Connect, "source_address", text));
    };
    log.debug("Using local address", &[("srcIP", &address)]);
    Ok(Some(address))
}

/// Opens a connection within the deadline.
pub(super) async fn connect(
    context: &ProbeContext,
    address: SocketAddr,
    source: Option<IpAddr>,
) -> Result<tokio::net::TcpStream, Failed> {
    let network = if address.is_ipv4() { "tcp4" } else { "tcp6" };
    match timeout_at(context.deadline, dial_from(address, source)).await {
        Err(_) => {
            let text = format!("dial {network} {address}: i/o timeout");
            Err(Failed::new(Phase::Connect, "timeout", text))
        }
        Ok(Err(error)) => {
            let text = format!("dial {network} {address}: connect: {}", go_cause(&error));
            Err(Failed::new(Phase::Connect, reason_of(&error), text))
        }
        Ok(Ok(stream)) => Ok(stream),
    }
}
