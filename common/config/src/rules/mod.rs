//! Rule files: groups of recording and alerting rules.
//!
//! Everything is checked here that needs neither PromQL nor templates; those checks are
//! `server/rules`' business. The texts are promtool's.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use common_model::Labels;

use crate::yaml::{self, Node, Section};
use crate::{Error, Position};

/// A rule file that passed its checks.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFile {
    /// Its name.
    pub name: String,
    /// Its groups, in order.
    pub groups: Vec<RuleGroup>,
}

/// A group: rules evaluated one after the other at the same times.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleGroup {
    /// Unique in its file.
    pub name: String,
    /// How often; `None` takes the global interval.
    pub interval: Option<Duration>,
    /// How far back in time it is evaluated; `None` takes the global offset.
    pub query_offset: Option<Duration>,
    /// Series or alerts one rule may give; zero for no limit.
    pub limit: u64,
    /// Labels of all its rules.
    pub labels: Labels,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// Where it stands.
    pub position: Position,
}

/// A rule, whose expression is not yet parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it makes.
    pub kind: RuleKind,
    /// PromQL.
    pub expr: String,
    /// Where the expression stands.
    pub expr_position: Position,
    /// Labels added to its series or alerts; templates for alerts.
    pub labels: Labels,
    /// Where the rule stands.
    pub position: Position,
}

/// What a rule makes.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// Series of this name.
    Record(String),
    /// Alerts.
    Alert {
        /// Their name.
        name: String,
        /// How long the expression must hold before an alert fires.
        hold: Duration,
        /// How long an alert goes on after the expression last held.
        keep_firing_for: Duration,
        /// Texts for people; templates.
        annotations: BTreeMap<String, String>,
    },
}

impl Rule {
    /// Name of the series or the alert.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.kind {
            RuleKind::Record(name) | RuleKind::Alert { name, .. } => name,
        }
    }
}

impl RuleFile {
    /// Reads and checks a rule file.
    pub fn parse(text: &str, file: &str) -> Result<RuleFile, Error> {
        RuleFile::read(text, file).map_err(|error| error.in_file(file))
    }

    fn read(text: &str, file: &str) -> Result<RuleFile, Error> {
        let node = yaml::compose(text)?;
        let mut section = Section::open(&node, "rulefmt.RuleGroups")?;
        let empty = "empty or null rule group";
        let groups = yaml::list_of(section.take("groups"), empty, RuleGroup::read)?;
        section.finish()?;
        let mut names = HashSet::new();
        for group in &groups {
            if !names.insert(group.name.as_str()) {
                let message = format!("groupname: \"{}\" is repeated in the same file", group.name);
                return Err(Error::at(group.position, message));
            }
        }
        Ok(RuleFile { name: file.to_owned(), groups })
    }
}

impl RuleGroup {
    fn read(node: &Node) -> Result<RuleGroup, Error> {
        let mut section = Section::open(node, "rulefmt.RuleGroup")?;
        let name: String = section.or_default("name")?;
        if name.is_empty() {
            return Err(Error::at(node.at, "Groupname must not be empty"));
        }
        let labels = labels(&mut section, &format!("group {name:?}"))?;
        let rules = section.take("rules");
        let group = RuleGroup {
            interval: section.get::<Duration>("interval")?.filter(|d| !d.is_zero()),
            query_offset: section.get("query_offset")?,
            limit: limit(&mut section)?,
            labels,
            rules: yaml::list_of(rules, "empty or null rule", |node| Rule::read(node, &name))?,
            position: node.at,
            name,
        };
        section.finish()?;
        Ok(group)
    }
}

