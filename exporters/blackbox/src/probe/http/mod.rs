//! The http prober: a URL is asked for, redirects are followed, and the answer is judged.

mod body;
mod checks;
pub(super) mod connect;
mod cookies;
mod dates;
mod exchange;
mod follow;
mod order;
mod target;

use common_client::parts::{Proxies, Target};
use common_instrument::Family;
use hyper::Version;
use hyper::body::Body as _;
use hyper::header::{CONTENT_LENGTH, LAST_MODIFIED, TRANSFER_ENCODING};
use tokio::time::Instant;

pub(super) use self::order::{AGENT, add_credentials};

use self::body::{Problem, Reading};
use self::checks::BodyRules;
use self::exchange::{Answer, Phases};
use self::follow::{Arrival, Journey, alpn};
use crate::config::{HttpModule, Module};
use crate::probe::resolve::resolve;
use crate::probe::tls::{Shown, TlsClient};
use crate::probe::{Phase, ProbeContext, ProbeLog, Results, check_host};

const DURATION: Family = Family::gauge(
    "probe_http_duration_seconds",
    "Duration of http request by phase, summed over all redirects",
);
const CONTENT_LENGTH_BYTES: Family =
    Family::gauge("probe_http_content_length", "Length of http content response");
const BODY_LENGTH: Family =
    Family::gauge("probe_http_uncompressed_body_length", "Length of uncompressed response body");
const REDIRECTS: Family = Family::gauge("probe_http_redirects", "The number of redirects");
const IS_SSL: Family =
    Family::gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect");
const STATUS: Family = Family::gauge("probe_http_status_code", "Response HTTP status code");
const HTTP_VERSION: Family =
    Family::gauge("probe_http_version", "Returns the version of HTTP of the probe response");
const FAILED_REGEX: Family =
    Family::gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex");
const FAILED_CEL: Family = Family::gauge(
    "probe_failed_due_to_cel",
    "Indicates if probe failed due to CEL expression not matching",
);
const MODIFIED: Family = Family::gauge(
    "probe_http_last_modified_timestamp_seconds",
    "Returns the Last-Modified HTTP response header in unixtime",
);

/// Probes a URL.
pub(super) async fn probe(
    context: &ProbeContext,
    module: &Module,
    target: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    let http = &module.http;
    for family in [
        &CONTENT_LENGTH_BYTES,
        &BODY_LENGTH,
        &REDIRECTS,
        &IS_SSL,
        &STATUS,
        &HTTP_VERSION,
        &FAILED_REGEX,
    ] {
        results.set(family, 0.0);
    }
    if http.fail_if_body_json_matches.is_some() || http.fail_if_body_json_not_matches.is_some() {
        results.set(&FAILED_CEL, 0.0);
    }
    let target = match target::parse(target) {
        Ok(target) => target,
        Err(problem) => {
            log.error("Could not parse target URL", &[("err", &problem)]);
            results.fail(Phase::Target, "bad_url");
            return false;
        }
    };
    let Some(journey) = prepare(context, module, &target, results, log).await else {
        return false;
    };
    let order = match order::first(http, &target) {
        Ok(order) => order,
        Err(problem) => {
            log.error("Error creating request", &[("err", &problem)]);
            results.fail(Phase::Target, "bad_request");
            return false;
        }
    };
    for phase in ["connect", "tls", "processing", "transfer"] {
        results.add_with(&DURATION, &[("phase", phase)], 0.0);
    }
    if http.enable_http3 {
        log.error("HTTP/3 is not supported", &[]);
        results.fail(Phase::Connect, "http3_not_supported");
        return false;
    }
    let method = order.method.clone();
    let mut arrival = Arrival::default();
    let traveled = journey.travel(order, &mut arrival, log).await;
    results.set(&REDIRECTS, f64::from(arrival.redirects));
    let is_good = match traveled {
        Ok(answer) => {
            let is_head = method == hyper::Method::HEAD;
            judge(context, http, answer, &mut arrival, is_head, results, log).await
        }
        Err(failed) => {
            let name = method.as_str();
            let (initial, rest) = name.split_at(name.len().min(1));
            let url = common_client::parts::without_password(&target.text);
            let text = format!("{initial}{} {url:?}: {}", rest.to_ascii_lowercase(), failed.text);
            log.error("Error for HTTP request", &[("err", &text)]);
            failed.tell(results, module.hearth.unverified_tls_metrics);
            false
        }
    };
    record(&arrival.phases, results);
    is_good
}

