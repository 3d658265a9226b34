//! Relabeling as a pure function: labels and rules in, labels or nothing out.
//!
//! The rules themselves are read and checked by `common_config::RelabelConfig`.

mod action;
mod case;
mod work;

use common_config::RelabelConfig;
use common_model::{Labels, LabelsBuilder};

use work::Work;

/// Applies all rules in order; `None` where one of them drops the whole.
///
/// Nothing is copied where no rule changes anything: the answer then shares the input's memory.
#[must_use]
pub fn process(labels: &Labels, rules: &[RelabelConfig]) -> Option<Labels> {
    let mut work = Work::from_labels(labels);
    rules.iter().all(|rule| action::apply(rule, &mut work)).then(|| work.finish())
}

/// Applies all rules in order to labels that are being built; false where one drops the whole,
/// and the builder is then left as that rule found it.
#[must_use]
pub fn process_builder(builder: &mut LabelsBuilder, rules: &[RelabelConfig]) -> bool {
    let mut work = Work::from_builder(std::mem::take(builder));
    let keeps = rules.iter().all(|rule| action::apply(rule, &mut work));
    *builder = work.into_builder();
    keeps
}

/// What one rule made of the labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The labels after the rule; none where it drops them.
    pub output: Labels,
    /// Whether the rule keeps them.
    pub keep: bool,
}

/// Applies the rules one by one and tells what each made of the labels, up to and including the
/// one that drops them.
#[must_use]
pub fn steps(labels: &Labels, rules: &[RelabelConfig]) -> Vec<Step> {
    let mut steps = Vec::with_capacity(rules.len());
    let mut current = labels.clone();
    for rule in rules {
        let output = process(&current, std::slice::from_ref(rule));
        let keep = output.is_some();
        current = output.unwrap_or_default();
        steps.push(Step { output: current.clone(), keep });
        if !keep {
            break;
        }
    }
    steps
}
