//! Rules that would write the same series: `promtool check rules --lint=duplicate-rules`.

use std::collections::BTreeMap;

use crate::load::GroupSpec;

/// Name and labels that more than one rule has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The metric's or alert's name.
    pub metric: String,
    /// The labels that the rules set.
    pub labels: BTreeMap<String, String>,
}

/// The rules beyond the first with equal names and labels, sorted; one that occurs three times is
/// named twice. Only the labels that the rules themselves set are compared.
#[must_use]
pub fn duplicates(groups: &[GroupSpec]) -> Vec<Duplicate> {
    let mut all: Vec<(&String, &BTreeMap<String, String>)> = groups
        .iter()
        .flat_map(|group| &group.rules)
        .map(|rule| (&rule.name, &rule.labels))
        .collect();
    all.sort();
    all.windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| Duplicate { metric: pair[0].0.clone(), labels: pair[0].1.clone() })
        .collect()
}
