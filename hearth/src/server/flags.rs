//! The flags of `hearth server` (those of prometheus) and of `hearth run`.

use common_service::flags::{Command, Flag, Kind, Program, Style};
use common_service::logging;

/// Flags of both commands, without those whose defaults differ.
const COMMON: &[Flag] = &[
    Flag::new("web.config.file", Kind::Str, "[EXPERIMENTAL] Path to configuration file that can enable TLS or authentication.").default(""),
    Flag::new("web.read-timeout", Kind::Duration, "Maximum duration before timing out read of the request, and closing idle connections.").default("5m"),
    Flag::new("web.max-connections", Kind::Int, "Maximum number of simultaneous connections across all listeners.").default("512"),
    Flag::new("web.max-notifications-subscribers", Kind::Int, "Limits the maximum number of subscribers that can concurrently receive live notifications. If the limit is reached, new subscription requests will be denied until existing connections close.").default("16"),
    Flag::new("web.external-url", Kind::Str, "The URL under which Prometheus is externally reachable (for example, if Prometheus is served via a reverse proxy). Used for generating relative and absolute links back to Prometheus itself.").placeholder("<URL>"),
    Flag::new("web.route-prefix", Kind::Str, "Prefix for the internal routes of web endpoints. Defaults to path of --web.external-url.").placeholder("<path>"),
    Flag::switch("web.enable-lifecycle", "Enable shutdown and reload via HTTP request."),
    Flag::switch("web.enable-admin-api", "Enable API endpoints for admin control actions."),
    Flag::new("web.cors.origin", Kind::Str, "Regex for CORS origin. It is fully anchored.").default(".*"),
    Flag::new("storage.tsdb.retention.time", Kind::Str, "How long to retain samples in storage.").default("15d"),
    Flag::new("storage.tsdb.retention.size", Kind::Bytes, "Maximum number of bytes that can be stored for blocks: with the log the oldest blocks go beyond that. Units supported: B, KB, MB, GB, TB, PB, EB."),
    Flag::new("storage.tsdb.wal-segment-size", Kind::Bytes, "Size at which to split the tsdb WAL segment files.").hidden(),
    Flag::new("storage.tsdb.min-block-duration", Kind::Duration, "Minimum duration of a data block before being persisted. For use in testing.").hidden(),
    Flag::new("storage.tsdb.max-block-duration", Kind::Duration, "Maximum duration compacted blocks may span. For use in testing. (Defaults to 10% of the retention period.)").hidden(),
    Flag::new("storage.memory.chunks-max", Kind::Bytes, "Bytes of compressed samples in memory at most; beyond that they go to blocks early, the oldest first. (Hearth only.)").default("256MB"),
    Flag::new("storage.series-max", Kind::Int, "Series kept at most; more are refused. (Hearth only.)").default("5000000"),
    Flag::new("rules.alert.for-outage-tolerance", Kind::Duration, "Max time to tolerate prometheus outage for restoring \"for\" state of alert.").default("1h"),
    Flag::new("rules.alert.for-grace-period", Kind::Duration, "Minimum duration between alert and restored \"for\" state. This is maintained only for alerts with configured \"for\" time greater than grace period.").default("10m"),
    Flag::new("rules.alert.resend-delay", Kind::Duration, "Minimum amount of time to wait before resending an alert to Alertmanager.").default("1m"),
    Flag::new("alertmanager.notification-queue-capacity", Kind::Int, "The capacity of the queue for pending Alertmanager notifications.").default("10000"),
    Flag::new("query.lookback-delta", Kind::Duration, "The maximum lookback duration for retrieving metrics during expression evaluations and federation.").default("5m"),
    Flag::new("query.timeout", Kind::Duration, "Maximum time a query may take before being aborted.").default("2m"),
    Flag::new("query.max-concurrency", Kind::Int, "Maximum number of queries executed concurrently.").default("20"),
    Flag::new("query.max-samples", Kind::Int, "Maximum number of samples a single query can load into memory.").default("50000000"),
    Flag::new("query.max-memory", Kind::Bytes, "Maximum memory a single query may hold. (Hearth only.)").default("256MB"),
    Flag::new("query.max-memory-total", Kind::Bytes, "Maximum memory all queries may hold together; its last parts are for small queries and for rules. (Hearth only.)").default("256MB"),
    Flag::new("enable-feature", Kind::Str, "Comma separated feature names to enable: promql-experimental-functions, promql-delayed-name-removal, promql-extended-range-selectors, promql-binop-fill-modifiers, exemplar-storage, st-storage, created-timestamp-zero-ingestion, use-start-timestamps, search-api; others are ignored.").default("").repeatable(),
    // What Prometheus' units and scripts set and what has no meaning here.
    Flag::new("web.console.templates", Kind::Str, "Accepted and ignored.").hidden(),
    Flag::new("web.console.libraries", Kind::Str, "Accepted and ignored.").hidden(),
    Flag::new("web.page-title", Kind::Str, "Accepted and ignored.").hidden(),
    Flag::switch("storage.tsdb.no-lockfile", "Accepted and ignored.").hidden(),
    Flag::switch("storage.tsdb.wal-compression", "Accepted and ignored: the log is always compressed.").hidden(),
    Flag::switch("auto-gomaxprocs", "Accepted and ignored.").hidden(),
    Flag::switch("auto-gomemlimit", "Accepted and ignored.").hidden(),
    Flag::new("auto-gomemlimit.ratio", Kind::Float, "Accepted and ignored.").hidden(),
];

