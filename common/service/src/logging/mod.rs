//! Log lines on stderr, as Go's slog writes them: logfmt or JSON.
//!
//! `time=2026-11-21T01:22:51.361Z level=INFO source=main.rs:217 msg="Listening on" address=:9100`

mod format;
mod time;

use std::io::IsTerminal as _;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::flags::{Flag, Kind, Matches};
use format::SlogFormat;
pub use format::push_pair;
pub use time::format_time_ms;

/// `--log.level` and `--log.format`, for the table of a program.
pub const FLAGS: &[Flag] = &[
    Flag::new(
        "log.level",
        Kind::OneOf("log level", &["debug", "info", "warn", "error"]),
        "Only log messages with the given severity or above. One of: [debug, info, warn, error]",
    )
    .default("info"),
    Flag::new(
        "log.format",
        Kind::OneOf("log format", &["logfmt", "json"]),
        "Output format of log messages. One of: [logfmt, json]",
    )
    .default("logfmt"),
];

/// Libraries that tell more than an operator wants to know; they get a word from `warn` on.
const CHATTY: &[&str] = &["hyper", "hyper_util", "h2", "rustls", "tower", "tokio_util", "mio"];

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `key=value` pairs.
    #[default]
    Logfmt,
    /// One JSON object per line, with the same keys.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// The least important level that is written.
    pub level: Level,
    /// How a line is written.
    pub format: Format,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions { level: Level::INFO, format: Format::Logfmt }
    }
}

impl LogOptions {
    /// What [`FLAGS`] say.
    #[must_use]
    pub fn from_matches(matches: &Matches) -> LogOptions {
        let level = match matches.str("log.level") {
            "debug" => Level::DEBUG,
            "warn" => Level::WARN,
            "error" => Level::ERROR,
            _ => Level::INFO,
        };
        let json = matches.str("log.format") == "json";
        LogOptions { level, format: if json { Format::Json } else { Format::Logfmt } }
    }
}

/// Sends the log of this process to stderr. A second call does nothing.
pub fn init(options: LogOptions) {
    let subscriber = subscriber(options, std::io::stderr);
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Whether stderr is a terminal: tools may then say things more shortly.
#[must_use]
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// A subscriber that writes elsewhere, for tests.
pub fn subscriber<W>(options: LogOptions, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let level = LevelFilter::from_level(options.level);
    let chatty = CHATTY.iter().map(|name| (*name, level.min(LevelFilter::WARN)));
    let layer = tracing_subscriber::fmt::layer()
        .event_format(SlogFormat { format: options.format })
        .with_writer(writer);
    let filter = Targets::new().with_default(level).with_targets(chatty);
    tracing_subscriber::registry().with(filter).with(layer)
}
