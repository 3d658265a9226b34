//! Flags of `query`.

use common_service::flags::{Arg, Command, Flag, Kind};

use super::HTTP_CONFIG;

const FORMATS: &[&str] = &["promql", "json"];

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
    Flag::new("step", Kind::GoDuration, "Query step size (duration)."),
];
const EXPLAIN: &[Flag] = &[
    Flag::new("time", Kind::Str, "Query evaluation time (RFC3339 or Unix timestamp)."),
    START,
    END,
    Flag::new("step", Kind::GoDuration, "Query step size (duration)."),
];
const SERIES: &[Flag] = &[MATCH.required(), START, END];
const LABELS: &[Flag] = &[START, END, MATCH];

const ANALYZE: &[Flag] = &[
    Flag::new("server", Kind::Str, "Prometheus server to query.").required(),
    Flag::new("type", Kind::Str, "Type of metric: histogram.").required(),
    Flag::new("duration", Kind::GoDuration, "Time frame to analyze.").default("1h"),
    Flag::new("time", Kind::Str, "Query time (RFC3339 or Unix timestamp), defaults to now."),
    MATCH.required(),
];

const SERVER: Arg = Arg::required("server", Kind::Str, "Prometheus server to query.");
const EXPR: Arg = Arg::required("expr", Kind::Str, "PromQL query expression.");

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
        name: "explain",
        help: "Run a query and print what was done for it: of a range where --start, --end or \
               --step is given. (Hearth only.)",
        flags: &[EXPLAIN],
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
    Command {
        name: "analyze",
        help: "Run queries against your Prometheus to analyze the usage pattern of certain metrics.",
        flags: &[ANALYZE],
        ..Command::EMPTY
    },
];

/// `query`
pub(super) const COMMAND: Command = Command {
    name: "query",
    help: "Run query against a Prometheus server.",
    flags: &[QUERY],
    commands: QUERIES,
    ..Command::EMPTY
};
