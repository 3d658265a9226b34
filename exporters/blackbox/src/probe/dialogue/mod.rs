//! `query_response` over a connection: lines that must come, lines to send, TLS in between.

mod reader;

use common_config::TlsConfig;
use common_instrument::Family;
use common_re2::{Captures, Regex};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout_at;

use self::reader::Reader;
use super::stream::Stream;
use super::text::text_of;
use super::tls::{Shown, TlsClient};
use super::{Phase, ProbeContext, ProbeLog, Results, reason_of};
use crate::config::{Dialogue, Expect, Label, Module, Step};

pub(super) const FAILED_REGEX: Family =
    Family::gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex");
const FAILED_BYTES: Family =
    Family::gauge("probe_failed_due_to_bytes", "Indicates if probe failed due to bytes");
pub(super) const EXPECT_INFO: Family =
    Family::gauge("probe_expect_info", "Explicit content matched");

/// How the dialogue goes on in TLS.
pub(super) struct Upgrade<'a> {
    pub(super) config: &'a TlsConfig,
    /// What the certificate must be for.
    pub(super) name: &'a str,
}

/// A line that matched and what is to be made of it.
pub(super) struct Match<'t> {
    pub(super) captures: Captures<'t>,
    pub(super) pattern: &'t Regex,
}

impl Match<'_> {
    /// A template with the groups of the match.
    pub(super) fn expand(&self, template: &str) -> String {
        let mut text = String::new();
        self.pattern.expand(template, &self.captures, &mut text);
        text
    }

    /// Sets `probe_expect_info` with the labels of a step.
    pub(super) fn tell(&self, labels: &[Label], results: &mut Results) {
        if labels.is_empty() {
            return;
        }
        let filled: Vec<(&str, String)> =
            labels.iter().map(|label| (label.name.as_str(), self.expand(&label.value))).collect();
        let filled: Vec<(&str, &str)> =
            filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
        results.set_with(&EXPECT_INFO, &filled, 1.0);
    }
}

/// Talks until all is said or something else came. Everything is within the deadline.
pub(super) async fn talk(
    context: &ProbeContext,
    module: &Module,
    dialogue: &Dialogue,
    stream: Box<dyn Stream>,
    upgrade: Upgrade<'_>,
    (results, log): (&mut Results, &mut ProbeLog),
) -> bool {
    results.set(&FAILED_REGEX, 0.0);
    results.set(&FAILED_BYTES, 0.0);
    let mut reader = Reader::new(stream);
    for (at, step) in dialogue.0.iter().enumerate() {
        log.debug("Processing query response entry", &[("entry_number", &at)]);
        let Some(send) = expect(context, step, &mut reader, results, log).await else {
            return false;
        };
        if !send.is_empty() && !say(context, &send, &mut reader, results, log).await {
            return false;
        }
        if step.starttls {
            let Some(next) = begin_tls(context, module, reader, &upgrade, results, log).await
            else {
                return false;
            };
            reader = next;
        }
    }
    true
}

/// Waits for what a step expects; gives what it sends then.
async fn expect(
    context: &ProbeContext,
    step: &Step,
    reader: &mut Reader,
    results: &mut Results,
    log: &mut ProbeLog,
) -> Option<Vec<u8>> {
    match &step.expect {
        None => Some(step.send.clone()),
        Some(Expect::Pattern(pattern)) => {
            expect_line(context, step, pattern, reader, results, log).await
        }
        Some(Expect::Bytes(wanted)) => {
            expect_bytes(context, wanted, reader, results, log).await.then(|| step.send.clone())
        }
    }
}

