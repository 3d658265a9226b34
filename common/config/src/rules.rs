//! Rule files: groups of recording and alerting rules, checked as promtool checks them.
//!
//! Expressions and templates are checked by the caller, who knows them, through a callback.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::prometheus::NameScheme;
use crate::yaml::{self, Node, Section};
use crate::{Error, Position};
use common_model::METRIC_NAME;

/// A rule file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleFile {
    /// `groups`, with unique names.
    pub groups: Vec<RuleGroup>,
}

/// Rules that are evaluated one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleGroup {
    /// `name`.
    pub name: String,
    /// `interval`; the global one where it is not written or zero.
    pub interval: Option<Duration>,
    /// `query_offset`; the global one where it is not written.
    pub query_offset: Option<Duration>,
    /// `limit` of series or alerts per rule, 0 for none.
    pub limit: i64,
    /// `labels` of all results; those of a rule win.
    pub labels: BTreeMap<String, String>,
    /// `rules`.
    pub rules: Vec<Rule>,
    /// Where the group stands.
    pub position: Position,
}

/// Whether a rule records or alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// `record`
    Record,
    /// `alert`
    Alert,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Whether it records or alerts.
    pub kind: RuleKind,
    /// The metric's or the alert's name.
    pub name: String,
    /// `expr`, not parsed.
    pub expr: String,
    /// `for`, only in alerts.
    pub hold: Duration,
    /// `keep_firing_for`, only in alerts.
    pub keep_firing_for: Duration,
    /// `labels`; templates in alerts.
    pub labels: BTreeMap<String, String>,
    /// `annotations`, templates, only in alerts.
    pub annotations: BTreeMap<String, String>,
    /// Where the rule stands.
    pub position: Position,
    /// Where the expression begins.
    pub expr_position: Position,
}

/// How a rule file is read.
pub struct Reading<'a> {
    /// Whether unknown keys are let pass.
    pub ignores_unknown_fields: bool,
    /// Which names are allowed.
    pub scheme: NameScheme,
    /// Checks what needs PromQL and templates; every message becomes an error at the expression
    /// or the rule.
    pub check: &'a dyn Fn(&Rule) -> Vec<RuleProblem>,
}

/// What the callback of [`Reading`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleProblem {
    /// The expression is wrong.
    Expr(String),
    /// A template is wrong.
    Template(String),
}

impl RuleFile {
    /// Reads a rule file; all that is wrong is reported at once.
    pub fn parse(text: &str, file: &str, reading: &Reading<'_>) -> Result<RuleFile, Vec<Error>> {
        let mut problems = Vec::new();
        let groups = read_groups(text, reading, &mut problems);
        let groups = groups.unwrap_or_else(|error| {
            problems.insert(0, error);
            Vec::new()
        });
        if problems.is_empty() {
            return Ok(RuleFile { groups });
        }
        Err(problems.into_iter().map(|problem| problem.in_file(file)).collect())
    }
}

fn read_groups(
    text: &str,
    reading: &Reading<'_>,
    problems: &mut Vec<Error>,
) -> Result<Vec<RuleGroup>, Error> {
    let node = yaml::compose(text)?;
    let mut section = Section::open(&node, "rulefmt.RuleGroups")?;
    let (mut groups, mut names) = (Vec::new(), HashSet::new());
    if let Some(list) = section.take("groups") {
        for node in list.elements("[]rulefmt.RuleGroup")? {
            let group = read_group(node, reading, problems)?;
            if group.name.is_empty() {
                problems.push(Error::at(group.position, "Groupname must not be empty"));
            } else if !names.insert(group.name.clone()) {
                let message = format!("groupname: {:?} is repeated in the same file", group.name);
                problems.push(Error::at(group.position, message));
            }
            groups.push(group);
        }
    }
    finish(section, reading)?;
    Ok(groups)
}

fn finish(section: Section<'_>, reading: &Reading<'_>) -> Result<(), Error> {
    if reading.ignores_unknown_fields { Ok(()) } else { section.finish() }
}

