//! The last probes: a ring of all, and a second one of failures that fell out of the first.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::config::Module;

/// What is kept of one probe.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Counts up from zero.
    pub(crate) id: u64,
    /// Name of the module.
    pub(crate) module: String,
    /// As it was asked for.
    pub(crate) target: String,
    /// Whether it succeeded.
    pub(crate) is_success: bool,
    /// When it ended, in Unix milliseconds.
    pub(crate) at_ms: i64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// What is shown of it.
    pub(crate) report: Report,
}

/// What `debug=true` and `/logs` show.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The log.
    pub(crate) log: String,
    /// The metrics.
    pub(crate) metrics: Bytes,
    /// How it was probed.
    pub(crate) settings: Arc<Module>,
}

impl Report {
    /// The page.
    pub(crate) fn text(&self) -> String {
        format!(
            "Logs for the probe:\n{}\n\n\nMetrics that would have been returned:\n{}\n\n\nModule \
             configuration:\n{}",
            self.log,
            String::from_utf8_lossy(&self.metrics),
            self.settings.show()
        )
    }
}

/// The rings.
#[derive(Debug)]
pub(crate) struct History {
    limit: usize,
    rings: Mutex<Rings>,
}

#[derive(Debug, Default)]
struct Rings {
    next_id: u64,
    all: VecDeque<Arc<Entry>>,
    failed: VecDeque<Arc<Entry>>,
}

impl History {
    /// Keeps `limit` probes, and as many failed ones that are older.
    pub(crate) fn new(limit: usize) -> History {
        History { limit, rings: Mutex::default() }
    }

    /// Keeps a probe; its id is given here.
    pub(crate) fn add(&self, mut entry: Entry) {
        if self.limit == 0 {
            return;
        }
        let mut rings = self.rings.lock();
        entry.id = rings.next_id;
        rings.next_id += 1;
        rings.all.push_back(Arc::new(entry));
        if rings.all.len() <= self.limit {
            return;
        }
        let Some(oldest) = rings.all.pop_front() else { return };
        if oldest.is_success {
            return;
        }
        rings.failed.push_back(oldest);
        if rings.failed.len() > self.limit {
            rings.failed.pop_front();
        }
    }

    /// All that are kept, oldest first.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        let rings = self.rings.lock();
        rings.failed.iter().chain(&rings.all).cloned().collect()
    }

    pub(crate) fn by_id(&self, id: u64) -> Option<Arc<Entry>> {
        self.entries().into_iter().find(|entry| entry.id == id)
    }

    /// The oldest probe of a target, by one module or by any.
    pub(crate) fn by_target(&self, target: &str, module: &str) -> Option<Arc<Entry>> {
        let fits = |entry: &Arc<Entry>| {
            entry.target == target && (module.is_empty() || entry.module == module)
        };
        self.entries().into_iter().find(fits)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::Config;

    pub(crate) fn entry(target: &str, is_success: bool) -> Entry {
        let config = Config::parse("modules: {m: {prober: http}}", "x.yml").unwrap();
        Entry {
            id: 0,
            module: "m".to_owned(),
            target: target.to_owned(),
            is_success,
            at_ms: 0,
            seconds: 0.0,
            report: Report {
                log: String::new(),
                metrics: Bytes::new(),
                settings: Arc::clone(&config.modules["m"]),
            },
        }
    }

    #[test]
    fn failures_outlive_successes() {
        let history = History::new(2);
        for (target, is_success) in
            [("a", false), ("b", true), ("c", false), ("d", false), ("e", true), ("f", true)]
        {
            history.add(entry(target, is_success));
        }
        let kept: Vec<(u64, String)> =
            history.entries().iter().map(|entry| (entry.id, entry.target.clone())).collect();
        let expected = [(2, "c"), (3, "d"), (4, "e"), (5, "f")];
        assert_eq!(kept, expected.map(|(id, target)| (id, target.to_owned())));
        assert_eq!(history.by_id(3).map(|entry| entry.target.clone()), Some("d".to_owned()));
        assert!(history.by_id(0).is_none());
        assert!(history.by_target("e", "m").is_some());
        assert!(history.by_target("e", "other").is_none());
        assert!(history.by_target("a", "").is_none());
    }

    #[test]
    fn a_limit_of_zero_keeps_nothing() {
        let history = History::new(0);
        history.add(entry("a", false));
        assert!(history.entries().is_empty());
    }
}
