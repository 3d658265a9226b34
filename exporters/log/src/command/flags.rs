//! mtail's flags.

use std::sync::LazyLock;

use common_service::flags::{Command, Flag, Kind, Program, Style};

const INPUT: &[Flag] = &[
    Flag::new(
        "logs",
        Kind::Str,
        "List of log files to monitor, separated by commas. This flag may be specified multiple times.",
    )
    .default("")
    .repeatable(),
    Flag::new("progs", Kind::Str, "Name of the directory containing mtail programs.").default(""),
    Flag::new(
        "ignore_filename_regex_pattern",
        Kind::Str,
        "Log file names that match are not read.",
    )
    .default(""),
    Flag::new("poll_interval", Kind::GoDuration, "Interval to poll each log file for data.")
        .default("250ms"),
    Flag::new("poll_log_interval", Kind::GoDuration, "Interval to find new log files.")
        .default("250ms"),
    Flag::new(
        "positions_file",
        Kind::Str,
        "File that keeps how far logs were read, over restarts (not in mtail).",
    )
    .default(""),
    Flag::new(
        "read_from",
        Kind::OneOf("begin", &["end", "beginning"]),
        "Where reading begins in a log that is there at the start: end or beginning (not in mtail).",
    )
    .default("end"),
    Flag::new(
        "max_line_length",
        Kind::Int,
        "Bytes of a line; the rest of a longer one is left out (not in mtail).",
    )
    .default("16777216"),
];

const WEB: &[Flag] = &[
    Flag::new("address", Kind::Str, "Host or IP address on which to bind HTTP listener.")
        .default(""),
    Flag::new("port", Kind::Str, "HTTP port to listen on.").default("3903"),
    Flag::new("unix_socket", Kind::Str, "UNIX Socket to listen on.").default(""),
    Flag::switch("http_debugging_endpoint", "Enable debugging endpoint (/debug/*).")
        .default("true"),
    Flag::switch("http_info_endpoint", "Enable info endpoints (/progz, /varz).").default("true"),
];

const MODES: &[Flag] = &[
    Flag::switch(
        "one_shot",
        "Compile the programs, then read the contents of the provided logs from start until EOF, \
         print the values of the metrics store in the given format and exit.",
    ),
    Flag::new("one_shot_format", Kind::Str, "Format to use with -one_shot: json or prometheus.")
        .default("json"),
    Flag::switch("compile_only", "Compile programs only, do not load the virtual machine."),
    Flag::switch("dump_ast", "Dump AST of programs after parse."),
    Flag::switch("dump_ast_types", "Dump AST of programs with type annotation after typecheck."),
    Flag::switch("dump_bytecode", "Dump bytecode of programs."),
    Flag::switch("version", "Print mtail version information."),
];

const LANGUAGE: &[Flag] = &[
    Flag::switch("syslog_use_current_year", "Patch yearless timestamps with the present year.")
        .default("true"),
    Flag::new(
        "override_timezone",
        Kind::Str,
        "If set, use the provided timezone in timestamp conversion, instead of UTC.",
    )
    .default(""),
    Flag::new(
        "max_regexp_length",
        Kind::Int,
        "The maximum length a mtail regexp expression can have.",
    )
    .default("1024"),
    Flag::new("max_recursion_depth", Kind::Int, "The maximum length a mtail statement can be.")
        .default("100"),
    Flag::switch(
        "lenient",
        "Metrics, constants and decorators that nothing uses are no mistake (not in mtail).",
    ),
    Flag::switch("vm_logs_runtime_errors", "Enables logging of runtime errors.").default("true"),
];

const METRICS: &[Flag] = &[
    Flag::switch("emit_prog_label", "Emit the 'prog' label in variable exports.").default("true"),
    Flag::switch("emit_metric_timestamp", "Emit the recorded timestamp of a metric."),
    Flag::new(
        "expired_metrics_gc_interval",
        Kind::GoDuration,
        "Interval between expired metric garbage collection runs.",
    )
    .default("1h"),
    Flag::new(
        "max_series_per_metric",
        Kind::Int,
        "Series that one metric may have; more are refused and counted (not in mtail).",
    )
    .default("1000000"),
];

