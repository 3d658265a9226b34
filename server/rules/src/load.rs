//! Rule files as groups that are ready to be evaluated, or what is wrong with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common_config::prometheus::NameScheme;
use common_config::rules::{Reading, Rule, RuleFile, RuleGroup, RuleKind, RuleProblem};
use common_template::prometheus as template;
use server_promql::ast::Expr;
use server_promql::parser;

use crate::schedule;

/// What is wrong with a rule file; prints as `file:line:column: message`.
pub type Complaint = common_config::Error;

/// How rule files are read.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// What expressions may use.
    pub parser: parser::Options,
    /// Whether unknown keys are let pass.
    pub ignores_unknown_fields: bool,
    /// Which names are allowed.
    pub scheme: NameScheme,
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions {
            parser: parser::Options::default(),
            ignores_unknown_fields: false,
            scheme: NameScheme::Utf8,
        }
    }
}

/// A group as its file has it; all of it is valid.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSpec {
    /// The file it stands in.
    pub file: String,
    /// Its name, unique in the file.
    pub name: String,
    /// How often it is evaluated, unless the global interval holds.
    pub interval: Option<Duration>,
    /// How far back queries look, unless the global offset holds.
    pub query_offset: Option<Duration>,
    /// Most series or alerts of each rule; zero means any number.
    pub limit: usize,
    /// The rules in their order.
    pub rules: Vec<RuleSpec>,
}

impl GroupSpec {
    /// When the group is evaluated last before or at a time, were it evaluated every `interval`.
    #[must_use]
    pub fn slot(&self, time_ms: i64, interval: Duration) -> i64 {
        schedule::slot(time_ms, interval, schedule::moment(&self.file, &self.name))
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    /// Whether it records or alerts.
    pub kind: RuleKind,
    /// The metric's or the alert's name.
    pub name: String,
    /// The expression.
    pub expr: Arc<Expr>,
    /// The expression in its one printed form.
    pub query: String,
    /// Labels that are put on results, the group's included; an empty value removes the label.
    /// Templates in alerts.
    pub labels: BTreeMap<String, String>,
    /// Annotations, templates; none in recording rules.
    pub annotations: BTreeMap<String, String>,
    /// `for`.
    pub hold: Duration,
    /// `keep_firing_for`.
    pub keep_firing_for: Duration,
}

/// Reads a rule file.
///
/// # Errors
/// All that is wrong with it, in the order of the file.
pub fn load(
    text: &str,
    file: &str,
    options: &LoadOptions,
) -> Result<Vec<GroupSpec>, Vec<Complaint>> {
    let check = |rule: &Rule| problems(rule, options);
    let reading = Reading {
        ignores_unknown_fields: options.ignores_unknown_fields,
        scheme: options.scheme,
        check: &check,
    };
    let groups = RuleFile::parse(text, file, &reading)?.groups;
    groups.into_iter().map(|group| group_spec(group, file, options)).collect()
}

/// What is wrong with a rule file; nothing when a server would load it.
#[must_use]
pub fn check_file(text: &str, file: &str, options: &LoadOptions) -> Vec<Complaint> {
    load(text, file, options).err().unwrap_or_default()
}

fn problems(rule: &Rule, options: &LoadOptions) -> Vec<RuleProblem> {
    let mut problems = Vec::new();
    if let Err(error) = parser::parse(&rule.expr, &options.parser) {
        problems.push(RuleProblem::Expr(error.to_string()));
    }
    if rule.kind == RuleKind::Alert {
        let name = format!("__alert_{}", rule.name);
        for (what, texts) in [("label", &rule.labels), ("annotation", &rule.annotations)] {
            for (key, text) in texts {
                if let Err(error) = template::check(text, &name) {
                    problems.push(RuleProblem::Template(format!("{what} {key:?}: {error}")));
                }
            }
        }
    }
    problems
}

fn group_spec(
    group: RuleGroup,
    file: &str,
    options: &LoadOptions,
) -> Result<GroupSpec, Vec<Complaint>> {
    let mut rules = Vec::with_capacity(group.rules.len());
    for rule in group.rules {
        let expr = parser::parse(&rule.expr, &options.parser).map_err(|error| {
            vec![Complaint::at(rule.expr_position, error.to_string()).in_file(file)]
        })?;
        let mut labels = group.labels.clone();
        labels.extend(rule.labels);
        rules.push(RuleSpec {
            kind: rule.kind,
            name: rule.name,
            query: expr.to_string(),
            expr: Arc::new(expr),
            labels,
            annotations: rule.annotations,
            hold: rule.hold,
            keep_firing_for: rule.keep_firing_for,
        });
    }
    Ok(GroupSpec {
        file: file.to_owned(),
        name: group.name,
        interval: group.interval,
        query_offset: group.query_offset,
        limit: usize::try_from(group.limit).unwrap_or(0),
        rules,
    })
}
