//! The command line of `hearth-blackbox` and `hearth blackbox`: blackbox_exporter's.

use std::path::Path;
use std::process::ExitCode;

use common_service::flags::{Command, Flag, Kind, Matches, Program, Style};
use common_service::logging;

const CONFIG: &[Flag] = &[
    Flag::new("config.file", Kind::Str, "Blackbox exporter configuration file.")
        .default("blackbox.yml"),
    Flag::new("timeout-offset", Kind::Float, "Offset to subtract from timeout in seconds.")
        .default("0.5"),
    Flag::switch("config.check", "If true validate the config file and then exit."),
    Flag::new(
        "log.prober",
        Kind::OneOf("log level", &["debug", "info", "warn", "error"]),
        "Log level for probe request logs, on stderr as well as in what `debug=true` and `/logs` \
         show. One of: [debug, info, warn, error].",
    )
    .default("info"),
    Flag::switch(
        "config.enable-auto-reload",
        "When enabled, the configuration file is read again when it has changed. How often it is \
         looked at is said by `--config.auto-reload-interval`, by default every 30 seconds.",
    ),
    Flag::new(
        "config.auto-reload-interval",
        Kind::Int,
        "Seconds between two looks at the configuration file.",
    )
    .default("30"),
    Flag::new("history.limit", Kind::Int, "The maximum amount of items to keep in the history.")
        .default("100"),
    Flag::new(
        "web.external-url",
        Kind::Str,
        "The URL under which the exporter is externally reachable (for example, if it is served \
         via a reverse proxy). If it has a path, that prefixes all endpoints.",
    )
    .placeholder("<url>"),
    Flag::new(
        "web.route-prefix",
        Kind::Str,
        "Prefix for the internal routes of web endpoints. Defaults to path of --web.external-url.",
    )
    .placeholder("<path>"),
    Flag::switch(
        "web.systemd-socket",
        "Use systemd socket activation listeners instead of port listeners (Linux only).",
    ),
    Flag::new(
        "web.listen-address",
        Kind::Str,
        "Addresses on which to expose metrics and web interface. Repeatable for multiple \
         addresses. Examples: `:9115` or `[::1]:9115` for http",
    )
    .default(":9115")
    .repeatable(),
    Flag::new(
        "web.config.file",
        Kind::Str,
        "Path to configuration file that can enable TLS or authentication. See: \
         https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md",
    )
    .default(""),
];

const PROGRAM: Program = Program {
    root: Command {
        name: "hearth-blackbox",
        help: "Asks endpoints whether they answer, and how.",
        flags: &[CONFIG, logging::FLAGS],
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "blackbox_exporter",
};

/// The whole command line.
#[must_use]
pub fn program() -> &'static Program {
    &PROGRAM
}

/// Runs the exporter until it is told to stop. `args` stand behind the command's name.
#[must_use]
pub fn run(args: &[String]) -> ExitCode {
    let matches = match PROGRAM.matches_of(args) {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    logging::init(logging::LogOptions::from_matches(&matches));
    if matches.bool("config.check") {
        return check(&matches);
    }
    match crate::serve::serve(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(err = %error, "Exporter ended");
            ExitCode::FAILURE
        }
    }
}

fn check(matches: &Matches) -> ExitCode {
    match crate::state::check(Path::new(matches.str("config.file"))) {
        Ok(_) => {
            tracing::info!("Config file is ok exiting...");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(err = %error, "Error loading config");
            ExitCode::FAILURE
        }
    }
}
