//! Flags of `tsdb`.

use common_service::flags::{Arg, Command, Flag, Kind};

use super::HTTP_CONFIG;

const DB_PATH: Arg = Arg::optional("db path", Kind::Str, "Database path (default is data/).");

const HUMAN: Flag = Flag::switch("human-readable", "Print human readable values.").short('r');

const REPAIR: Flag = Flag::switch(
    "repair",
    "Write what is good of damaged blocks and segments anew, and keep the originals under names \
     that end in .corrupt. The server must not run.",
);

const ANALYZE: &[Flag] = &[
    Flag::new("limit", Kind::Int, "How many items to show in each list.").default("20"),
    Flag::switch("extended", "Run extended analysis."),
    Flag::new(
        "match",
        Kind::Str,
        "Series selector to analyze. Only 1 set of matchers is supported now.",
    ),
];

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

const RULES: &[Flag] = &[
    HTTP_CONFIG,
    Flag::new(
        "url",
        Kind::Str,
        "The URL for the Prometheus API with the data where the rule will be backfilled from.",
    )
    .default("http://localhost:9090"),
    Flag::new(
        "start",
        Kind::Str,
        "The time to start backfilling the new rule from. Must be a RFC3339 formatted date or \
         Unix timestamp. Required.",
    )
    .required(),
    Flag::new(
        "end",
        Kind::Str,
        "If an end time is provided, all recording rules in the rule files provided will be \
         backfilled to the end time. Default will backfill up to 3 hours ago. Must be a RFC3339 \
         formatted date or Unix timestamp.",
    ),
    Flag::new("output-dir", Kind::Str, "Output directory for generated blocks.").default("data/"),
    Flag::new(
        "eval-interval",
        Kind::GoDuration,
        "How frequently to evaluate rules when backfilling if a value is not set in the recording \
         rule files.",
    )
    .default("60s"),
];

const SOURCES: &[Command] = &[
    Command {
        name: "openmetrics",
        help: "Import samples from OpenMetrics input and produce TSDB blocks. Please refer to the \
               storage docs for more details.",
        flags: &[LABEL],
        args: &[
            Arg::required("input file", Kind::Str, "OpenMetrics file to read samples from."),
            Arg::optional("output directory", Kind::Str, "Output directory for generated blocks."),
        ],
        ..Command::EMPTY
    },
    Command {
        name: "rules",
        help: "Create blocks of data for new recording rules.",
        flags: &[RULES],
        args: &[Arg::required(
            "rule-files",
            Kind::File,
            "A list of one or more files containing recording rules to be backfilled. All \
             recording rules listed in the files will be backfilled. Alerting rules are not \
             evaluated.",
        )
        .rest()],
        ..Command::EMPTY
    },
];

const COMMANDS: &[Command] = &[
    Command {
        name: "analyze",
        help: "Analyze churn, label pair cardinality and compaction efficiency.",
        flags: &[ANALYZE],
        args: &[
            DB_PATH,
            Arg::optional("block id", Kind::Str, "Block to analyze (default is the last block)."),
        ],
        ..Command::EMPTY
    },
    Command {
        name: "list",
        help: "List tsdb blocks.",
        flags: &[&[HUMAN]],
        args: &[DB_PATH],
        ..Command::EMPTY
    },
    Command {
        name: "check",
        help: "Verify every checksum and rule of blocks and logs in a TSDB, and say what is wrong \
               where. Not in Prometheus.",
        flags: &[&[REPAIR]],
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