fn read_group(
    node: &Node,
    reading: &Reading<'_>,
    problems: &mut Vec<Error>,
) -> Result<RuleGroup, Error> {
    let mut section = Section::open(node, "rulefmt.RuleGroup")?;
    let mut group = RuleGroup {
        name: section.or_default("name")?,
        interval: section.get::<Duration>("interval")?.filter(|interval| !interval.is_zero()),
        query_offset: section.get("query_offset")?,
        limit: section.or_default("limit")?,
        labels: section.or_default("labels")?,
        rules: Vec::new(),
        position: section.at(),
    };
    let bad = group.labels.keys().find(|name| !is_label_name(name, reading.scheme));
    if let Some(bad) = bad {
        problems.push(section.complain("labels", format!("invalid label name: {bad}")));
    }
    if let Some(list) = section.take("rules") {
        for (i, node) in list.elements("[]rulefmt.Rule")?.iter().enumerate() {
            let mut found = Vec::new();
            let draft = Draft::read(node, reading)?;
            let rule = draft.check(reading, &mut found);
            let name = draft.name();
            problems.extend(found.into_iter().map(|error| {
                let message =
                    format!("group {:?}, rule {}, {name:?}: {}", group.name, i + 1, error.message);
                Error { message, ..error }
            }));
            group.rules.extend(rule);
        }
    }
    finish(section, reading)?;
    Ok(group)
}

fn is_label_name(name: &str, scheme: NameScheme) -> bool {
    scheme.is_valid_label_name(name) && name != METRIC_NAME
}

/// A rule as written.
struct Draft {
    record: (String, Position),
    alert: (String, Position),
    rule: Rule,
}

impl Draft {
    fn read(node: &Node, reading: &Reading<'_>) -> Result<Draft, Error> {
        let mut section = Section::open(node, "rulefmt.Rule")?;
        let record: String = section.or_default("record")?;
        let alert: String = section.or_default("alert")?;
        let kind = if alert.is_empty() { RuleKind::Record } else { RuleKind::Alert };
        let draft = Draft {
            rule: Rule {
                kind,
                name: if alert.is_empty() { record.clone() } else { alert.clone() },
                expr: section.or_default("expr")?,
                hold: section.or_default("for")?,
                keep_firing_for: section.or_default("keep_firing_for")?,
                labels: section.or_default("labels")?,
                annotations: section.or_default("annotations")?,
                position: section.at(),
                expr_position: section.position_of("expr"),
            },
            record: (record, section.position_of("record")),
            alert: (alert, section.position_of("alert")),
        };
        finish(section, reading)?;
        Ok(draft)
    }

    /// The name for errors: the record's, else the alert's.
    fn name(&self) -> &str {
        if self.record.0.is_empty() { &self.alert.0 } else { &self.record.0 }
    }

    /// The rule, if it is one; what is wrong with it goes to `problems`.
    fn check(&self, reading: &Reading<'_>, problems: &mut Vec<Error>) -> Option<Rule> {
        let rule = &self.rule;
        let is_record = !self.record.0.is_empty();
        if is_record && !self.alert.0.is_empty() {
            let message = "only one of 'record' and 'alert' must be set";
            problems.push(Error::at(self.record.1, message));
        }
        if !is_record && self.alert.0.is_empty() {
            problems.push(Error::at(rule.position, "one of 'record' or 'alert' must be set"));
        }
        if rule.expr.is_empty() {
            problems.push(Error::at(rule.position, "field 'expr' must be set in rule"));
        }
        if is_record {
            self.check_record(reading.scheme, problems);
        }
        for name in rule.labels.keys().filter(|name| !is_label_name(name, reading.scheme)) {
            problems.push(Error::at(rule.position, format!("invalid label name: {name}")));
        }
        for name in rule.annotations.keys().filter(|n| !reading.scheme.is_valid_label_name(n)) {
            problems.push(Error::at(rule.position, format!("invalid annotation name: {name}")));
        }
        if !rule.expr.is_empty() {
            problems.extend((reading.check)(rule).into_iter().map(|problem| match problem {
                RuleProblem::Expr(text) => {
                    let message = format!("could not parse expression: {text}");
                    Error::at(rule.expr_position, message)
                }
                RuleProblem::Template(text) => Error::at(rule.position, text),
            }));
        }
        problems.is_empty().then(|| rule.clone())
    }