/// Looks the target up and reads what the module names. Nothing where the probe ends here.
async fn prepare<'a>(
    context: &'a ProbeContext,
    module: &'a Module,
    target: &'a Target,
    results: &mut Results,
    log: &mut ProbeLog,
) -> Option<Journey<'a>> {
    let http = &module.http;
    let proxies = match Proxies::new(&http.client.proxy, &context.proxies) {
        Ok(proxies) => proxies,
        Err(cause) => {
            log.error("Error generating HTTP client", &[("err", &cause)]);
            results.fail(Phase::Target, "bad_config");
            return None;
        }
    };
    let is_skipped = http.skip_resolve_phase_with_proxy && proxies.of(target).is_some();
    let mut found = None;
    if is_skipped {
        if let Err(refusal) = check_host(&module.hearth.allow_targets, &target.host) {
            log.error("Target refused", &[("err", &refusal)]);
            results.fail(Phase::Target, "not_allowed");
            return None;
        }
    } else {
        let began = Instant::now();
        let resolving = resolve(context, module, &http.ip, &target.host, results, log);
        let resolved = resolving.await;
        results.set_with(&DURATION, &[("phase", "resolve")], began.elapsed().as_secs_f64());
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(problem) => {
                log.error("Error resolving address", &[("err", &problem)]);
                return None;
            }
        };
        found = Some(resolved.with_port(target.port));
    }
    let tls = match TlsClient::new(&http.client.tls_config, alpn(http)) {
        Ok(tls) => tls,
        Err(problem) => {
            log.error("Error generating HTTP client", &[("err", &problem)]);
            results.fail(Phase::Tls, "bad_config");
            return None;
        }
    };
    let configured = http.client.tls_config.server_name.as_deref();
    let server_name = configured.or_else(|| http.header("host")).unwrap_or(&target.host).to_owned();
    Some(Journey { context, module, first: target, found, proxies, tls, server_name })
}

/// Reads and judges an answer, whatever its status.
async fn judge(
    context: &ProbeContext,
    http: &HttpModule,
    answer: Answer,
    arrival: &mut Arrival,
    is_head: bool,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    let Answer { response, session, began, .. } = &answer;
    let (began, session) = (*began, session.clone());
    let status = response.status().as_u16();
    log.debug("Received HTTP response", &[("status_code", &status)]);
    let mut is_good = is_valid_status(http, status, log);
    if !is_good {
        results.fail(Phase::Validate, "status");
    }
    if is_good && !checks::headers(http, response.headers(), log) {
        is_good = false;
        results.set(&FAILED_REGEX, 1.0);
        results.fail(Phase::Validate, "header");
    }
    results.set(&CONTENT_LENGTH_BYTES, content_length(&answer, is_head));
    let (version, version_text) = version(response.version());
    if let Some(text) = response.headers().get(LAST_MODIFIED).and_then(|value| value.to_str().ok())
        && let Some(seconds) = dates::seconds(text)
    {
        results.set(&MODIFIED, seconds as f64);
    }
    is_good = read(context, http, answer, is_good, arrival.is_stopped, results, log).await;
    arrival.phases.transfer += Instant::now().saturating_duration_since(began);
    results.set(&HTTP_VERSION, version);
    results.set(&STATUS, f64::from(status));
    let versions = &http.valid_http_versions;
    if !versions.is_empty() && !versions.iter().any(|valid| valid == version_text) {
        log.error("Invalid HTTP version number", &[("version", &version_text)]);
        results.fail(Phase::Validate, "version");
        is_good = false;
    }
    if let Some(session) = session {
        results.set(&IS_SSL, 1.0);
        session.show(Shown::Http, results);
        if http.fail_if_ssl {
            log.error("Final request was over SSL", &[]);
            results.fail(Phase::Validate, "ssl");
            is_good = false;
        }
    } else if http.fail_if_not_ssl && is_good {
        log.error("Final request was not over SSL", &[]);
        results.fail(Phase::Validate, "not_ssl");
        is_good = false;
    }
    is_good
}

