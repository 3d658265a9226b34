//! `promql`: queries in their printed form, and their label matchers changed.

use std::process::ExitCode;

use common_model::{MatchOp, Matcher};
use common_service::flags::Matches;
use server_promql::ast::{Expr, VectorSelector};
use server_promql::parser::parse;

use super::{fail, parser_options};
use crate::commands::print;

/// What is done to each selector of a query.
enum Edit<'a> {
    Nothing,
    Set(&'a str, MatchOp, &'a str),
    Delete(&'a str),
}

/// `promql format`
pub(super) fn format(matches: &Matches) -> ExitCode {
    edit(matches, &Edit::Nothing)
}

/// `promql label-matchers set`
pub(super) fn set(matches: &Matches) -> ExitCode {
    let op = match matches.str("type") {
        "!=" => MatchOp::NotEqual,
        "=~" => MatchOp::Regex,
        "!~" => MatchOp::NotRegex,
        _ => MatchOp::Equal,
    };
    let arg = |name| matches.arg(name).unwrap_or_default();
    edit(matches, &Edit::Set(arg("name"), op, arg("value")))
}

/// `promql label-matchers delete`
pub(super) fn delete(matches: &Matches) -> ExitCode {
    edit(matches, &Edit::Delete(matches.arg("name").unwrap_or_default()))
}

fn edit(matches: &Matches, edit: &Edit<'_>) -> ExitCode {
    if !matches.bool("experimental") {
        return fail(
            "This command is experimental and requires the --experimental flag to be set.",
        );
    }
    let query = matches.arg("query").unwrap_or_default();
    match parse(query, &parser_options(matches)) {
        Ok(mut expr) => {
            each_selector(&mut expr, &mut |selector| edit.apply(selector));
            print(&format!("{}\n", expr.pretty()));
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

impl Edit<'_> {
    fn apply(&self, selector: &mut VectorSelector) {
        let matchers = &mut selector.matchers;
        match *self {
            Edit::Nothing => {}
            Edit::Set(name, op, value) => {
                if matchers.iter().all(|matcher| matcher.name != name) {
                    matchers.push(Matcher::equal(name, value));
                }
                for matcher in matchers.iter_mut().filter(|matcher| matcher.name == name) {
                    // Only to be printed: a pattern that does not compile is taken as upstream does.
                    *matcher = Matcher::equal(name, value);
                    matcher.op = op;
                }
            }
            Edit::Delete(name) => matchers.retain(|matcher| matcher.name != name),
        }
    }
}

/// The recursion is bounded: the parser refuses trees that are too high.
fn each_selector(expr: &mut Expr, act: &mut impl FnMut(&mut VectorSelector)) {
    match expr {
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &mut aggregate.param {
                each_selector(param, act);
            }
            each_selector(&mut aggregate.expr, act);
        }
        Expr::Binary(binary) => {
            each_selector(&mut binary.left, act);
            each_selector(&mut binary.right, act);
        }
        Expr::Call(call) => call.args.iter_mut().for_each(|arg| each_selector(arg, act)),
        Expr::Matrix(matrix) => act(&mut matrix.vector),
        Expr::Paren(paren) => each_selector(&mut paren.expr, act),
        Expr::Subquery(subquery) => each_selector(&mut subquery.expr, act),
        Expr::Unary(unary) => each_selector(&mut unary.expr, act),
        Expr::Vector(vector) => act(vector),
        Expr::Number(_) | Expr::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, edit: &Edit<'_>, printed: &str) {
        let mut expr = parse(query, &server_promql::parser::Options::default()).unwrap();
        each_selector(&mut expr, &mut |selector| edit.apply(selector));
        assert_eq!(expr.pretty(), printed);
    }

    #[test]
    fn every_selector_of_a_query_is_edited() {
        let set = Edit::Set("b", MatchOp::NotRegex, "(\"");
        check("a{b=\"c\"}+x", &set, "a{b!~\"(\\\"\"} + x{b!~\"(\\\"\"}");
        check(
            "topk(scalar(k), sum_over_time((-rate(r[5m]))[1h:])) ",
            &Edit::Set("j", MatchOp::Equal, "1"),
            "topk(scalar(k{j=\"1\"}), sum_over_time((-rate(r{j=\"1\"}[5m]))[1h:]))",
        );
        check("a{b=\"c\",b!=\"d\",b!=\"e\",f=\"g\"}", &Edit::Delete("b"), "a{f=\"g\"}");
        check(
            "a{b=\"c\"}",
            &Edit::Set("__name__", MatchOp::Equal, "z"),
            "a{__name__=\"z\",b=\"c\"}",
        );
    }
}
