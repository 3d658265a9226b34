//! The grpc prober: a server is asked for its health. <https://grpc.io/docs/guides/health-checking/>

mod call;
mod message;
mod status;

use common_instrument::Family;
use tokio::time::Instant;

use self::call::{Call, Reply};
use self::message::{STATUSES, status_name};
use super::resolve::{resolve, split_host_port};
use super::tls::{Shown, TlsClient};
use super::{Phase, ProbeContext, ProbeLog, Results};
use crate::config::Module;

const DURATION: Family =
    Family::gauge("probe_grpc_duration_seconds", "Duration of gRPC request by phase");
const IS_SSL: Family =
    Family::gauge("probe_grpc_ssl", "Indicates if SSL was used for the connection");
const STATUS: Family = Family::gauge("probe_grpc_status_code", "Response gRPC status code");
const RESPONSE: Family =
    Family::gauge("probe_grpc_healthcheck_response", "Response HealthCheck response");

/// The protocol that a server must agree to speak within TLS.
const ALPN: &[&[u8]] = &[b"h2"];

/// Probes `host:port`, with or without `http://`.
pub(super) async fn probe(
    context: &ProbeContext,
    module: &Module,
    target: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    let grpc = &module.grpc;
    results.set_with(&DURATION, &[("phase", "resolve")], 0.0);
    results.set(&IS_SSL, 0.0);
    results.set(&STATUS, 0.0);
    let place = match Place::parse(target) {
        Ok(place) => place,
        Err(problem) => {
            log.error("Could not parse target URL", &[("err", &problem)]);
            results.fail(Phase::Target, "bad_url");
            return false;
        }
    };
    let tls = match grpc.tls.then(|| TlsClient::new(&grpc.tls_config, ALPN)).transpose() {
        Ok(tls) => tls,
        Err(problem) => {
            log.error("Error creating TLS configuration", &[("err", &problem)]);
            results.fail(Phase::Tls, "bad_config");
            return false;
        }
    };
    let resolved = match resolve(context, module, &grpc.ip, place.host, results, log).await {
        Ok(resolved) => resolved,
        Err(problem) => {
            log.error("Error resolving address", &[("err", &problem)]);
            return false;
        }
    };
    results.set_with(&DURATION, &[("phase", "resolve")], resolved.elapsed.as_secs_f64());
    if !grpc.tls {
        log.debug("Dialing GRPC without TLS", &[]);
    }
    let port = place.port.unwrap_or(if grpc.tls { 443 } else { 80 });
    let server_name = grpc.tls_config.server_name.as_deref().unwrap_or(place.host);
    let call = Call {
        address: resolved.with_port(port),
        // Within TLS a server is called by the name in its certificate.
        authority: if grpc.tls { server_name.to_owned() } else { place.authority(port) },
        tls: tls.as_ref(),
        server_name,
        service: &grpc.service,
        metadata: &grpc.metadata,
    };
    let began = Instant::now();
    let reply = call.make(context).await;
    results.set_with(&DURATION, &[("phase", "check")], began.elapsed().as_secs_f64());
    judge(module, reply, results, log)
}

fn judge(module: &Module, reply: Reply, results: &mut Results, log: &mut ProbeLog) -> bool {
    for (_, name) in STATUSES {
        results.set_with(&RESPONSE, &[("serving_status", name)], 0.0);
    }
    let answer = match reply.outcome {
        Ok(answer) => answer,
        Err(problem) => {
            results.set(&STATUS, f64::from(problem.code));
            problem.failed.tell(results, module.hearth.unverified_tls_metrics);
            log.error("can't connect grpc server:", &[("err", &problem.text())]);
            return false;
        }
    };
    results.set_with(&RESPONSE, &[("serving_status", &status_name(answer))], 1.0);
    // Like the original: certificates are told of only where there was an answer.
    if let Some(session) = reply.session {
        results.set(&IS_SSL, 1.0);
        session.show(Shown::Grpc, results);
    }
    let is_serving = answer == message::SERVING;
    if is_serving {
        log.debug("connect the grpc server successfully", &[]);
    } else {
        results.fail(Phase::Validate, "not_serving");
        log.error("can't connect grpc server:", &[("err", &"<nil>")]);
    }
    is_serving
}

/// What a target names.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Place<'a> {
    /// Scheme, user and path are passed over, as the original does.
    fn parse(target: &'a str) -> Result<Place<'a>, String> {
        let bare = ["http://", "https://"].iter().find_map(|scheme| target.strip_prefix(scheme));
        let bare = bare.unwrap_or(target);
        let end = bare.find(['/', '?', '#']).unwrap_or(bare.len());
        let authority = &bare[..end];
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if authority.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("parse {target:?}: invalid character in host name"));
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(host, _)| {
            !host.contains(':') || (host.starts_with('[') && host.ends_with(']'))
        });
        if !has_port {
            let host = authority.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            return Ok(Place { host: host.unwrap_or(authority), port: None });
        }
        if let Some(host) = authority.strip_suffix(':') {
            return Ok(Place { host, port: None });
        }
        let (host, port) = split_host_port(authority)
            .map_err(|_| format!("parse {target:?}: invalid port after host"))?;
        Ok(Place { host, port: Some(port) })
    }

    fn authority(&self, port: u16) -> String {
        let host = self.host;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_with_or_without_scheme_and_port() {
        let check = |target: &str, expected: Result<(&str, Option<u16>), ()>| {
            let place = Place::parse(target).map(|place| (place.host, place.port));
            assert_eq!(place.map_err(drop), expected, "{target}");
        };
        check("h:1", Ok(("h", Some(1))));
        check("h", Ok(("h", None)));
        check("http://h:1/path?x", Ok(("h", Some(1))));
        check("https://user@h", Ok(("h", None)));
        check("[::1]:2", Ok(("::1", Some(2))));
        check("[::1]", Ok(("::1", None)));
        check("h:", Ok(("h", None)));
        check("h:x", Err(()));
        check("h h:1", Err(()));
    }
}