/// Reads the body, and judges it if everything was good so far.
async fn read(
    context: &ProbeContext,
    http: &HttpModule,
    answer: Answer,
    is_good: bool,
    is_stopped: bool,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    if is_stopped {
        return is_good;
    }
    let compression = match http.compression() {
        Ok(compression) => compression,
        Err(other) => {
            let problem = format!("unsupported compression algorithm: {other}");
            log.error("Failed to get decompressor for HTTP response body", &[("err", &problem)]);
            results.fail(Phase::Validate, "compression");
            return false;
        }
    };
    let rules = BodyRules::of(http).filter(|_| is_good);
    let reading = Reading {
        compression,
        limit: http.body_size_limit,
        is_kept: rules.is_some(),
        deadline: context.deadline,
    };
    let body = reading.read(answer).await;
    results.set(&BODY_LENGTH, body.count as f64);
    if let Some(problem) = &body.problem {
        tell(problem, rules.as_ref(), results, log);
        return false;
    }
    let Some(rules) = rules else { return is_good };
    let Some(verdict) = rules.judge(body.kept, context.deadline, log).await else {
        results.fail(Phase::Validate, "timeout");
        return false;
    };
    if verdict.regex_failed {
        results.set(&FAILED_REGEX, 1.0);
        results.fail(Phase::Validate, "body");
    }
    if verdict.cel_failed {
        results.set(&FAILED_CEL, 1.0);
        results.fail(Phase::Validate, "cel");
    }
    !verdict.regex_failed && !verdict.cel_failed
}

/// Says why a body could not be read; what was to be matched in it then fails too.
fn tell(problem: &Problem, rules: Option<&BodyRules>, results: &mut Results, log: &mut ProbeLog) {
    let (message, reason, text) = match problem {
        Problem::NotCompressed(text) => {
            ("Failed to get decompressor for HTTP response body", "compression", text.as_str())
        }
        Problem::Read(text) => ("Failed to read HTTP response body", "body", text.as_str()),
        Problem::TooLarge(text) => {
            ("Failed to read HTTP response body", "too_large", text.as_str())
        }
        Problem::Deadline => {
            ("Failed to read HTTP response body", "timeout", "context deadline exceeded")
        }
    };
    log.error(message, &[("err", &text)]);
    results.fail(Phase::Exchange, reason);
    if rules.is_some_and(BodyRules::has_patterns) {
        results.set(&FAILED_REGEX, 1.0);
    } else if rules.is_some_and(BodyRules::has_expressions) {
        results.set(&FAILED_CEL, 1.0);
    }
}

fn is_valid_status(http: &HttpModule, status: u16, log: &mut ProbeLog) -> bool {
    let valid = &http.valid_status_codes;
    if valid.is_empty() {
        let is_good = (200..300).contains(&status);
        if !is_good {
            let message = "Invalid HTTP response status code, wanted 2xx";
            log.error(message, &[("status_code", &status)]);
        }
        return is_good;
    }
    let is_good = valid.contains(&i64::from(status));
    if !is_good {
        let codes: Vec<String> = valid.iter().map(ToString::to_string).collect();
        let codes = format!("[{}]", codes.join(" "));
        let pairs: &[(&str, &dyn std::fmt::Display)] =
            &[("status_code", &status), ("valid_status_codes", &codes)];
        log.error("Invalid HTTP response status code", pairs);
    }
    is_good
}

/// What the answer says of its length; -1 where it does not, as Go has it.
fn content_length(answer: &Answer, is_head: bool) -> f64 {
    let response = &answer.response;
    let header = response.headers().get(CONTENT_LENGTH);
    let number = header.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let is_chunked = response.headers().contains_key(TRANSFER_ENCODING);
    let is_bodiless = matches!(response.status().as_u16(), 100..=199 | 204 | 304);
    // HTTP/2 says with the head that nothing follows.
    let is_ended = response.version() == Version::HTTP_2 && response.body().is_end_stream();
    match number {
        _ if is_bodiless && !is_head => 0.0,
        None if is_ended && !is_head => 0.0,
        Some(number) if !is_chunked => number as f64,
        _ => -1.0,
    }
}

fn version(version: Version) -> (f64, &'static str) {
    match version {
        Version::HTTP_10 => (1.0, "HTTP/1.0"),
        Version::HTTP_2 => (2.0, "HTTP/2.0"),
        Version::HTTP_3 => (3.0, "HTTP/3.0"),
        _ => (1.1, "HTTP/1.1"),
    }
}

fn record(phases: &Phases, results: &mut Results) {
    for (phase, elapsed) in [
        ("resolve", phases.resolve),
        ("connect", phases.connect),
        ("tls", phases.tls),
        ("processing", phases.processing),
        ("transfer", phases.transfer),
    ] {
        // A lookup that was left to the proxy has no time.
        if phase != "resolve" || !elapsed.is_zero() {
            results.add_with(&DURATION, &[("phase", phase)], elapsed.as_secs_f64());
        }
    }
}
