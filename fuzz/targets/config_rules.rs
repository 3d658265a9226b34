//! Rule files with their expressions and templates, checked as a server checks them.
#![no_main]

use common_config::prometheus::NameScheme;
use common_config::rules::{Reading, Rule, RuleFile, RuleProblem};
use common_template::prometheus as template;
use libfuzzer_sys::fuzz_target;
use server_promql::parser::{Options, parse};

fuzz_target!(|text: &str| {
    let reading =
        Reading { ignores_unknown_fields: false, scheme: NameScheme::Utf8, check: &problems };
    let _ = RuleFile::parse(text, "rules.yml", &reading);
});

/// What the crate of the rules asks of an expression and of templates.
fn problems(rule: &Rule) -> Vec<RuleProblem> {
    let expr = parse(&rule.expr, &Options::default()).err();
    let mut problems: Vec<RuleProblem> =
        expr.map(|error| RuleProblem::Expr(error.to_string())).into_iter().collect();
    for text in rule.labels.values().chain(rule.annotations.values()) {
        if let Err(error) = template::check(text, "__alert_x") {
            problems.push(RuleProblem::Template(error.to_string()));
        }
    }
    problems
}