const SERVER: &[Flag] = &[
    Flag::new("config.file", Kind::Str, "Prometheus configuration file path.")
        .default("prometheus.yml"),
    Flag::new(
        "web.listen-address",
        Kind::Str,
        "Address to listen on for UI, API, and telemetry. Can be repeated.",
    )
    .default("0.0.0.0:9090")
    .repeatable(),
    Flag::new("storage.tsdb.path", Kind::Str, "Base path for metrics storage.").default("data/"),
];

const RUN: &[Flag] = &[
    Flag::new(
        "config.file",
        Kind::Str,
        "A prometheus.yml instead of the bundled configuration, which watches this host.",
    )
    .placeholder("<file>"),
    Flag::new(
        "web.listen-address",
        Kind::Str,
        "Address to listen on for pages, API and metrics. Can be repeated.",
    )
    .default("127.0.0.1:9090")
    .repeatable(),
    Flag::new(
        "storage.tsdb.path",
        Kind::Str,
        "Where samples are kept. Default: ./hearth-data, or $STATE_DIRECTORY under systemd.",
    )
    .placeholder("<directory>"),
    Flag::new(
        "alertmanager.config.file",
        Kind::Str,
        "An alertmanager.yml for the alertmanager inside this process.",
    )
    .placeholder("<file>"),
];

const SERVER_FLAGS: &[&[Flag]] = &[SERVER, COMMON, logging::FLAGS];

/// `hearth server`, called `prometheus` where its messages name it.
pub(crate) const SERVER_PROGRAM: Program = Program {
    root: Command {
        name: "prometheus",
        help: "The Prometheus monitoring server, as Hearth does it",
        flags: SERVER_FLAGS,
        ..Command::EMPTY
    },
    style: Style::Prometheus,
    product: "prometheus",
};

/// `hearth run`: the server's flags and those of the exporters inside it.
pub(crate) fn run_program() -> Program {
    let mut flags = vec![RUN, COMMON];
    flags.extend(exporters_node::command::measuring_flags());
    flags.push(exporters_log::HOST_FLAGS);
    flags.push(logging::FLAGS);
    Program {
        root: Command {
            name: "hearth run",
            help: "Everything on this host in one process: exporters, scraper, database, rules, \
                   alerts, pages",
            flags: flags.leak(),
            ..Command::EMPTY
        },
        style: Style::Prometheus,
        product: "hearth",
    }
}