impl Rule {
    fn read(node: &Node, group: &str) -> Result<Rule, Error> {
        let mut section = Section::open(node, "rulefmt.Rule")?;
        let record: String = section.or_default("record")?;
        let alert: String = section.or_default("alert")?;
        let name = if record.is_empty() { &alert } else { &record };
        let complain = |at: Position, problem: &str| {
            Err(Error::at(at, format!("group {group:?}, rule {name:?}: {problem}")))
        };
        match (record.is_empty(), alert.is_empty()) {
            (false, false) => {
                return complain(node.at, "only one of 'record' and 'alert' must be set");
            }
            (true, true) => return complain(node.at, "one of 'record' or 'alert' must be set"),
            _ => {}
        }
        let expr_position = section.position_of("expr");
        let expr: String = section.or_default("expr")?;
        if expr.is_empty() {
            return complain(node.at, "field 'expr' must be set in rule");
        }
        let hold: Duration = section.or_default("for")?;
        let keep_firing_for: Duration = section.or_default("keep_firing_for")?;
        let annotations: BTreeMap<String, String> = section.or_default("annotations")?;
        let labels = labels(&mut section, &format!("group {group:?}, rule {name:?}"))?;
        if !record.is_empty() {
            if !annotations.is_empty() {
                return complain(node.at, "invalid field 'annotations' in recording rule");
            }
            if !hold.is_zero() {
                return complain(node.at, "invalid field 'for' in recording rule");
            }
            if !keep_firing_for.is_zero() {
                return complain(node.at, "invalid field 'keep_firing_for' in recording rule");
            }
            if record.contains(['{', '}']) {
                // Almost certainly a whole series was meant.
                let problem = format!(
                    "braces present in the recording rule name; should it be in expr?: {record}"
                );
                return complain(section.position_of("record"), &problem);
            }
        }
        if annotations.contains_key("") {
            return complain(node.at, "invalid annotation name: ");
        }
        section.finish()?;
        let kind = if record.is_empty() {
            RuleKind::Alert { name: alert, hold, keep_firing_for, annotations }
        } else {
            RuleKind::Record(record)
        };
        Ok(Rule { kind, expr, expr_position, labels, position: node.at })
    }
}

/// Labels of a rule or group; `__name__` is not for them to set.
fn labels(section: &mut Section<'_>, whose: &str) -> Result<Labels, Error> {
    let at = section.position_of("labels");
    let labels: BTreeMap<String, String> = section.or_default("labels")?;
    match labels.keys().find(|name| name.is_empty() || *name == common_model::METRIC_NAME) {
        Some(name) => Err(Error::at(at, format!("{whose}: invalid label name: {name}"))),
        None => Ok(Labels::from_pairs(labels)),
    }
}

fn limit(section: &mut Section<'_>) -> Result<u64, Error> {
    let limit: i64 = section.or_default("limit")?;
    Ok(u64::try_from(limit).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: &str, wanted: &str) {
        let text = format!("groups:\n- name: g\n  rules:\n  - {rule}\n");
        let outcome = match RuleFile::parse(&text, "r.yml") {
            Ok(file) => file.groups[0].rules[0].name().to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(outcome, wanted, "{rule}");
    }

    #[test]
    fn a_rule_makes_either_series_or_alerts() {
        check("{record: 'a:b', expr: up}", "a:b");
        check("{alert: Down, expr: up == 0, for: 5m, annotations: {x: y}}", "Down");
        for (rule, problem) in [
            (
                "{record: a, alert: b, expr: up}",
                "4:5: group \"g\", rule \"a\": only one of 'record' and 'alert' must be set",
            ),
            ("{expr: up}", "4:5: group \"g\", rule \"\": one of 'record' or 'alert' must be set"),
            ("{record: a}", "4:5: group \"g\", rule \"a\": field 'expr' must be set in rule"),
            (
                "{record: a, expr: up, for: 1m}",
                "4:5: group \"g\", rule \"a\": invalid field 'for' in recording rule",
            ),
            (
                "{alert: a, expr: up, labels: {__name__: x}}",
                "4:34: group \"g\", rule \"a\": invalid label name: __name__",
            ),
            ("{alert: a, expr: up, fro: 1m}", "4:26: field fro not found in type rulefmt.Rule"),
            ("{alert: a, expr: up, for: 1x}", "4:31: for: not a valid duration string: \"1x\""),
        ] {
            check(rule, &format!("r.yml:{problem}"));
        }
    }

    #[test]
    fn groups_have_different_names() {
        let text = "groups: [{name: a, rules: []}, {name: a, interval: 1m}]";
        let error = RuleFile::parse(text, "r.yml").unwrap_err().to_string();
        assert_eq!(error, "r.yml:1:32: groupname: \"a\" is repeated in the same file");
    }
}
