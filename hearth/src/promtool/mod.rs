//! `hearth promtool`: checks, tests and queries, flag for flag as promtool has them.

mod analyze;
mod api;
mod config;
mod debug;
mod discovery;
mod explain;
mod flags;
mod lint;
mod metrics;
mod promql;
mod push;
mod query;
mod references;
mod rules;
mod show;
mod tar;
mod test;
mod tsdb;
mod unit;
mod web;

use std::process::ExitCode;

use common_service::flags::Matches;

use crate::commands::{complain, print};
pub(crate) use flags::PROGRAM;

/// Exit code where something is bad style and `--lint-fatal` is given.
const LINT: u8 = 3;

/// What `--enable-feature` may name.
const FEATURES: &[&str] = &[
    "promql-experimental-functions",
    "promql-extended-range-selectors",
    "promql-binop-fill-modifiers",
    "promql-delayed-name-removal",
    "promql-duration-expr",
];

/// `hearth promtool`
pub(crate) fn run(args: &[String]) -> ExitCode {
    let matches = match flags::PROGRAM.matches_of(args) {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    warn_of_unknown_features(&matches);
    match matches.command() {
        ["check", "config"] => config::check(&matches),
        ["check", "service-discovery"] => discovery::check(&matches),
        ["check", "rules"] => rules::check(&matches),
        ["check", "metrics"] => metrics::check(&matches),
        ["check", "web-config"] => web::check(&matches),
        ["check", probe @ ("healthy" | "ready")] => query::probe(&matches, probe),
        ["query", "analyze"] => analyze::analyze(&matches),
        ["query", "instant"] => query::instant(&matches),
        ["query", "range"] => query::range(&matches),
        ["query", "explain"] => query::explain(&matches),
        ["query", "series"] => query::series(&matches),
        ["query", "labels"] => query::labels(&matches),
        ["push", "metrics"] => push::metrics(&matches),
        ["promql", "format"] => promql::format(&matches),
        ["promql", "label-matchers", "set"] => promql::set(&matches),
        ["promql", "label-matchers", "delete"] => promql::delete(&matches),
        ["tsdb", "analyze"] => tsdb::analyze(&matches),
        ["tsdb", "list"] => tsdb::list(&matches),
        ["tsdb", "check"] => tsdb::check(&matches),
        ["tsdb", "dump"] => tsdb::dump(&matches, tsdb::Form::Samples),
        ["tsdb", "dump-openmetrics"] => tsdb::dump(&matches, tsdb::Form::OpenMetrics),
        ["tsdb", "create-blocks-from", "openmetrics"] => tsdb::openmetrics(&matches),
        ["tsdb", "create-blocks-from", "rules"] => tsdb::rules(&matches),
        ["debug", what] => debug::collect(&matches, what),
        ["test", "rules"] => unit::rules(&matches),
        ["test", "promql"] => test::promql(&matches),
        other => {
            complain(&format!("promtool: error: no command {other:?}\n"));
            ExitCode::FAILURE
        }
    }
}

/// What `--enable-feature` names.
fn features(matches: &Matches) -> impl Iterator<Item = &str> {
    let lists = matches.strs("enable-feature").into_iter();
    lists.flat_map(|list| list.split(',')).map(str::trim).filter(|feature| !feature.is_empty())
}

fn warn_of_unknown_features(matches: &Matches) {
    for feature in features(matches).filter(|feature| !FEATURES.contains(feature)) {
        print(&format!("  WARNING: Unknown feature passed to --enable-feature: {feature}\n"));
    }
}

/// What expressions may use: everything that `--enable-feature` names.
fn parser_options(matches: &Matches) -> server_promql::parser::Options {
    let mut options = server_promql::parser::Options::default();
    for feature in features(matches) {
        match feature {
            "promql-experimental-functions" => options.experimental_functions = true,
            "promql-extended-range-selectors" => options.extended_selectors = true,
            "promql-binop-fill-modifiers" => options.fill_modifiers = true,
            // Always on, or told as unknown when the program began.
            _ => {}
        }
    }
    options
}

/// Says what went wrong, and gives the exit code for it.
fn fail(message: impl std::fmt::Display) -> ExitCode {
    complain(&format!("{message}\n"));
    ExitCode::FAILURE
}

/// As [`fail`], in the form of an error on the command line.
fn refuse(message: impl std::fmt::Display) -> ExitCode {
    fail(format!("promtool: error: {message}, try --help"))
}
