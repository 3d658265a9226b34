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
];

/// `tsdb`
pub(super) const COMMAND: Command =
    Command { name: "tsdb", help: "Run tsdb commands.", commands: COMMANDS, ..Command::EMPTY };
