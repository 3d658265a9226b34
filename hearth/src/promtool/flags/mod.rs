//! The flags and arguments of every command.

mod checks;
mod queries;
mod tsdb;

use common_service::flags::{Arg, Command, Flag, Kind, Program, Style};

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

const HTTP_CONFIG: Flag = Flag::new(
    "http.config.file",
    Kind::File,
    "HTTP client configuration file for promtool to connect to Prometheus.",
)
.placeholder("<filename>");

const PUSH_METRICS: &[Flag] = &[
    Flag::new("label", Kind::Str, "Label to attach to metrics. Can be specified multiple times.")
        .default("job=promtool")
        .repeatable(),
    Flag::new("timeout", Kind::GoDuration, "The time to wait for pushing metrics.").default("30s"),
    Flag::new("header", Kind::Str, "Prometheus remote write header.").repeatable(),
    Flag::new(
        "protobuf_message",
        Kind::Enum(&["prometheus.WriteRequest", "io.prometheus.write.v2.Request"]),
        "Protobuf message to use when writing: prometheus.WriteRequest is remote write 1.0, \
         io.prometheus.write.v2.Request is 2.0.",
    )
    .default("prometheus.WriteRequest"),
];

const PUSH: &[Command] = &[Command {
    name: "metrics",
    help: "Push metrics to a prometheus remote write (for testing purpose only).",
    flags: &[PUSH_METRICS],
    args: &[
        Arg::required(
            "remote-write-url",
            Kind::Str,
            "Prometheus remote write url to push metrics.",
        ),
        Arg::optional(
            "metric-files",
            Kind::File,
            "The metric files to push, default is read from standard input.",
        )
        .rest(),
    ],
    ..Command::EMPTY
}];

const EXPRESSION: Arg = Arg::required("query", Kind::Str, "PromQL query.");

const MATCHER_TYPE: &[Flag] =
    &[Flag::new("type", Kind::Enum(MATCHER_TYPES), "Type of the label matcher to set.")
        .default("=")
        .short('t')];

const MATCHER_TYPES: &[&str] = &["=", "!=", "=~", "!~"];

const LABEL_MATCHERS: &[Command] = &[
    Command {
        name: "set",
        help: "Set a label matcher in the query.",
        flags: &[MATCHER_TYPE],
        args: &[
            EXPRESSION,
            Arg::required("name", Kind::Str, "Name of the label matcher to set."),
            Arg::required("value", Kind::Str, "Value of the label matcher to set."),
        ],
        ..Command::EMPTY
    },
    Command {
        name: "delete",
        help: "Delete a label from the query.",
        args: &[EXPRESSION, Arg::required("name", Kind::Str, "Name of the label to delete.")],
        ..Command::EMPTY
    },
];

const PROMQL: &[Command] = &[
    Command {
        name: "format",
        help: "Format PromQL query to pretty printed form.",
        args: &[EXPRESSION],
        ..Command::EMPTY
    },
    Command {
        name: "label-matchers",
        help: "Edit label matchers contained within an existing PromQL query.",
        commands: LABEL_MATCHERS,
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

const DEBUG: &[Command] = &[
    Command {
        name: "pprof",
        help: "Fetch profiling debug information.",
        args: &[Arg::required(
            "server",
            Kind::Str,
            "Prometheus server to get pprof files from. (Hearth has no profiles.)",
        )],
        ..Command::EMPTY
    },
    Command {
        name: "metrics",
        help: "Fetch metrics debug information.",
        args: &[Arg::required("server", Kind::Str, "Prometheus server to get metrics from.")],
        ..Command::EMPTY
    },
    Command {
        name: "all",
        help: "Fetch all debug information.",
        args: &[Arg::required(
            "server",
            Kind::Str,
            "Prometheus server to get all debug information from.",
        )],
        ..Command::EMPTY
    },
];

/// The command line of `promtool`.
pub(crate) const PROGRAM: Program = Program {
    root: Command {
        name: "promtool",
        help: "Tooling for the Prometheus monitoring system.",
        flags: &[EVERYWHERE],
        commands: &[
            checks::COMMAND,
            queries::COMMAND,
            Command {
                name: "debug",
                help: "Fetch debug information.",
                commands: DEBUG,
                ..Command::EMPTY
            },
            Command {
                name: "push",
                help: "Push to a Prometheus server.",
                flags: &[&[HTTP_CONFIG]],
                commands: PUSH,
                ..Command::EMPTY
            },
            Command {
                name: "test",
                help: "Unit testing.",
                flags: &[TEST],
                commands: TESTS,
                ..Command::EMPTY
            },
            tsdb::COMMAND,
            Command {
                name: "promql",
                help: "PromQL formatting and editing. Requires the --experimental flag.",
                commands: PROMQL,
                ..Command::EMPTY
            },
        ],
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "promtool",
};
