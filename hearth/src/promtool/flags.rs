//! The flags and arguments of every command.

use common_service::flags::{Arg, Command, Flag, Kind, Program, Style};

const FORMATS: &[&str] = &["promql", "json"];

const EVERYWHERE: &[Flag] = &[
    Flag::switch("experimental", "Enable experimental commands."),
    Flag::new(
        "enable-feature",
        Kind::Str,
        "Comma separated feature names to enable. Valid options: promql-experimental-functions, \
         promql-delayed-name-removal, promql-extended-range-selectors, \
         promql-binop-fill-modifiers.",
    )
    .default("")
    .repeatable(),
];

const CHECK: &[Flag] = &[
    Flag::new(
        "query.lookback-delta",
        Kind::Duration,
        "The server's maximum query lookback duration.",
    )
    .default("5m"),
    Flag::switch(
        "extended",
        "Print extended information related to the cardinality of the metrics.",
    ),
];

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

const HTTP_CONFIG: Flag = Flag::new(
    "http.config.file",
    Kind::File,
    "HTTP client configuration file for promtool to connect to Prometheus.",
)
.placeholder("<filename>");

const SERVER_URL: &[Flag] = &[
    HTTP_CONFIG,
    Flag::new("url", Kind::Str, "The URL for the Prometheus server.")
        .default("http://localhost:9090"),
];

const QUERY: &[Flag] = &[
    Flag::new("format", Kind::Enum(FORMATS), "Output format of the query.")
        .default("promql")
        .short('o'),
    HTTP_CONFIG,
];

const START: Flag =
    Flag::new("start", Kind::Str, "Query range start time (RFC3339 or Unix timestamp).");
const END: Flag = Flag::new("end", Kind::Str, "Query range end time (RFC3339 or Unix timestamp).");
const MATCH: Flag =
    Flag::new("match", Kind::Str, "Series selector. Can be specified multiple times.").repeatable();

const INSTANT: &[Flag] =
    &[Flag::new("time", Kind::Str, "Query evaluation time (RFC3339 or Unix timestamp).")];
const RANGE: &[Flag] = &[
    Flag::new("header", Kind::Str, "Extra headers to send to server.").repeatable(),
    START,
    END,
    Flag::new("step", Kind::Duration, "Query step size (duration)."),
];
const SERIES: &[Flag] = &[MATCH.required(), START, END];
const LABELS: &[Flag] = &[START, END, MATCH];

const SERVER: Arg = Arg::required("server", Kind::Str, "Prometheus server to query.");
const EXPR: Arg = Arg::required("expr", Kind::Str, "PromQL query expression.");

const CHECKS: &[Command] = &[
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

const QUERIES: &[Command] = &[
    Command {
        name: "instant",
        help: "Run instant query.",
        flags: &[INSTANT],
        args: &[SERVER, EXPR],
        ..Command::EMPTY
    },
    Command {
        name: "range",
        help: "Run range query.",
        flags: &[RANGE],
        args: &[SERVER, EXPR],
        ..Command::EMPTY
    },
    Command {
        name: "series",
        help: "Run series query.",
        flags: &[SERIES],
        args: &[SERVER],
        ..Command::EMPTY
    },
    Command {
        name: "labels",
        help: "Run labels query.",
        flags: &[LABELS],
        args: &[
            SERVER,
            Arg::required("name", Kind::Str, "Label name to provide label values for."),
        ],
        ..Command::EMPTY
    },
];

const TEST: &[Flag] =
    &[Flag::new("junit", Kind::Str, "File path to store JUnit XML test results.")];

const TEST_RULES: &[Flag] = &[
    Flag::new(
        "run",
        Kind::Str,
        "If set, will only run test groups whose names match the regular expression. Can be \
         specified multiple times.",
    )
    .repeatable(),
    Flag::switch("debug", "Enable unit test debugging."),
    Flag::switch(
        "diff",
        "[Experimental] Print colored differential output between expected & received output.",
    ),
    Flag::switch(
        "ignore-unknown-fields",
        "Ignore unknown fields in the rule files. A server performs strict checks and refuses \
         them; the test files themselves are always read strictly.",
    ),
];

const TESTS: &[Command] = &[
    Command {
        name: "rules",
        help: "Unit tests for rules.",
        flags: &[TEST_RULES],
        args: &[Arg::required("test-rule-file", Kind::File, "The unit test file.").rest()],
        ..Command::EMPTY
    },
    Command {
        name: "promql",
        help: "Run files in the test language of PromQL. (Hearth only.)",
        args: &[Arg::required("test-files", Kind::File, "The files to run.").rest()],
        ..Command::EMPTY
    },
];

/// The command line of `promtool`.
pub(super) const PROGRAM: Program = Program {
    root: Command {
        name: "promtool",
        help: "Tooling for the Prometheus monitoring system.",
        flags: &[EVERYWHERE],
        commands: &[
            Command {
                name: "check",
                help: "Check the resources for validity.",
                flags: &[CHECK],
                commands: CHECKS,
                ..Command::EMPTY
            },
            Command {
                name: "query",
                help: "Run query against a Prometheus server.",
                flags: &[QUERY],
                commands: QUERIES,
                ..Command::EMPTY
            },
            Command {
                name: "test",
                help: "Unit testing.",
                flags: &[TEST],
                commands: TESTS,
                ..Command::EMPTY
            },
        ],
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "promtool",
};
