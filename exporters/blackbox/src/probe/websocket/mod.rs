//! The websocket prober: a connection is upgraded, and messages go to and fro.

mod frames;
mod opening;

use common_client::parts::{Proxies, Target};
use common_instrument::Family;
use common_re2::Regex;
use tokio::time::{Instant, timeout_at};

use self::frames::Socket;
use self::opening::{Opening, upgrade};
use super::dialogue::Match;
use super::failure::Failed;
use super::http::connect::{Route, open};
use super::resolve::{proxy_addresses, resolve};
use super::text::text_of;
use super::tls::TlsClient;
use super::{Phase, ProbeContext, ProbeLog, Results};
use crate::config::{Expect, Module, Step};

const STATUS: Family = Family::gauge("probe_websocket_status_code", "Response HTTP status code");
const UPGRADED: Family = Family::gauge(
    "probe_websocket_connection_upgraded",
    "Indicates if the websocket connection was successfully upgraded",
);
const FAILED_REGEX: Family =
    Family::gauge("probe_websocket_failed_due_to_regex", "Indicates if probe failed due to regex");
const DURATION: Family =
    Family::gauge("probe_websocket_duration_seconds", "Duration of websocket request by phase");

/// Probes `ws://host/path` or `wss://host/path`.
pub(super) async fn probe(
    context: &ProbeContext,
    module: &Module,
    target: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    for family in [&STATUS, &UPGRADED, &FAILED_REGEX] {
        results.set(family, 0.0);
    }
    for phase in ["resolve", "connect", "processing", "transfer"] {
        results.set_with(&DURATION, &[("phase", phase)], 0.0);
    }
    log.debug("probing websocket", &[("target", &common_client::parts::without_password(target))]);
    let target = match parse(target) {
        Ok(target) => target,
        Err(problem) => {
            log.error("Could not parse target URL", &[("err", &problem)]);
            results.fail(Phase::Target, "bad_url");
            return false;
        }
    };
    let opening = match begin(context, module, &target, results, log).await {
        Ok(opening) => opening,
        Err(failed) => {
            failed.tell(results, module.hearth.unverified_tls_metrics);
            log.error("Error dialing websocket", &[("err", &failed.text)]);
            return false;
        }
    };
    results.set(&STATUS, f64::from(opening.status));
    let mut socket = match opening.socket {
        Ok(socket) => socket,
        Err(problem) => {
            log.error("Error dialing websocket", &[("err", &problem)]);
            results.fail(Phase::Exchange, "not_upgraded");
            return false;
        }
    };
    results.set(&UPGRADED, 1.0);
    let began = Instant::now();
    let mut is_good = true;
    for step in &module.websocket.query_response.0 {
        is_good = is_good && take(context, step, &mut socket, results, log).await;
    }
    if is_good {
        let _ = timeout_at(context.deadline, socket.close()).await;
    } else {
        results.set(&FAILED_REGEX, 1.0);
    }
    results.set_with(&DURATION, &[("phase", "transfer")], began.elapsed().as_secs_f64());
    is_good
}

/// A target with its scheme as HTTP calls it.
fn parse(text: &str) -> Result<Target, String> {
    let malformed = || "malformed ws or wss URL".to_owned();
    let (scheme, rest) = text.split_once("://").ok_or_else(malformed)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "ws" => "http",
        "wss" => "https",
        _ => return Err(malformed()),
    };
    let target = Target::parse(&format!("{scheme}://{rest}")).map_err(|cause| cause.to_string())?;
    if target.user.is_some() { Err(malformed()) } else { Ok(target) }
}

