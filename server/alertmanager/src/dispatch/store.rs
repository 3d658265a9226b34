//! The alerts that are known, by their labels.

use std::collections::HashMap;

use common_model::Labels;

use crate::Alert;

/// An alert and where its end comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    /// The alert; its end is known.
    pub(crate) alert: Alert,
    /// Whether the end is only when we stop waiting for a repetition.
    pub(crate) is_timeout: bool,
}

impl Stored {
    /// Fills in what the sender did not say.
    pub(crate) fn new(mut alert: Alert, now_ms: i64, resolve_timeout_ms: i64) -> Stored {
        if alert.starts_at_ms == 0 {
            alert.starts_at_ms = if alert.ends_at_ms == 0 { now_ms } else { alert.ends_at_ms };
        }
        let is_timeout = alert.ends_at_ms == 0;
        if is_timeout {
            alert.ends_at_ms = now_ms.saturating_add(resolve_timeout_ms);
        }
        alert.updated_at_ms = now_ms;
        Stored { alert, is_timeout }
    }

    /// One alert out of two reports on it; `self` is the older one.
    fn merge(&self, newer: Stored, now_ms: i64) -> Stored {
        let (old, mut merged) = (&self.alert, newer);
        let new = &mut merged.alert;
        new.starts_at_ms = new.starts_at_ms.min(old.starts_at_ms);
        if old.ends_at_ms > new.ends_at_ms {
            // Of two ends the later one counts; of a firing alert only an end that somebody gave.
            let is_new_resolved = new.is_resolved_at(now_ms);
            let counts =
                if is_new_resolved { old.is_resolved_at(now_ms) } else { !self.is_timeout };
            if counts {
                new.ends_at_ms = old.ends_at_ms;
            }
        }
        merged
    }
}

/// All alerts.
#[derive(Debug, Default)]
pub(super) struct Store(HashMap<Labels, Stored>);

impl Store {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn contains(&self, stored: &Stored) -> bool {
        self.0.contains_key(&stored.alert.labels)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.0.values()
    }

    /// Takes a report; gives the alert as it is now known.
    pub(super) fn put(&mut self, stored: Stored, now_ms: i64) -> Stored {
        let merged = match self.0.get(&stored.alert.labels) {
            Some(old) if overlaps(&old.alert, &stored.alert) => old.merge(stored, now_ms),
            _ => stored,
        };
        self.0.insert(merged.alert.labels.clone(), merged.clone());
        merged
    }

    pub(super) fn forget_resolved(&mut self, now_ms: i64) {
        self.0.retain(|_, stored| !stored.alert.is_resolved_at(now_ms));
    }
}

/// Whether the newer alert begins or ends while the older one was active.
fn overlaps(old: &Alert, new: &Alert) -> bool {
    let is_within = |time: i64| time > old.starts_at_ms && time < old.ends_at_ms;
    is_within(new.ends_at_ms) || is_within(new.starts_at_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1000;

    /// Start, end (0: none given) of an old and a new report, and of what is then known.
    #[track_caller]
    fn check(old: (i64, i64), new: (i64, i64), wanted: (i64, i64)) {
        let make = |(starts_at_ms, ends_at_ms)| {
            let alert = Alert { starts_at_ms, ends_at_ms, ..Alert::default() };
            Stored::new(alert, NOW_MS, 500)
        };
        let mut store = Store::default();
        store.put(make(old), NOW_MS);
        let known = store.put(make(new), NOW_MS).alert;
        assert_eq!((known.starts_at_ms, known.ends_at_ms), wanted, "{old:?} {new:?}");
    }

    #[test]
    fn reports_on_one_alert_are_merged() {
        // The earliest start stays; an end that somebody gave stays if it is later.
        check((100, 2000), (200, 1800), (100, 2000));
        // The end by timeout does not.
        check((100, 0), (200, 1400), (100, 1400));
        // A resolved report ends a firing alert.
        check((100, 2000), (100, 900), (100, 900));
        // Of two ends in the past the later.
        check((100, 950), (100, 900), (100, 950));
        // What begins after the end is another occurrence.
        check((100, 200), (300, 2000), (300, 2000));
    }
}
