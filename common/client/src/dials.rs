//! Counts of connections that clients made, and why others failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Cause;

/// Counts of the clients that share them.
#[derive(Debug, Default)]
pub struct Dials {
    attempted: AtomicU64,
    established: AtomicU64,
    closed: AtomicU64,
    failed: [AtomicU64; DialFailure::ALL.len()],
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialFailure {
    /// Nobody listens.
    Refused,
    /// The name has no address.
    Resolution,
    /// Nobody answered in time.
    Timeout,
    /// Anything else.
    Unknown,
}

impl DialFailure {
    /// All reasons.
    pub const ALL: [DialFailure; 4] =
        [DialFailure::Refused, DialFailure::Resolution, DialFailure::Timeout, DialFailure::Unknown];

    /// As metrics name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DialFailure::Refused => "refused",
            DialFailure::Resolution => "resolution",
            DialFailure::Timeout => "timeout",
            DialFailure::Unknown => "unknown",
        }
    }

    fn of(cause: &Cause) -> DialFailure {
        match cause {
            Cause::Lookup { .. } => DialFailure::Resolution,
            Cause::Dial { problem, .. } if problem.ends_with("connection refused") => {
                DialFailure::Refused
            }
            Cause::Dial { problem, .. } if problem.ends_with("timeout") => DialFailure::Timeout,
            _ => DialFailure::Unknown,
        }
    }
}

impl Dials {
    /// Connections that were tried.
    pub fn attempted(&self) -> u64 {
        self.attempted.load(Ordering::Relaxed)
    }

    /// Those that came about.
    pub fn established(&self) -> u64 {
        self.established.load(Ordering::Relaxed)
    }

    /// Those that have ended.
    pub fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }

    /// Those that did not come about for this reason.
    pub fn failed(&self, reason: DialFailure) -> u64 {
        self.failed[reason as usize].load(Ordering::Relaxed)
    }

    /// Begins an attempt; given up before it has an outcome, it counts as timed out.
    pub(crate) fn attempt(self: &Arc<Dials>) -> Attempt {
        self.attempted.fetch_add(1, Ordering::Relaxed);
        Attempt { dials: Arc::clone(self), outcome: Some(DialFailure::Timeout) }
    }
}

/// An attempt to connect.
pub(crate) struct Attempt {
    dials: Arc<Dials>,
    outcome: Option<DialFailure>,
}

impl Attempt {
    /// There is a connection; its end is counted when the value goes.
    pub(crate) fn established(mut self) -> Established {
        self.outcome = None;
        self.dials.established.fetch_add(1, Ordering::Relaxed);
        Established(Arc::clone(&self.dials))
    }

    /// There is none.
    pub(crate) fn failed(mut self, cause: &Cause) {
        self.outcome = Some(DialFailure::of(cause));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(reason) = self.outcome {
            self.dials.failed[reason as usize].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A connection.
pub(crate) struct Established(Arc<Dials>);

impl Drop for Established {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, Ordering::Relaxed);
    }
}
