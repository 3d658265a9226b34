//! Logs of this host inside another process: own programs with the logs they are given, and those
//! programs that ship inside whose logs are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common_instrument::Collector;
use common_service::SystemClock;
use common_service::flags::{Flag, Kind, Matches};
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::bundled::{Bundled, look_again};
use super::changes::Changes;
use super::loader::Loader;
use super::serve::{SharedEngine, collect_garbage};
use crate::collector::LogCollector;
use crate::compile::CompileOptions;
use crate::engine::Engine;
use crate::library::PROGRAMS;
use crate::source::{Selection, SourceLimits, SourceOptions, Sources, Start};
use crate::store::Store;
use crate::store::output::PrometheusOptions;
use crate::vm::TimeOptions;

/// Series that one metric may have: these hosts are small, and the samples are kept here, too.
const SERIES_MAX: usize = 10_000;

/// Series that are too old go as often.
const GARBAGE_INTERVAL: Duration = Duration::from_secs(3600);

/// How often it is looked for logs of services that were not there before.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// Bytes of a line.
const LINE_BYTES_MAX: usize = 1 << 20;

/// The flags of a process that has logs inside.
pub const HOST_FLAGS: &[Flag] = &[
    Flag::new(
        "log.programs",
        Kind::Str,
        "Directory of mtail programs that read --log.logs. Changed ones are loaded again.",
    )
    .placeholder("<directory>"),
    Flag::new(
        "log.logs",
        Kind::Str,
        "Logs for the programs of --log.programs: paths, patterns, addresses. Can be repeated.",
    )
    .default("")
    .repeatable(),
    Flag::switch(
        "log.bundled",
        "Read logs of well-known services that this host has with the programs that ship inside.",
    )
    .default("true"),
];

/// What is read.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Folder of own programs.
    pub programs: Option<PathBuf>,
    /// What they read.
    pub logs: Vec<String>,
    /// Whether the programs that ship inside read what logs there are.
    pub bundled: bool,
    /// File of the positions.
    pub positions: PathBuf,
    /// How often it is looked for logs that programs which ship inside could read.
    pub look_interval: Duration,
}

impl HostOptions {
    /// As [`HOST_FLAGS`] say; positions are kept in this file.
    #[must_use]
    pub fn new(matches: &Matches, positions: PathBuf) -> HostOptions {
        let logs = matches.strs("log.logs").into_iter().filter(|log| !log.is_empty());
        HostOptions {
            programs: matches.opt_str("log.programs").map(PathBuf::from),
            logs: logs.map(str::to_owned).collect(),
            bundled: matches.bool("log.bundled"),
            positions,
            look_interval: LOOK_INTERVAL,
        }
    }
}

/// Logs that are followed, and the programs that count them.
pub struct HostLogs {
    collector: Arc<LogCollector>,
    sources: Arc<Sources>,
    tasks: Vec<JoinHandle<()>>,
}

impl HostLogs {
    /// Loads the programs and follows the logs. Must be called in a tokio runtime; relative paths
    /// begin at `directory`.
    ///
    /// # Errors
    /// Where own programs cannot be read, or their logs name nothing. A program that does not
    /// compile is a message in the log.
    pub fn start(options: HostOptions, directory: &Path) -> Result<HostLogs, String> {
        let zone = TimeZone::system();
        let times = TimeOptions { zone: Some(zone.clone()), local: zone, use_current_year: true };
        let store = Store::new(SERIES_MAX, true);
        let engine = Engine::new(store, times, Arc::new(super::now_ns), false);
        let engine = Arc::new(Mutex::new(engine));
        let mut logs = options.logs.clone();
        let mut tasks = Vec::new();
        if let Some(path) = &options.programs {
            let mut loader = Loader::new(path.clone(), CompileOptions::default(), false);
            loader.logs = log_names(&options.logs, directory)?;
            loader.load(&engine, &mut |message| tracing::error!("{message}"))?;
            tasks.push(tokio::spawn(reload(Arc::clone(&engine), loader)));
        }
        let mut bundled = Bundled::new(PROGRAMS, &options.logs, directory);
        if options.bundled {
            logs.extend(bundled.load(&engine));
        }
        let sources = SourceOptions {
            logs,
            start: Start::End,
            positions: Some(options.positions.clone()),
            limits: SourceLimits { line_bytes: LINE_BYTES_MAX, ..SourceLimits::default() },
            ..SourceOptions::default()
        };
        let sink = Box::new(SharedEngine(Arc::clone(&engine)));
        let sources = Sources::start(sources, directory, Box::new(SystemClock), vec![sink])
            .map_err(|error| error.to_string())?;
        let sources = Arc::new(sources);
        if options.bundled {
            let (engine, sources) = (Arc::clone(&engine), Arc::clone(&sources));
            tasks.push(tokio::spawn(look_again(bundled, engine, sources, options.look_interval)));
        }
        tasks.push(tokio::spawn(collect_garbage(Arc::clone(&engine), GARBAGE_INTERVAL)));
        let collector = Arc::new(LogCollector {
            engine,
            ledger: Arc::clone(sources.ledger()),
            stats: Arc::clone(sources.stats()),
            options: PrometheusOptions { program_label: true, timestamps: false, as_mtail: false },
        });
        Ok(HostLogs { collector, sources, tasks })
    }

    /// What the programs count, and what is counted of logs.
    #[must_use]
    pub fn collector(&self) -> Arc<dyn Collector> {
        Arc::clone(&self.collector) as Arc<dyn Collector>
    }

    /// Reads what is there and ends. May wait for a thread that counts.
    pub fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.sources.end();
    }
}

/// Patterns of the names under which programs see what these values of `--logs` stand for.
pub(super) fn log_names(logs: &[String], directory: &Path) -> Result<Vec<String>, String> {
    let name = |text: &String| {
        let logs = Selection::new(text, directory).map_err(|error| format!("log.logs: {error}"))?;
        Ok(logs.names())
    };
    logs.iter().map(name).collect()
}

/// Loads own programs again when their files change.
async fn reload(engine: Arc<Mutex<Engine>>, loader: Loader) {
    let mut changes = Changes::new(&loader.path);
    let loader = Arc::new(Mutex::new(loader));
    loop {
        changes.next().await;
        super::serve::load(&engine, &loader).await;
    }
}
