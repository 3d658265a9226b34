//! `hearth promtool`: checks, queries and tests, with promtool's output and exit codes.

mod check;
mod lint;
mod query;
mod script;

use std::process::ExitCode;

use common_service::flags::{Arg, Command, Flag, Kind, Matches, Program, Style};

/// Something is wrong with what was checked, or a query failed.
const FAILURE: u8 = 1;

/// Nothing is wrong, but something should be better.
const LINT: u8 = 3;

const ROOT_FLAGS: &[Flag] = &[
    Flag::switch("experimental", "Enable experimental commands."),
    Flag::new(
        "enable-feature",
        Kind::Str,
        "Comma separated feature names to enable: promql-experimental-functions, \
         promql-delayed-name-removal, promql-extended-range-selectors, promql-binop-fill-modifiers.",
    )
    .default("")
    .repeatable(),
];

const LINT_FLAGS: &[Flag] = &[
    Flag::new(
        "lint",
        Kind::Str,
        "Linting checks to apply. Available options are: all, duplicate-rules, none, \
         too-long-scrape-interval. Use --lint=none to disable linting",
    )
    .default("duplicate-rules"),
    Flag::switch("lint-fatal", "Make lint errors exit with exit code 3."),
    Flag::switch("ignore-unknown-fields", "Ignore unknown fields in the rule groups read."),
];

const CONFIG_FLAGS: &[Flag] = &[
    Flag::switch(
        "syntax-only",
        "Only check the config file syntax, ignoring file and content validation referenced in the config",
    ),
    Flag::switch("agent", "Check config file for Prometheus in Agent mode."),
];

const QUERY_FLAGS: &[Flag] =
    &[Flag::new("format", Kind::Enum(&["promql", "json"]), "Output format of the query.")
        .short('o')
        .default("promql")];

const INSTANT_FLAGS: &[Flag] =
    &[Flag::new("time", Kind::Str, "Query evaluation time (RFC3339 or Unix timestamp).")
        .default("")];

const RANGE_FLAGS: &[Flag] = &[
    Flag::new("header", Kind::Str, "Extra headers to send to server.").repeatable(),
    Flag::new("start", Kind::Str, "Query range start time (RFC3339 or Unix timestamp).")
        .default(""),
    Flag::new("end", Kind::Str, "Query range end time (RFC3339 or Unix timestamp).").default(""),
    Flag::new("step", Kind::GoDuration, "Query step size (duration).").default("0s"),
];

const SERVER: Arg = Arg::required("server", Kind::Str, "Prometheus server to query.");
const EXPR: Arg = Arg::required("expr", Kind::Str, "PromQL query expression.");

const CHECKS: &[Command] = &[
    Command {
        name: "config",
        help: "Check if the config files are valid or not.",
        flags: &[CONFIG_FLAGS, LINT_FLAGS],
        args: &[Arg::required("config-files", Kind::File, "The config files to check.").rest()],
        ..Command::EMPTY
    },
    Command {
        name: "rules",
        help: "Check if the rule files are valid or not.",
        flags: &[LINT_FLAGS],
        args: &[Arg::optional(
            "rule-files",
            Kind::File,
            "The rule files to check, default is read from standard input.",
        )
        .rest()],
        ..Command::EMPTY
    },
    Command {
        name: "metrics",
        help: "Pass Prometheus metrics over stdin to lint them for consistency and correctness.",
        ..Command::EMPTY
    },
];

const QUERIES: &[Command] = &[
    Command {
        name: "instant",
        help: "Run instant query.",
        flags: &[QUERY_FLAGS, INSTANT_FLAGS],
        args: &[SERVER, EXPR],
        ..Command::EMPTY
    },
    Command {
        name: "range",
        help: "Run range query.",
        flags: &[QUERY_FLAGS, RANGE_FLAGS],
        args: &[SERVER, EXPR],
        ..Command::EMPTY
    },
];

const TESTS: &[Command] = &[Command {
    name: "promql",
    help: "Run files in PromQL's test language, in process. (Hearth only.)",
    args: &[Arg::required("test-files", Kind::File, "The files to run.").rest()],
    ..Command::EMPTY
}];

const PROGRAM: Program = Program {
    root: Command {
        name: "promtool",
        help: "Tooling for the Prometheus monitoring system, as Hearth does it.",
        flags: &[ROOT_FLAGS],
        commands: &[
            Command {
                name: "check",
                help: "Check the resources for validity.",
                commands: CHECKS,
                ..Command::EMPTY
            },
            Command {
                name: "query",
                help: "Run query against a Prometheus server.",
                commands: QUERIES,
                ..Command::EMPTY
            },
            Command { name: "test", help: "Unit testing.", commands: TESTS, ..Command::EMPTY },
        ],
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "promtool",
};

/// Runs a command line of promtool.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let matches = match PROGRAM.matches_of(args) {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    let code = match matches.command() {
        ["check", "config"] => check::configs(&matches),
        ["check", "rules"] => check::rules(&matches),
        ["check", "metrics"] => check::metrics(),
        ["query", "instant"] => query::instant(&matches),
        ["query", "range"] => query::range(&matches),
        _ => script::promql(&matches),
    };
    ExitCode::from(code)
}

/// What expressions may use: upstream's defaults and the features that are enabled.
fn parser_options(matches: &Matches) -> server_promql::parser::Options {
    let features: Vec<&str> =
        matches.strs("enable-feature").into_iter().flat_map(|list| list.split(',')).collect();
    let has = |feature: &str| features.contains(&feature);
    server_promql::parser::Options {
        experimental_functions: has("promql-experimental-functions"),
        extended_selectors: has("promql-extended-range-selectors"),
        fill_modifiers: has("promql-binop-fill-modifiers"),
        ..server_promql::parser::Options::default()
    }
}
