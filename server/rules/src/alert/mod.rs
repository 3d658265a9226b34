//! The life of an alert: pending, firing, resolved, and when it is told to others. No clock.

mod machine;

use std::fmt;

use common_model::Labels;

pub use machine::{Instance, Machine};

/// How long a resolved alert is kept and told again, in milliseconds.
pub const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;
/// An alert is told again after this long, in milliseconds.
pub const RESEND_DELAY_MS: i64 = 60 * 1000;
/// An alert ends this many evaluations, or resends, after it was last told: two may fail.
const VALID_ROUNDS: i64 = 4;

/// What an alert is at a time, in order of urgency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nobody knows: its rule was not yet evaluated.
    Unknown,
    /// Its condition does not hold.
    #[default]
    Inactive,
    /// Its condition holds, but not yet for long enough.
    Pending,
    /// It fires.
    Firing,
}

impl State {
    /// As the API and the label `alertstate` have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Unknown => "unknown",
            State::Inactive => "inactive",
            State::Pending => "pending",
            State::Firing => "firing",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One alert of a rule. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveAlert {
    /// Its labels, `alertname` included.
    pub labels: Labels,
    /// Its annotations, expanded.
    pub annotations: Labels,
    /// What it is now.
    pub state: State,
    /// The expression's value when it was last true.
    pub value: f64,
    /// Since when the condition holds.
    pub active_at: i64,
    /// When it began to fire.
    pub fired_at: Option<i64>,
    /// When it ended.
    pub resolved_at: Option<i64>,
    /// When it was last told.
    pub last_sent_at: Option<i64>,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since: Option<i64>,
    /// When receivers may take it as ended if they hear nothing more.
    pub valid_until: i64,
}

impl ActiveAlert {
    /// Whether it is to be told at `now`.
    #[must_use]
    pub fn needs_sending(&self, now: i64, resend_delay_ms: i64) -> bool {
        if self.state == State::Pending {
            return false;
        }
        let Some(sent) = self.last_sent_at else {
            return true;
        };
        self.resolved_at.is_some_and(|resolved| resolved > sent) || sent + resend_delay_ms < now
    }

    /// Notes that it is told at `now`.
    fn sent(&mut self, now: i64, resend_delay_ms: i64, interval_ms: i64) {
        self.last_sent_at = Some(now);
        self.valid_until = now + VALID_ROUNDS * resend_delay_ms.max(interval_ms);
    }
}
