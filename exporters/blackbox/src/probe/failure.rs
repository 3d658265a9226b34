//! Why a probe failed, in few words: the labels of `probe_failure_info`.

use super::Results;
use super::tls::TlsProblem;

/// Where it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The target, as it was given.
    Target,
    /// Name to address.
    Resolve,
    /// The way to the target.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Request and answer.
    Exchange,
    /// What the answer holds.
    Validate,
}

impl Phase {
    /// The value of the label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Phase::Target => "target",
            Phase::Resolve => "resolve",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::Exchange => "exchange",
            Phase::Validate => "validate",
        }
    }
}

/// What went wrong: a few lower-case words that do not depend on target or answer, so that the
/// label has few values.
pub type Reason = &'static str;

/// The words for a system error.
#[must_use]
pub fn reason_of(error: &std::io::Error) -> Reason {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            "reset"
        }
        ErrorKind::TimedOut => "timeout",
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => "unreachable",
        ErrorKind::UnexpectedEof => "closed",
        ErrorKind::PermissionDenied => "not_permitted",
        ErrorKind::AddrNotAvailable => "source_address",
        ErrorKind::NotFound => "not_found",
        _ => "io",
    }
}

/// A way that came to nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    /// In Go's words.
    pub(crate) text: String,
    phase: Phase,
    reason: Reason,
    tls: Option<TlsProblem>,
}

impl Failed {
    /// What failed where, in few words and in Go's.
    pub(crate) fn new(phase: Phase, reason: Reason, text: impl Into<String>) -> Failed {
        Failed { text: text.into(), phase, reason, tls: None }
    }

    /// The time is up.
    pub(crate) fn late(phase: Phase) -> Failed {
        Failed::new(phase, "timeout", "context deadline exceeded")
    }

    /// Whether it was the time that ran out.
    pub(crate) fn is_late(&self) -> bool {
        self.reason == "timeout"
    }

    /// The handshake failed.
    pub(crate) fn tls(problem: TlsProblem) -> Failed {
        let text = problem.text.clone();
        Failed { text, phase: Phase::Tls, reason: problem.reason, tls: Some(problem) }
    }

    /// Says why in the results; what an unbelieved server showed only if it is wanted.
    pub(crate) fn tell(&self, results: &mut Results, with_certificate: bool) {
        results.fail(self.phase, self.reason);
        if let Some(problem) = self.tls.as_ref().filter(|_| with_certificate) {
            problem.show(results);
        }
    }
}
