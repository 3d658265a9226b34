//! The dns prober: one question, and what must hold of its answer.

mod data;
pub(super) mod message;
mod rules;
mod transport;

use common_instrument::Family;
use tokio::time::Instant;

use self::message::{Question, SOA};
use self::transport::{Exchange, exchange};
use super::resolve::{resolve, split_host_port};
use super::{Phase, ProbeContext, ProbeLog, Results, random};
use crate::config::{DnsModule, Module, Transport, rcode_code, rcode_name};

const DURATION: Family =
    Family::gauge("probe_dns_duration_seconds", "Duration of DNS request by phase");
const SECTIONS: [(Family, &str); 3] = [
    (
        Family::gauge(
            "probe_dns_answer_rrs",
            "Returns number of entries in the answer resource record list",
        ),
        "Answer",
    ),
    (
        Family::gauge(
            "probe_dns_authority_rrs",
            "Returns number of entries in the authority resource record list",
        ),
        "Authority",
    ),
    (
        Family::gauge(
            "probe_dns_additional_rrs",
            "Returns number of entries in the additional resource record list",
        ),
        "Additional",
    ),
];
const SUCCEEDED: Family = Family::gauge(
    "probe_dns_query_succeeded",
    "Displays whether or not the query was executed successfully",
);
const SERIAL: Family = Family::gauge("probe_dns_serial", "Returns the serial number of the zone");

/// Probes a server, `host` or `host:port`.
pub(super) async fn probe(
    context: &ProbeContext,
    module: &Module,
    target: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    let dns = &module.dns;
    declare(dns, results);
    let transport = match dns.transport() {
        Ok(transport) => transport,
        Err(other) => {
            let message = "Configuration error: Expected transport protocol udp or tcp";
            log.error(message, &[("protocol", &other)]);
            results.fail(Phase::Target, "bad_config");
            return false;
        }
    };
    let usual = if dns.dns_over_tls { 853 } else { 53 };
    let (host, port) = split_host_port(target).unwrap_or((target, usual));
    let resolved = match resolve(context, module, &dns.ip, host, results, log).await {
        Ok(resolved) => resolved,
        Err(problem) => {
            log.error("Error resolving address", &[("err", &problem)]);
            return false;
        }
    };
    let seconds = resolved.elapsed.as_secs_f64();
    results.set_with(&DURATION, &[("phase", "resolve")], seconds);
    if dns.dns_over_tls && transport == Transport::Udp {
        let message = "Configuration error: Expected transport protocol tcp for DoT";
        log.error(message, &[("protocol", &"udp")]);
        results.fail(Phase::Target, "bad_config");
        return false;
    }
    let question = Question {
        // Who guesses it could answer in the server's place.
        id: random::word() as u16,
        name: &dns.query_name,
        kind: dns.kind(),
        class: dns.class(),
        wants_recursion: dns.recursion_desired,
    };
    let address = resolved.with_port(port);
    log.debug(
        "Making DNS query",
        &[
            ("target", &address),
            ("query", &dns.query_name),
            ("type", &question.kind),
            ("class", &question.class),
        ],
    );
    let began = Instant::now();
    let Exchange { outcome, request } =
        exchange(context, dns, transport, host, address, &question, log).await;
    let connect = began.elapsed().saturating_sub(request);
    results.set_with(&DURATION, &[("phase", "connect")], connect.as_secs_f64());
    results.set_with(&DURATION, &[("phase", "request")], request.as_secs_f64());
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failed) => {
            failed.tell(results, module.hearth.unverified_tls_metrics);
            log.error("Error while sending a DNS query", &[("err", &failed.text)]);
            return false;
        }
    };
    judge(dns, &answer, results, log)
}

/// The gauges that are always there.
fn declare(dns: &DnsModule, results: &mut Results) {
    for phase in ["resolve", "connect", "request"] {
        results.set_with(&DURATION, &[("phase", phase)], 0.0);
    }
    for (family, _) in &SECTIONS {
        results.set(family, 0.0);
    }
    results.set(&SUCCEEDED, 0.0);
    if dns.kind() == SOA {
        results.set(&SERIAL, 0.0);
    }
}

fn judge(
    dns: &DnsModule,
    answer: &message::Answer,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    results.set(&SUCCEEDED, 1.0);
    for ((family, _), records) in SECTIONS.iter().zip(&answer.sections) {
        results.set(family, records.len() as f64);
    }
    let mut serials = answer.sections[0].iter().filter_map(|record| record.serial);
    if let Some(serial) = serials.next_back().filter(|_| dns.kind() == SOA) {
        results.set(&SERIAL, f64::from(serial));
    }
    if !is_valid_rcode(dns, answer.rcode, log) {
        results.fail(Phase::Validate, "rcode");
        return false;
    }
    let all = [&dns.validate_answer, &dns.validate_authority, &dns.validate_additional];
    for (((_, name), records), wanted) in SECTIONS.iter().zip(&answer.sections).zip(all) {
        log.debug(&format!("Validating {name} RRs"), &[]);
        if !rules::hold(wanted, records, log) {
            log.error(&format!("{name} RRs validation failed"), &[]);
            results.fail(Phase::Validate, "records");
            return false;
        }
    }
    true
}

fn is_valid_rcode(dns: &DnsModule, rcode: u16, log: &mut ProbeLog) -> bool {
    let mut valid = Vec::new();
    for name in &dns.valid_rcodes {
        let Some(code) = rcode_code(name) else {
            log.error("Invalid rcode", &[("rcode", name)]);
            return false;
        };
        valid.push(code);
    }
    if valid.is_empty() {
        valid.push(0);
    }
    let name = rcode_name(rcode).unwrap_or("");
    let is_valid = valid.contains(&rcode);
    if is_valid {
        log.debug("Rcode is valid", &[("rcode", &rcode), ("string_rcode", &name)]);
    } else {
        let valid = format!("{valid:?}").replace(", ", " ");
        let pairs: &[(&str, &dyn std::fmt::Display)] =
            &[("rcode", &rcode), ("string_rcode", &name), ("valid_rcodes", &valid)];
        log.error("Rcode is not one of the valid rcodes", pairs);
    }
    is_valid
}
