//! Why a probe failed, in few words: the labels of `probe_failure_info`.

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
