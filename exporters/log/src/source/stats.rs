//! What sources count of themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Logs that are counted one by one; those beyond are counted together, as `other`.
const LOGS_MAX: usize = 20_000;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        if more > 0 {
            self.0.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted of one log.
#[derive(Debug, Default)]
pub struct LogCounters {
    /// Lines given to programs (`log_lines_total`).
    pub lines: Count,
    /// Failed reads and opens (`log_errors_total`).
    pub errors: Count,
    /// Another file came in its place (`log_rotations_total`).
    pub rotations: Count,
    /// It was cut or written anew (`log_truncates_total`).
    pub truncates: Count,
    /// Opens and accepted connections (`log_opens_total`).
    pub opens: Count,
    /// Ends of files and connections (`log_closes_total`).
    pub closes: Count,
}

/// What is counted of all logs.
#[derive(Debug, Default)]
pub struct Stats {
    logs: Mutex<BTreeMap<Arc<str>, Arc<LogCounters>>>,
    /// Lines that were longer than the limit.
    pub lines_cut: Count,
    /// Bytes read.
    pub bytes: Count,
    /// Files beyond the limit, each time they were seen.
    pub files_refused: Count,
    /// Connections beyond the limit.
    pub connections_refused: Count,
    /// Records that are not of the format which their source is said to have; they pass as they are.
    pub records_malformed: Count,
    /// Times that unread lines were found in a rotated, copied or packed file.
    pub catch_ups: Count,
}

impl Stats {
    /// The counters of a log.
    pub(crate) fn log(&self, source: &str) -> Arc<LogCounters> {
        let mut logs = self.logs.lock();
        if let Some(found) = logs.get(source) {
            return Arc::clone(found);
        }
        let name = if logs.len() < LOGS_MAX { source } else { "other" };
        Arc::clone(logs.entry(name.into()).or_default())
    }

    /// Every log that was ever read, by name (`log_count` is their number).
    pub fn logs(&self) -> Vec<(Arc<str>, Arc<LogCounters>)> {
        let logs = self.logs.lock();
        logs.iter().map(|(name, counters)| (Arc::clone(name), Arc::clone(counters))).collect()
    }
}
