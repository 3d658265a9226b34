//! Flags of `tsdb`.

use common_service::flags::{Arg, Command, Flag, Kind};

const DB_PATH: Arg = Arg::optional("db path", Kind::Str, "Database path (default is data/).");

const HUMAN: Flag = Flag::switch("human-readable", "Print human readable values.").short('r');

const DUMP: &[Flag] = &[
    Flag::new(
        "sandbox-dir-root",
        Kind::Str,
        "Accepted for compatibility: nothing is ever written, so no sandbox is needed.",
    ),
    Flag::new(
        "min-time",
        Kind::Int,
        "Minimum timestamp to dump, in milliseconds since the Unix epoch.",
    )
    .default("-9223372036854775808"),
    Flag::new(
        "max-time",
        Kind::Int,
        "Maximum timestamp to dump, in milliseconds since the Unix epoch.",
    )
    .default("9223372036854775807"),
    Flag::new("match", Kind::Str, "Series selector. Can be specified multiple times.")
        .default("{__name__=~'(?s:.*)'}")
        .repeatable(),
];

const CREATE: &[Flag] = &[
    HUMAN,
    Flag::switch("quiet", "Do not print created blocks.").short('q'),
    Flag::new(
        "max-block-duration",
        Kind::GoDuration,
        "Maximum duration created blocks may span. Anything less than 2h is ignored.",
    )
    .default("2h")
    .hidden(),
];

const LABEL: &[Flag] = &[Flag::new(
    "label",
    Kind::Str,
    "Label to attach to metrics. Can be specified multiple times. Example \
     --label=label_name=label_value",
)
.repeatable()];

const SOURCES: &[Command] = &[Command {
    name: "openmetrics",
    help: "Import samples from OpenMetrics input and produce TSDB blocks. Please refer to the \
           storage docs for more details.",
    flags: &[LABEL],
    args: &[
        Arg::required("input file", Kind::Str, "OpenMetrics file to read samples from."),
        Arg::optional("output directory", Kind::Str, "Output directory for generated blocks."),
    ],
    ..Command::EMPTY
}];

const COMMANDS: &[Command] = &[
    Command {
        name: "list",
        help: "List tsdb blocks.",
        flags: &[&[HUMAN]],
        args: &[DB_PATH],
        ..Command::EMPTY
    },
    Command {
        name: "dump",
        help: "Dump samples from a TSDB.",
        flags: &[DUMP],
        args: &[DB_PATH],
        ..Command::EMPTY
    },
    Command {
        name: "dump-openmetrics",
        help: "[Experimental] Dump samples from a TSDB into OpenMetrics text format, excluding \
               native histograms and staleness markers, which are not representable in \
               OpenMetrics.",
        flags: &[DUMP],
        args: &[DB_PATH],
        ..Command::EMPTY
    },
    Command {
        name: "create-blocks-from",
        help: "[Experimental] Import samples from input and produce TSDB blocks. Please refer to \
               the storage docs for more details.",
        flags: &[CREATE],
        commands: SOURCES,
        ..Command::EMPTY
    },
];

/// `tsdb`
pub(super) const COMMAND: Command =
    Command { name: "tsdb", help: "Run tsdb commands.", commands: COMMANDS, ..Command::EMPTY };
