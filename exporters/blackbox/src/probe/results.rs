//! What a probe measured: gauges that may be set more than once.

use common_instrument::{Family, Samples};

use super::{Phase, Reason};

/// Series of one probe; only `probe_expect_info` has labels of the operator's choice.
const SERIES_MAX: usize = 1000;

const FAILURE_INFO: Family =
    Family::gauge("probe_failure_info", "Says in which phase the probe failed and why");

/// The gauges of one probe.
#[derive(Clone, Debug, Default)]
pub struct Results {
    entries: Vec<Entry>,
    failure: Option<(Phase, Reason)>,
}

#[derive(Clone, Debug)]
struct Entry {
    family: &'static Family,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Results {
    /// Sets a gauge without labels.
    pub fn set(&mut self, family: &'static Family, value: f64) {
        self.set_with(family, &[], value);
    }

    /// Sets a gauge with labels.
    pub fn set_with(&mut self, family: &'static Family, labels: &[(&str, &str)], value: f64) {
        if let Some(entry) = self.entry(family, labels) {
            entry.value = value;
        }
    }

    /// Adds to a gauge with labels, which begins at zero.
    pub fn add_with(&mut self, family: &'static Family, labels: &[(&str, &str)], value: f64) {
        if let Some(entry) = self.entry(family, labels) {
            entry.value += value;
        }
    }

    /// The value of a gauge, if it was set.
    #[must_use]
    pub fn get(&self, family: &Family, labels: &[(&str, &str)]) -> Option<f64> {
        self.entries.iter().find(|entry| entry.is(family, labels)).map(|entry| entry.value)
    }

    /// Says why the probe fails; the first word counts, later ones are its consequences.
    pub fn fail(&mut self, phase: Phase, reason: Reason) {
        self.failure.get_or_insert((phase, reason));
    }

    /// Why the probe failed.
    #[must_use]
    pub fn failure(&self) -> Option<(Phase, Reason)> {
        self.failure
    }

    pub(super) fn show_failure(&mut self) {
        let (phase, reason) = self.failure.unwrap_or((Phase::Exchange, "unknown"));
        self.set_with(&FAILURE_INFO, &[("phase", phase.name()), ("reason", reason)], 1.0);
    }

    fn entry(&mut self, family: &'static Family, labels: &[(&str, &str)]) -> Option<&mut Entry> {
        let found = self.entries.iter().position(|entry| entry.is(family, labels));
        let at = match found {
            Some(at) => at,
            None if self.entries.len() >= SERIES_MAX => return None,
            None => {
                let labels =
                    labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
                self.entries.push(Entry { family, labels: labels.collect(), value: 0.0 });
                self.entries.len() - 1
            }
        };
        self.entries.get_mut(at)
    }

    /// Appends everything to `samples`, which sort themselves by name as the original does.
    pub fn fill(&self, samples: &mut Samples) {
        for entry in &self.entries {
            let labels: Vec<(&str, &str)> =
                entry.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            samples.push(entry.family, &labels, entry.value);
        }
    }
}

impl Entry {
    fn is(&self, family: &Family, labels: &[(&str, &str)]) -> bool {
        let mine = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.family.name == family.name && mine.eq(labels.iter().copied())
    }
}
