//! What receivers were last told, so that nobody is told the same thing twice. In memory only.

use std::collections::{HashMap, HashSet};

use crate::Alert;

/// An entry lives this many repeat intervals.
const ENTRY_REPEATS: i64 = 2;
/// Longest life of an entry: upstream's default `data.retention`, 120 hours.
const RETENTION_MS: i64 = 120 * 3600 * 1000;

/// One integration of one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReceiverId {
    /// The receiver's name.
    pub(crate) receiver: String,
    /// `webhook` or `email`.
    pub(crate) integration: &'static str,
    /// Which of that kind.
    pub(crate) index: usize,
}

/// Why a message is sent; upstream's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    First,
    NewAlerts,
    NewResolved,
    AllResolved,
    Repeat,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Reason::First => "first notification",
            Reason::NewAlerts => "new alerts added",
            Reason::NewResolved => "some alerts resolved",
            Reason::AllResolved => "all alerts resolved",
            Reason::Repeat => "repeat interval elapsed",
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They know.
    Quiet,
    /// Tell them.
    Tell(Reason),
    /// Nothing to send, but what they know has changed.
    Note,
}

#[derive(Debug, Default)]
struct Entry {
    firing: HashSet<u64>,
    resolved: HashSet<u64>,
    told_at_ms: i64,
    expires_at_ms: i64,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct Log(HashMap<(String, ReceiverId), Entry>);

impl Log {
    /// Whether an integration must be told of a group's alerts.
    pub(crate) fn verdict(
        &self,
        key: &(String, ReceiverId),
        alerts: &[Alert],
        sends_resolved: bool,
        repeat_interval_ms: i64,
        now_ms: i64,
    ) -> Verdict {
        let (firing, resolved) = split(alerts);
        let entry = self.0.get(key).filter(|entry| entry.expires_at_ms > now_ms);
        let Some(entry) = entry else {
            return if firing.is_empty() { Verdict::Quiet } else { Verdict::Tell(Reason::First) };
        };
        if !firing.is_subset(&entry.firing) {
            let is_first = entry.firing.is_empty();
            return Verdict::Tell(if is_first { Reason::First } else { Reason::NewAlerts });
        }
        if firing.is_empty() {
            return match (entry.firing.is_empty(), sends_resolved) {
                (true, _) => Verdict::Quiet,
                (false, true) => Verdict::Tell(Reason::AllResolved),
                (false, false) => Verdict::Note,
            };
        }
        if sends_resolved && !resolved.is_subset(&entry.resolved) {
            return Verdict::Tell(Reason::NewResolved);
        }
        if entry.told_at_ms < now_ms.saturating_sub(repeat_interval_ms) {
            return Verdict::Tell(Reason::Repeat);
        }
        Verdict::Quiet
    }

    /// Notes what an integration now knows.
    pub(crate) fn note(
        &mut self,
        key: (String, ReceiverId),
        alerts: &[Alert],
        repeat_interval_ms: i64,
        now_ms: i64,
    ) {
        let (firing, resolved) = split(alerts);
        let life = repeat_interval_ms.saturating_mul(ENTRY_REPEATS).min(RETENTION_MS);
        let expires_at_ms = now_ms.saturating_add(life);
        self.0.insert(key, Entry { firing, resolved, told_at_ms: now_ms, expires_at_ms });
    }

    /// Drops entries whose time is over.
    pub(crate) fn forget_expired(&mut self, now_ms: i64) {
        self.0.retain(|_, entry| entry.expires_at_ms > now_ms);
    }
}

/// Fingerprints of the firing and of the resolved alerts of a flush.
fn split(alerts: &[Alert]) -> (HashSet<u64>, HashSet<u64>) {
    let (resolved, firing): (Vec<&Alert>, Vec<&Alert>) =
        alerts.iter().partition(|alert| alert.ends_at_ms != 0);
    let prints = |alerts: Vec<&Alert>| alerts.into_iter().map(Alert::fingerprint).collect();
    (prints(firing), prints(resolved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common_model::Labels;

    /// Each word is an alert; resolved ones have a minus sign.
    fn alerts(text: &str) -> Vec<Alert> {
        let one = |word: &str| {
            let name = word.trim_start_matches('-');
            let ends_at_ms = i64::from(word.starts_with('-'));
            Alert { labels: Labels::from_pairs([("a", name)]), ends_at_ms, ..Alert::default() }
        };
        text.split_whitespace().map(one).collect()
    }

    #[track_caller]
    fn check(known: Option<&str>, now: &str, sends_resolved: bool, age_ms: i64, wanted: Verdict) {
        let id = ReceiverId { receiver: "r".to_owned(), integration: "webhook", index: 0 };
        let key = ("{}:{}".to_owned(), id);
        let mut log = Log::default();
        if let Some(known) = known {
            log.note(key.clone(), &alerts(known), 100, 1000);
        }
        let verdict = log.verdict(&key, &alerts(now), sends_resolved, 100, 1000 + age_ms);
        assert_eq!(verdict, wanted, "{known:?} {now} {sends_resolved} {age_ms}");
    }

    #[test]
    fn nobody_is_told_the_same_thing_twice() {
        check(None, "a", true, 0, Verdict::Tell(Reason::First));
        check(None, "-a", true, 0, Verdict::Quiet);
        check(Some("a"), "a", true, 100, Verdict::Quiet);
        check(Some("a"), "a", true, 101, Verdict::Tell(Reason::Repeat));
        check(Some("a"), "a", true, 200, Verdict::Tell(Reason::First));
        check(Some("a"), "a b", true, 1, Verdict::Tell(Reason::NewAlerts));
        check(Some("a b"), "a", true, 1, Verdict::Quiet);
        check(Some("a b"), "a -b", true, 1, Verdict::Tell(Reason::NewResolved));
        check(Some("a b"), "a -b", false, 1, Verdict::Quiet);
        check(Some("a -b"), "a -b", true, 1, Verdict::Quiet);
        check(Some("a"), "-a", true, 1, Verdict::Tell(Reason::AllResolved));
        check(Some("a"), "-a", false, 1, Verdict::Note);
        check(Some("-a"), "-a", true, 1, Verdict::Quiet);
        check(Some("-a"), "a", true, 1, Verdict::Tell(Reason::First));
    }
}