/// Looks the target up, connects and asks for the upgrade.
async fn begin(
    context: &ProbeContext,
    module: &Module,
    target: &Target,
    results: &mut Results,
    log: &mut ProbeLog,
) -> Result<Opening, Failed> {
    let websocket = &module.websocket;
    let config = &websocket.http_config;
    let bad = |text: String| Failed::new(Phase::Target, "bad_config", text);
    let tls = TlsClient::new(&config.tls_config, &[]).map_err(bad)?;
    let proxies =
        Proxies::new(&config.proxy, &context.proxies).map_err(|cause| bad(cause.to_string()))?;
    let resolving = resolve(context, module, &websocket.ip, &target.host, results, log).await;
    let resolved =
        resolving.map_err(|problem| Failed::new(Phase::Resolve, "no_address", problem))?;
    results.set_with(&DURATION, &[("phase", "resolve")], resolved.elapsed.as_secs_f64());
    let address = resolved.with_port(target.port);
    let proxy = proxies.of(target);
    let addresses = match proxy {
        Some(proxy) => proxy_addresses(context, &proxy.target.host, proxy.target.port).await?,
        None => vec![address],
    };
    let route = Route {
        target,
        authority: address.to_string(),
        addresses,
        proxy,
        is_tunnel: proxy.is_some(),
        tls: target.is_https.then_some(&tls),
        server_name: config.tls_config.server_name.as_deref().unwrap_or(&target.host),
    };
    let way = open(context, &route).await?;
    results.set_with(&DURATION, &[("phase", "connect")], (way.connect + way.tls).as_secs_f64());
    let began = Instant::now();
    let opening = upgrade(context, websocket, target, way.stream).await;
    results.set_with(&DURATION, &[("phase", "processing")], began.elapsed().as_secs_f64());
    opening
}

/// One step: a message that must come, one that is sent.
async fn take(
    context: &ProbeContext,
    step: &Step,
    socket: &mut Socket,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    if step.starttls {
        log.error("starttls is not possible over a websocket", &[]);
        results.fail(Phase::Tls, "bad_config");
        return false;
    }
    let mut send = step.send.clone();
    if let Some(expect) = &step.expect {
        let message = match timeout_at(context.deadline, socket.message()).await {
            Ok(Ok(message)) => message,
            Ok(Err(error)) => {
                log.error("Error reading message", &[("err", &error)]);
                results.fail(Phase::Exchange, error.reason());
                return false;
            }
            Err(_) => {
                log.error("Error reading message", &[("err", &"i/o timeout")]);
                results.fail(Phase::Exchange, "timeout");
                return false;
            }
        };
        match expect {
            Expect::Pattern(pattern) => match matched(pattern, step, &message, results, log) {
                Some(filled) => send = filled,
                None => return false,
            },
            Expect::Bytes(wanted) if *wanted != message => {
                let pairs: &[(&str, &dyn std::fmt::Display)] =
                    &[("expected", &text_of(wanted)), ("bytes", &text_of(&message))];
                log.error("Bytes did not match", pairs);
                results.fail(Phase::Validate, "bytes");
                return false;
            }
            Expect::Bytes(_) => {}
        }
    }
    if send.is_empty() {
        return true;
    }
    let problem = match timeout_at(context.deadline, socket.send(&send)).await {
        Ok(Ok(())) => {
            log.debug("message sent", &[("message", &text_of(&send))]);
            return true;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "i/o timeout".to_owned(),
    };
    log.error("Error sending message", &[("err", &problem)]);
    results.fail(Phase::Exchange, "closed");
    false
}

/// What is to be sent after a message that matches.
fn matched(
    pattern: &Regex,
    step: &Step,
    message: &[u8],
    results: &mut Results,
    log: &mut ProbeLog,
) -> Option<Vec<u8>> {
    let text = text_of(message);
    let Some(captures) = pattern.captures(&text) else {
        log.error("Regexp did not match", &[("regexp", pattern), ("line", &text)]);
        results.fail(Phase::Validate, "no_match");
        return None;
    };
    log.debug("regexp matched", &[("regexp", pattern), ("line", &text)]);
    let found = Match { captures, pattern };
    found.tell(&step.labels, results);
    // Only a text can name groups.
    Some(match std::str::from_utf8(&step.send) {
        Ok(template) => found.expand(template).into_bytes(),
        Err(_) => step.send.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_url_of_a_websocket() {
        let check = |text: &str, expected: Option<(&str, u16, bool)>| {
            let target = parse(text).ok();
            let found = target.as_ref().map(|t| (t.host.as_str(), t.port, t.is_https));
            assert_eq!(found, expected, "{text}");
        };
        check("ws://h/x", Some(("h", 80, false)));
        check("WSS://h:1/x", Some(("h", 1, true)));
        check("http://h/", None);
        check("h:1", None);
        check("ws://user:secret@h/", None);
        check("ws:///x", None);
    }
}
