//! Flags of `check`.

use common_service::flags::{Arg, Command, Flag, Kind};

use super::HTTP_CONFIG;

const CHECK: &[Flag] = &[
    Flag::new(
        "query.lookback-delta",
        Kind::GoDuration,
        "The server's maximum query lookback duration.",
    )
    .default("5m"),
    Flag::switch(
        "extended",
        "Print extended information related to the cardinality of the metrics.",
    ),
];

const DISCOVERY: &[Flag] =
    &[Flag::new("timeout", Kind::GoDuration, "The time to wait for discovery results.")
        .default("30s")];

const CHECK_CONFIG: &[Flag] = &[
    Flag::switch(
        "syntax-only",
        "Only check the config file syntax, ignoring file and content validation referenced in \
         the config",
    ),
    Flag::new(
        "lint",
        Kind::Str,
        "Linting checks to apply to the rules/scrape configs specified in the config. Available \
         options are: all, duplicate-rules, none, too-long-scrape-interval. Use --lint=none to \
         disable linting",
    )
    .default("duplicate-rules"),
    LINT_FATAL,
    UNKNOWN,
    Flag::switch("agent", "Check config file for Prometheus in Agent mode."),
];

const CHECK_RULES: &[Flag] = &[
    Flag::new(
        "lint",
        Kind::Str,
        "Linting checks to apply. Available options are: all, duplicate-rules, none. Use \
         --lint=none to disable linting",
    )
    .default("duplicate-rules"),
    LINT_FATAL,
    UNKNOWN,
];

const LINT_FATAL: Flag = Flag::switch("lint-fatal", "Make lint errors exit with exit code 3.");

const UNKNOWN: Flag = Flag::switch(
    "ignore-unknown-fields",
    "Ignore unknown fields in the rule files. A server performs strict checks and refuses them.",
);

const SERVER_URL: &[Flag] = &[
    HTTP_CONFIG,
    Flag::new("url", Kind::Str, "The URL for the Prometheus server.")
        .default("http://localhost:9090"),
];

const CHECKS: &[Command] = &[
    Command {
        name: "service-discovery",
        help: "Perform service discovery for the given job name and report the results, \
               including relabeling.",
        flags: &[DISCOVERY],
        args: &[
            Arg::required("config-file", Kind::File, "The prometheus config file."),
            Arg::required("job", Kind::Str, "The job to run service discovery for."),
        ],
        ..Command::EMPTY
    },
    Command {
        name: "config",
        help: "Check if the config files are valid or not.",
        flags: &[CHECK_CONFIG],
        args: &[Arg::required("config-files", Kind::File, "The config files to check.").rest()],
        ..Command::EMPTY
    },
    Command {
        name: "web-config",
        help: "Check if the web config files are valid or not.",
        args: &[Arg::required("web-config-files", Kind::File, "The config files to check.").rest()],
        ..Command::EMPTY
    },
    Command {
        name: "healthy",
        help: "Check if the Prometheus server is healthy.",
        flags: &[SERVER_URL],
        ..Command::EMPTY
    },
    Command {
        name: "ready",
        help: "Check if the Prometheus server is ready.",
        flags: &[SERVER_URL],
        ..Command::EMPTY
    },
    Command {
        name: "rules",
        help: "Check if the rule files are valid or not.",
        flags: &[CHECK_RULES],
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

/// `check`
pub(super) const COMMAND: Command = Command {
    name: "check",
    help: "Check the resources for validity.",
    flags: &[CHECK],
    commands: CHECKS,
    ..Command::EMPTY
};
