//! How long to wait before the next try, and why the last one failed.

use std::time::Duration;

/// Wait after the first failure.
const WAIT_FIRST: Duration = Duration::from_millis(500);
/// Longest wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The wait after a number of failures: half as long again each time.
pub(crate) fn wait_after(failures: u32) -> Duration {
    let factor = 1.5_f64.powi(i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX));
    let seconds = WAIT_FIRST.as_secs_f64() * factor.min(1e6);
    Duration::from_secs_f64(seconds).min(WAIT_MAX)
}

/// Why a message was not delivered; upstream's words for its metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The server says that the message is wrong.
    Client,
    /// The server says that it cannot.
    Server,
    /// The time was up.
    Deadline,
    /// We were told to stop.
    Canceled,
    /// Anything else.
    Other,
}

impl Blame {
    /// All of them.
    pub(crate) const ALL: [Blame; 5] =
        [Blame::Client, Blame::Canceled, Blame::Deadline, Blame::Other, Blame::Server];

    /// The value of label `reason`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Blame::Client => "clientError",
            Blame::Server => "serverError",
            Blame::Deadline => "contextDeadlineExceeded",
            Blame::Canceled => "contextCanceled",
            Blame::Other => "other",
        }
    }
}

/// A try that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct Failure {
    /// What happened.
    pub(crate) problem: String,
    /// Whose fault it is.
    pub(crate) blame: Blame,
    /// Whether it may succeed later.
    pub(crate) may_retry: bool,
}

impl Failure {
    /// A failure that no repetition cures.
    pub(crate) fn lasting(problem: impl Into<String>) -> Failure {
        Failure { problem: problem.into(), blame: Blame::Other, may_retry: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute() {
        let millis = [1, 2, 3, 13, 1000, u32::MAX].map(|n| wait_after(n).as_millis());
        assert_eq!(millis, [500, 750, 1125, 60_000, 60_000, 60_000]);
    }
}
