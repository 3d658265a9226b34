//! Those who are told of every query that is done: metrics, and the query log.

use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use common_model::TimestampMs;

use super::QueryStats;

/// Is told of queries by whoever runs them: the API, rules.
pub trait Observer: Debug + Send + Sync {
    /// A query waits, or runs; [`Observer::done`] follows.
    fn begun(&self);
    /// A query is over; nothing stands here for one that was never evaluated.
    fn done(&self, query: Option<&Done<'_>>);
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn begun(&self) {}
    fn done(&self, _: Option<&Done<'_>>) {}
}

/// A query that is over.
#[derive(Clone, Debug)]
pub struct Done<'a> {
    /// Its text.
    pub query: &'a str,
    /// First time it was evaluated at.
    pub start: TimestampMs,
    /// Last time.
    pub end: TimestampMs,
    /// Between two times; zero for one time only.
    pub step_ms: i64,
    /// Who asked.
    pub origin: Origin<'a>,
    /// Where its time went.
    pub laps: Laps,
    /// What it took, as far as that is known of one that failed.
    pub stats: QueryStats,
    /// What went wrong.
    pub error: Option<&'a str>,
}

/// Who asked a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// Somebody over HTTP.
    Request {
        /// The address; none on Unix sockets.
        client: Option<IpAddr>,
        /// The method.
        method: &'a str,
        /// The path.
        path: &'a str,
    },
    /// A rule, or one of its templates.
    Rule {
        /// The file of its group.
        file: &'a str,
        /// The name of its group.
        group: &'a str,
    },
}

/// Where the time of a query went. Results come out of the evaluation in their order, so that
/// sorting takes no time of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Laps {
    /// Waiting for its turn.
    pub queue: Duration,
    /// Parsing.
    pub prepare: Duration,
    /// Evaluating.
    pub eval: Duration,
}

impl Laps {
    /// All of them under the names that the API and the query log have for them.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Duration); 6] {
        let total = self.prepare + self.eval;
        [
            ("evalTotalTime", total),
            ("resultSortTime", Duration::ZERO),
            ("queryPreparationTime", self.prepare),
            ("innerEvalTime", self.eval),
            ("execQueueTime", self.queue),
            ("execTotalTime", total),
        ]
    }
}
