//! Inhibition: which firing alerts make others not worth a message.

use common_config::alertmanager::InhibitRule;
use common_model::{Labels, Matcher};

use super::store::Stored;

/// The rules.
#[derive(Debug)]
pub(super) struct Inhibitor(Vec<InhibitRule>);

/// The alerts that fire at one time and are a source of a rule.
pub(super) struct Sources<'a> {
    rules: &'a [InhibitRule],
    /// By rule: source alerts with whether they are targets of the rule too.
    by_rule: Vec<Vec<(&'a Labels, bool)>>,
}

impl Inhibitor {
    pub(super) fn new(rules: &[InhibitRule]) -> Inhibitor {
        Inhibitor(rules.to_vec())
    }

    /// Finds the sources among all alerts.
    pub(super) fn sources<'a>(
        &'a self,
        alerts: impl Iterator<Item = &'a Stored>,
        now_ms: i64,
    ) -> Sources<'a> {
        let mut by_rule = vec![Vec::new(); self.0.len()];
        if self.0.is_empty() {
            return Sources { rules: &self.0, by_rule };
        }
        for stored in alerts.filter(|stored| !stored.alert.is_resolved_at(now_ms)) {
            let labels = &stored.alert.labels;
            for (rule, sources) in self.0.iter().zip(&mut by_rule) {
                if matches_all(&rule.source_matchers, labels) {
                    sources.push((labels, matches_all(&rule.target_matchers, labels)));
                }
            }
        }
        Sources { rules: &self.0, by_rule }
    }
}

impl Sources<'_> {
    /// The fingerprint of an alert that inhibits one with these labels. What is source and target
    /// of a rule is not inhibited by another such alert, so that two cannot silence each other.
    pub(super) fn inhibiting(&self, labels: &Labels) -> Option<u64> {
        self.rules.iter().zip(&self.by_rule).find_map(|(rule, sources)| {
            if sources.is_empty() || !matches_all(&rule.target_matchers, labels) {
                return None;
            }
            let is_source = matches_all(&rule.source_matchers, labels);
            let is_equal = |source: &Labels| {
                rule.equal.iter().all(|name| source.value(name) == labels.value(name))
            };
            let found = sources
                .iter()
                .find(|(source, is_target)| !(is_source && *is_target) && is_equal(source));
            found.map(|(source, _)| crate::fingerprint(source))
        })
    }
}

fn matches_all(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels.value(&matcher.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Alert;
    use common_config::alertmanager::AlertmanagerFile;

    /// Pairs as `a=b c=d`.
    fn labels(text: &str) -> Labels {
        Labels::from_pairs(text.split_whitespace().filter_map(|pair| pair.split_once('=')))
    }

    #[track_caller]
    fn check(sources: &[(&str, i64)], target: &str, wanted: bool) {
        let text = "{route: {receiver: a}, receivers: [{name: a}], inhibit_rules: [{source_matchers: \
                    [s=1], target_matchers: [t=1], equal: [n]}]}";
        let inhibitor = Inhibitor::new(&AlertmanagerFile::parse(text).unwrap().inhibit_rules);
        let stored: Vec<Stored> = sources
            .iter()
            .map(|(text, ends_at_ms)| {
                let alert =
                    Alert { labels: labels(text), ends_at_ms: *ends_at_ms, ..Alert::default() };
                Stored::new(alert, 1, 1)
            })
            .collect();
        let sources = inhibitor.sources(stored.iter(), 100);
        assert_eq!(sources.inhibiting(&labels(target)).is_some(), wanted, "{target}");
    }

    #[test]
    fn a_firing_source_with_equal_labels_inhibits() {
        check(&[], "t=1", false);
        check(&[("s=1", 200)], "t=1", true);
        check(&[("s=1", 200)], "t=2", false);
        check(&[("s=1", 100)], "t=1", false);
        check(&[("s=1 n=a", 200)], "t=1", false);
        check(&[("s=1 n=a", 200)], "t=1 n=a", true);
        // Both sides: not by another of both sides, but by one that is only a source.
        check(&[("s=1 t=1", 200)], "s=1 t=1", false);
        check(&[("s=1 t=1", 200), ("s=1 x=1", 200)], "s=1 t=1", true);
        check(&[("s=1 t=1", 200)], "t=1 x=2", true);
    }
}