async fn expect_line(
    context: &ProbeContext,
    step: &Step,
    pattern: &Regex,
    reader: &mut Reader,
    results: &mut Results,
    log: &mut ProbeLog,
) -> Option<Vec<u8>> {
    loop {
        let line = match reader.line(context.deadline).await {
            Ok(Some(line)) => line,
            Ok(None) => {
                results.set(&FAILED_REGEX, 1.0);
                results.fail(Phase::Validate, "no_match");
                log.error("Regexp did not match", &[("regexp", pattern), ("line", &"")]);
                return None;
            }
            Err(error) => {
                results.fail(Phase::Exchange, error.reason());
                log.error("Error reading from connection", &[("err", &error)]);
                return None;
            }
        };
        let text = text_of(&line);
        log.debug("Read line", &[("line", &text)]);
        let Some(captures) = pattern.captures(&text) else { continue };
        log.debug("Regexp matched", &[("regexp", pattern), ("line", &text)]);
        let found = Match { captures, pattern };
        found.tell(&step.labels, results);
        // Only a text can name groups.
        return Some(match std::str::from_utf8(&step.send) {
            Ok(template) => found.expand(template).into_bytes(),
            Err(_) => step.send.clone(),
        });
    }
}

async fn expect_bytes(
    context: &ProbeContext,
    wanted: &[u8],
    reader: &mut Reader,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    let shown = |bytes: &[u8]| text_of(bytes).into_owned();
    let bytes = match reader.exactly(wanted.len(), context.deadline).await {
        Ok(bytes) => bytes,
        Err(error) => {
            results.fail(Phase::Exchange, error.reason());
            log.error("Error reading from connection", &[("err", &error)]);
            return false;
        }
    };
    if bytes.len() < wanted.len() {
        results.fail(Phase::Exchange, "closed");
        let pairs: &[(&str, &dyn std::fmt::Display)] =
            &[("expected", &shown(wanted)), ("bytes", &shown(&bytes))];
        log.error("Read less data than expected", pairs);
        return false;
    }
    log.debug("Read bytes", &[("bytes", &shown(&bytes))]);
    let is_same = bytes == wanted;
    let pairs: &[(&str, &dyn std::fmt::Display)] =
        &[("expected", &shown(wanted)), ("bytes", &shown(&bytes))];
    if is_same {
        log.debug("Bytes matched", pairs);
    } else {
        results.set(&FAILED_BYTES, 1.0);
        results.fail(Phase::Validate, "bytes");
        log.error("Bytes did not match", pairs);
    }
    is_same
}

async fn say(
    context: &ProbeContext,
    send: &[u8],
    reader: &mut Reader,
    results: &mut Results,
    log: &mut ProbeLog,
) -> bool {
    log.debug("Sending line", &[("line", &text_of(send))]);
    let line = [send, b"\n"].concat();
    let stream = reader.stream();
    let sending = async {
        stream.write_all(&line).await?;
        stream.flush().await
    };
    let problem = match timeout_at(context.deadline, sending).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => {
            results.fail(Phase::Exchange, reason_of(&error));
            error.to_string()
        }
        Err(_) => {
            results.fail(Phase::Exchange, "timeout");
            "i/o timeout".to_owned()
        }
    };
    log.error("Failed to send", &[("err", &problem)]);
    false
}

/// Begins TLS. What the server said before, but was not read, is forgotten: it was not protected.
async fn begin_tls(
    context: &ProbeContext,
    module: &Module,
    reader: Reader,
    upgrade: &Upgrade<'_>,
    results: &mut Results,
    log: &mut ProbeLog,
) -> Option<Reader> {
    let client = match TlsClient::new(upgrade.config, &[]) {
        Ok(client) => client,
        Err(problem) => {
            results.fail(Phase::Tls, "bad_config");
            log.error("Failed to create TLS configuration", &[("err", &problem)]);
            return None;
        }
    };
    let shaking = client.handshake(reader.into_stream(), upgrade.name);
    let problem = match timeout_at(context.deadline, shaking).await {
        Ok(Ok((stream, session))) => {
            log.debug("TLS Handshake (client) succeeded.", &[]);
            session.show(Shown::Tcp, results);
            return Some(Reader::new(Box::new(stream)));
        }
        Ok(Err(problem)) => {
            results.fail(Phase::Tls, problem.reason);
            if module.hearth.unverified_tls_metrics {
                problem.show(results);
            }
            problem.text
        }
        Err(_) => {
            results.fail(Phase::Tls, "timeout");
            "i/o timeout".to_owned()
        }
    };
    log.error("TLS Handshake (client) failed", &[("err", &problem)]);
    None
}
