//! The unix prober: as tcp, over a socket of the file system.

use common_client::parts::go_cause;
use tokio::net::UnixStream;
use tokio::time::timeout_at;

use super::dialogue::{Upgrade, talk};
use super::failure::Failed;
use super::stream::Stream;
use super::tls::{Session, Shown, TlsClient};
use super::{Phase, ProbeContext, ProbeLog, Results, reason_of};
use crate::config::Module;

/// Probes the socket at a path.
pub(super) async fn probe(
    context: &ProbeContext,
    module: &Module,
    target: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    let unix = &module.unix;
    let (stream, session) = match open(context, module, target, log).await {
        Ok(open) => open,
        Err(failed) => {
            failed.tell(results, module.hearth.unverified_tls_metrics);
            log.error("Error dialing unix", &[("err", &failed.text)]);
            return false;
        }
    };
    log.debug("Successfully dialed", &[]);
    if let Some(session) = session {
        session.show(Shown::Tcp, results);
    }
    let name = unix.tls_config.server_name.as_deref().unwrap_or(target);
    let upgrade = Upgrade { config: &unix.tls_config, name };
    talk(context, module, &unix.query_response, stream, upgrade, (results, log)).await
}

async fn open(
    context: &ProbeContext,
    module: &Module,
    path: &str,
    log: &mut ProbeLog,
) -> Result<(Box<dyn Stream>, Option<Session>), Failed> {
    // A list of hosts and networks names no path.
    if !module.hearth.allow_targets.is_empty() {
        let text = "target is not in allow_targets of the module";
        return Err(Failed::new(Phase::Target, "not_allowed", text));
    }
    let unix = &module.unix;
    let how = if unix.tls { "Dialing unix with TLS" } else { "Dialing unix without TLS" };
    log.debug(how, &[]);
    let stream = match timeout_at(context.deadline, UnixStream::connect(path)).await {
        Err(_) => return Err(Failed::late(Phase::Connect)),
        Ok(Err(error)) => {
            let text = format!("dial unix {path}: connect: {}", go_cause(&error));
            return Err(Failed::new(Phase::Connect, reason_of(&error), text));
        }
        Ok(Ok(stream)) => stream,
    };
    if !unix.tls {
        return Ok((Box::new(stream), None));
    }
    let client = TlsClient::new(&unix.tls_config, &[])
        .map_err(|problem| Failed::new(Phase::Tls, "bad_config", problem))?;
    let name = unix.tls_config.server_name.as_deref().unwrap_or(path);
    match timeout_at(context.deadline, client.handshake(stream, name)).await {
        Err(_) => Err(Failed::late(Phase::Tls)),
        Ok(Err(problem)) => Err(Failed::tls(problem)),
        Ok(Ok((stream, session))) => Ok((Box::new(stream), Some(session))),
    }
}
