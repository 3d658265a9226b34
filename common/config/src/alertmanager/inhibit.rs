//! Inhibition rules: alerts that are not worth a message while another one fires.

use common_model::{MatchOp, Matcher};

use super::matchers;
use crate::Error;
use crate::yaml::{Node, Section};

/// While an alert fires that satisfies all source matchers, those that satisfy all target
/// matchers and have the same values of the equal labels are not told of.
#[derive(Clone, Debug, PartialEq)]
pub struct InhibitRule {
    /// `name`, for people.
    pub name: String,
    /// `source_matchers`, `source_match` and `source_match_re`.
    pub source_matchers: Vec<Matcher>,
    /// `target_matchers`, `target_match` and `target_match_re`.
    pub target_matchers: Vec<Matcher>,
    /// `equal`.
    pub equal: Vec<String>,
}

impl InhibitRule {
    pub(super) fn read(node: &Node) -> Result<InhibitRule, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let mut side = |name: &str| -> Result<Vec<Matcher>, Error> {
            let key = format!("{name}_match");
            let mut all = matchers::take_map(&mut section, &key, MatchOp::Equal)?;
            let key = format!("{name}_match_re");
            all.extend(matchers::take_map(&mut section, &key, MatchOp::Regex)?);
            all.extend(matchers::take_list(&mut section, &format!("{name}_matchers"))?);
            Ok(all)
        };
        let (source_matchers, target_matchers) = (side("source")?, side("target")?);
        let rule = InhibitRule {
            name: section.or_default("name")?,
            source_matchers,
            target_matchers,
            equal: section.or_default("equal")?,
        };
        section.finish()?;
        Ok(rule)
    }
}