    fn check_record(&self, scheme: NameScheme, problems: &mut Vec<Error>) {
        let (rule, name) = (&self.rule, &self.record.0);
        let wrong = [
            ("annotations", !rule.annotations.is_empty()),
            ("for", !rule.hold.is_zero()),
            ("keep_firing_for", !rule.keep_firing_for.is_zero()),
        ];
        for (key, _) in wrong.into_iter().filter(|(_, is_wrong)| *is_wrong) {
            let message = format!("invalid field '{key}' in recording rule");
            problems.push(Error::at(self.record.1, message));
        }
        if !scheme.is_valid_metric_name(name) {
            problems.push(Error::at(self.record.1, format!("invalid recording rule name: {name}")));
        } else if name.contains(['{', '}']) {
            // Allowed by UTF-8, but surely a mistake.
            let message =
                format!("braces present in the recording rule name; should it be in expr?: {name}");
            problems.push(Error::at(self.record.1, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RuleFile, Vec<Error>> {
        let check = |rule: &Rule| match rule.expr.as_str() {
            "bad" => vec![RuleProblem::Expr("1:1: no".to_owned())],
            _ => Vec::new(),
        };
        let reading =
            Reading { ignores_unknown_fields: false, scheme: NameScheme::Utf8, check: &check };
        RuleFile::parse(text, "r.yml", &reading)
    }

    #[test]
    fn a_rule_file_is_read_with_positions() {
        let text = "groups:\n- name: a\n  interval: 30s\n  limit: 5\n  rules:\n  - record: x:y\n    \
                    expr: up\n  - alert: Down\n    expr: |\n      up == 0\n    for: 5m\n    \
                    annotations: {summary: s}\n";
        let group = parse(text).unwrap().groups.remove(0);
        assert_eq!((group.interval, group.limit), (Some(Duration::from_secs(30)), 5));
        let [record, alert] = group.rules.as_slice() else { panic!("two rules") };
        assert_eq!((record.kind, record.expr_position.line), (RuleKind::Record, 7));
        assert_eq!((alert.name.as_str(), alert.expr.as_str()), ("Down", "up == 0\n"));
        assert_eq!((alert.hold.as_secs(), alert.position), (300, Position { line: 8, column: 5 }));
        assert_eq!(parse("").unwrap(), RuleFile::default());
    }

    #[test]
    fn all_that_is_wrong_is_reported() {
        let check = |rule: &str, wanted: &[&str]| {
            let text = format!("groups:\n- name: g\n  rules:\n  - {{{rule}}}\n");
            let errors: Vec<String> = match parse(&text) {
                Ok(_) => Vec::new(),
                Err(errors) => errors.iter().map(ToString::to_string).collect(),
            };
            assert_eq!(errors, wanted, "{rule}");
        };
        check("alert: A, expr: up", &[]);
        check(
            "record: a, alert: A, expr: up",
            &[
                "r.yml:4:14: group \"g\", rule 1, \"a\": only one of 'record' and 'alert' must be set",
            ],
        );
        check(
            "expr: up",
            &["r.yml:4:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set"],
        );
        check(
            "record: a, for: 1m, annotations: {a: b}",
            &[
                "r.yml:4:5: group \"g\", rule 1, \"a\": field 'expr' must be set in rule",
                "r.yml:4:14: group \"g\", rule 1, \"a\": invalid field 'annotations' in recording rule",
                "r.yml:4:14: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule",
            ],
        );
        check(
            "alert: A, expr: bad",
            &["r.yml:4:22: group \"g\", rule 1, \"A\": could not parse expression: 1:1: no"],
        );
        check(
            "alert: A, expr: up, labels: {__name__: x}",
            &["r.yml:4:5: group \"g\", rule 1, \"A\": invalid label name: __name__"],
        );
        check(
            "alert: A, expr: up, new_field: x",
            &["r.yml:4:26: field new_field not found in type rulefmt.Rule"],
        );
        check(
            "record: 'a{b}', expr: up",
            &[
                "r.yml:4:14: group \"g\", rule 1, \"a{b}\": braces present in the recording rule name; should it be in expr?: a{b}",
            ],
        );
        check(
            "alert: A, expr: up, for: 5",
            &["r.yml:4:31: for: not a valid duration string: \"5\""],
        );
    }

    #[test]
    fn groups_have_unique_names() {
        let errors = parse("groups: [{name: a}, {name: a}, {}]").unwrap_err();
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "r.yml:1:21: groupname: \"a\" is repeated in the same file",
                "r.yml:1:32: Groupname must not be empty",
            ]
        );
    }
}
