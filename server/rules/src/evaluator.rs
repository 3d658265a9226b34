//! What evaluations need: the engine, the store, those who are told, the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common_instrument::Registry;
use server_notify::Alert;
use server_promql::engine::{Engine, Interrupt, Stop};
use server_promql::parser;
use server_storage::{Appendable, Queryable, Watch};

use crate::metrics::Metrics;
use crate::schedule::millis;

/// The wall clock in milliseconds since 1970.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Takes alerts that began, go on or ended; must not block.
pub type Notify = Arc<dyn Fn(Vec<Alert>) + Send + Sync>;

/// Default of [`ManagerOptions::query_timeout`].
pub const QUERY_TIMEOUT_DEFAULT: Duration = Duration::from_secs(120);

/// What a [`crate::Manager`] is built from.
#[derive(Clone)]
pub struct ManagerOptions {
    /// Evaluates expressions.
    pub engine: Engine,
    /// Where expressions are evaluated.
    pub storage: Arc<dyn Queryable>,
    /// Where results go.
    pub appendable: Arc<dyn Appendable>,
    /// Who is told of alerts.
    pub notify: Notify,
    /// The wall clock.
    pub now: Now,
    /// Where this server can be reached, without a slash at the end.
    pub external_url: String,
    /// What expressions in templates may use.
    pub parser: parser::Options,
    /// A query of a rule takes no longer.
    pub query_timeout: Duration,
    /// How alerts live through restarts, and how often they are repeated.
    pub timing: Timing,
}

/// Times in the life of alerts, in milliseconds; the defaults are upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// What is older than this is not restored (`--rules.alert.for-outage-tolerance`).
    pub outage_tolerance_ms: i64,
    /// An alert that is restored still waits this long before it fires; rules with a shorter `for`
    /// are not restored (`--rules.alert.for-grace-period`).
    pub grace_period_ms: i64,
    /// A firing alert is handed on again after this time (`--rules.alert.resend-delay`).
    pub resend_delay_ms: i64,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            outage_tolerance_ms: 60 * 60 * 1000,
            grace_period_ms: 10 * 60 * 1000,
            resend_delay_ms: crate::alert::RESEND_DELAY_MS,
        }
    }
}

/// Evaluates groups; shared by all of them.
pub struct Evaluator {
    pub(crate) options: ManagerOptions,
    pub(crate) metrics: Metrics,
    /// Queries end early.
    canceled: AtomicBool,
}

impl Evaluator {
    /// An evaluator whose metrics go to `registry`.
    #[must_use]
    pub fn new(options: ManagerOptions, registry: &Registry) -> Evaluator {
        let metrics = Metrics::register(registry);
        Evaluator { options, metrics, canceled: AtomicBool::new(false) }
    }

    pub(crate) fn now(&self) -> i64 {
        (self.options.now)()
    }

    /// Ends queries that run, and all to come.
    pub(crate) fn cancel(&self) {
        self.canceled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_canceled(&self) -> bool {
        self.canceled.load(Ordering::Relaxed)
    }

    /// What ends a query that begins now.
    pub(crate) fn deadline(&self) -> Deadline<'_> {
        let until = self.now().saturating_add(millis(self.options.query_timeout));
        Deadline { evaluator: self, until }
    }
}

/// Ends a query at its time, or when the program ends.
pub(crate) struct Deadline<'a> {
    evaluator: &'a Evaluator,
    until: i64,
}

impl Interrupt for Deadline<'_> {
    fn stop(&self) -> Option<Stop> {
        if self.evaluator.is_canceled() {
            return Some(Stop::Canceled);
        }
        (self.evaluator.now() > self.until).then_some(Stop::Timeout)
    }

    fn watch(&self) -> Watch {
        let (now, until) = (self.evaluator.options.now.clone(), self.until);
        Watch::new(Arc::new(move || now() <= until))
    }
}