const PUSH: &[Flag] = &[
    Flag::new("collectd_socketpath", Kind::Str, "Path to collectd unixsock to write metrics to.")
        .default(""),
    Flag::new("collectd_prefix", Kind::Str, "Prefix to use for collectd metrics.").default(""),
    Flag::new(
        "graphite_host_port",
        Kind::Str,
        "Host:port to graphite carbon server to write metrics to.",
    )
    .default(""),
    Flag::new("graphite_prefix", Kind::Str, "Prefix to use for graphite metrics.").default(""),
    Flag::new("statsd_hostport", Kind::Str, "Host:port to statsd server to write metrics to.")
        .default(""),
    Flag::new("statsd_prefix", Kind::Str, "Prefix to use for statsd metrics.").default(""),
    Flag::new(
        "metric_push_interval",
        Kind::GoDuration,
        "Interval between metric pushes to passive collectors.",
    )
    .default("1m"),
    Flag::new(
        "metric_push_interval_seconds",
        Kind::Int,
        "Deprecated: use --metric_push_interval instead.",
    )
    .default("0"),
    Flag::new("metric_push_write_deadline", Kind::GoDuration, "Time that a push may take.")
        .default("10s"),
];

/// Accepted because units and scripts pass them; what they steer in mtail is not there to be steered.
const WITHOUT_EFFECT: &[Flag] = &[
    Flag::switch("logtostderr", "The log always goes to stderr.").hidden(),
    Flag::switch("alsologtostderr", "The log always goes to stderr.").hidden(),
    Flag::new("log_dir", Kind::Str, "The log always goes to stderr.").default("").hidden(),
    Flag::new("log_link", Kind::Str, "The log always goes to stderr.").default("").hidden(),
    Flag::new("logbuflevel", Kind::Int, "The log is not buffered.").default("0").hidden(),
    Flag::new("log_backtrace_at", Kind::Str, "There is no such log.").default("").hidden(),
    Flag::new("stderrthreshold", Kind::Str, "The log always goes to stderr.").default("").hidden(),
    Flag::new("vmodule", Kind::Str, "There are no levels by file.").default("").hidden(),
    Flag::new("block_profile_rate", Kind::Int, "For Go's runtime.").default("0").hidden(),
    Flag::new("mutex_profile_fraction", Kind::Int, "For Go's runtime.").default("0").hidden(),
    Flag::new("trace_sample_period", Kind::Int, "For Go's runtime.").default("0").hidden(),
    Flag::new("mtailDebug", Kind::Int, "For mtail's parser.").default("0").hidden(),
    Flag::switch("experimental_enable_opentelemetry", "Nothing is pushed by OpenTelemetry.")
        .hidden(),
    Flag::switch("disable_fsnotify", "Ignored by mtail, too.").hidden(),
    Flag::new("stale_log_gc_interval", Kind::GoDuration, "Ignored by mtail, too.")
        .default("1h")
        .hidden(),
];

const LOG: &[Flag] =
    &[Flag::new("v", Kind::Int, "Log level: 1 and more also show debug messages.").default("0")];

static PROGRAM: LazyLock<Program> = LazyLock::new(|| Program {
    root: Command {
        name: "hearth-log",
        help: "Extracts metrics from logs by programs in mtail's language.",
        flags: &[INPUT, WEB, MODES, LANGUAGE, METRICS, PUSH, LOG, WITHOUT_EFFECT],
        ..Command::EMPTY
    },
    style: Style::Go,
    product: "mtail",
});

/// The whole command line.
#[must_use]
pub fn program() -> &'static Program {
    &PROGRAM
}
