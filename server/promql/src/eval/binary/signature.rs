//! Which series of two vectors belong together.

use common_model::{Labels, METRIC_NAME};
use hashbrown::HashMap;

use crate::ast::Matching;

/// Computes what must be equal on both sides, and numbers it.
pub(super) struct Signatures<'m> {
    matching: &'m Matching,
    numbers: HashMap<Labels, usize>,
}

impl<'m> Signatures<'m> {
    pub(super) fn new(matching: &'m Matching) -> Signatures<'m> {
        Signatures { matching, numbers: HashMap::new() }
    }

    /// The labels that must be equal.
    pub(super) fn labels(&self, labels: &Labels) -> Labels {
        matched_labels(self.matching, labels)
    }

    /// The number of a signature; a new one where it was not met before.
    pub(super) fn number(&mut self, labels: &Labels) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(self.labels(labels)).or_insert(next)
    }

    /// The number of a signature that was met before.
    pub(super) fn find(&self, labels: &Labels) -> Option<usize> {
        self.numbers.get(&self.labels(labels)).copied()
    }
}

/// The labels that decide about a match: those of `on`, or all but `ignoring` and the name.
pub(super) fn matched_labels(matching: &Matching, labels: &Labels) -> Labels {
    let listed = |name: &str| matching.labels.iter().any(|l| l == name);
    if matching.on {
        labels.filter(listed)
    } else {
        labels.filter(|name| name != METRIC_NAME && !listed(name))
    }
}

/// One bit a step.
#[derive(Clone, Debug)]
pub(super) struct Steps(Vec<u64>);

impl Steps {
    pub(super) fn none(steps: usize) -> Steps {
        Steps(vec![0; steps.div_ceil(64)])
    }

    pub(super) fn has(&self, step: usize) -> bool {
        self.0[step / 64] & (1 << (step % 64)) != 0
    }

    /// Sets the bit; tells whether it was set before.
    pub(super) fn set(&mut self, step: usize) -> bool {
        let before = self.has(step);
        self.0[step / 64] |= 1 << (step % 64);
        before
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.len() * 8
    }
}
