//! The textfile exporter by itself.

use std::process::ExitCode;
use std::sync::Arc;

use common_instrument::Registry;
use common_service::build_info;
use common_service::flags::{Command, Flag, Kind, Matches, Program, Style};
use common_service::logging::{self, LogOptions};
use common_service::process::ProcessCollector;
use common_service::signals::{Request, Signals};
use common_web::axum::Router;
use common_web::axum::routing::any;
use common_web::{Landing, Listener, MetricsHandler, WebConfigFile, WebOptions};
use exporters_textfile::{TextfileCollector, TextfileOptions, flags};

/// Scrapes at the same time.
const IN_FLIGHT_MAX: usize = 40;

const FLAGS: &[Flag] = &[
    flags::DIRECTORY.required(),
    flags::FILE_BYTES_MAX,
    flags::FILE_SAMPLES_MAX,
    flags::FILES_MAX,
    flags::SERIES_MAX,
    flags::TIMEOUT,
    flags::FILE_ERRORS.default("true"),
    Flag::new(
        "web.listen-address",
        Kind::Str,
        "Addresses on which to expose metrics. (repeatable)",
    )
    .default(":9104")
    .repeatable(),
    Flag::new("web.telemetry-path", Kind::Str, "Path under which to expose metrics.")
        .default("/metrics"),
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
        name: "hearth-textfile",
        help: "Exports the metrics that stand in *.prom files.",
        flags: &[FLAGS, logging::FLAGS],
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "hearth-textfile",
};

fn main() -> ExitCode {
    common_service::resident::use_one_heap();
    let matches = match PROGRAM.matches() {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    logging::init(LogOptions::from_matches(&matches));
    match run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(err = %error, "Error starting hearth-textfile");
            ExitCode::FAILURE
        }
    }
}

fn run(matches: &Matches) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let registry = Registry::new();
    registry.register("process", Arc::new(ProcessCollector::new("/proc")));
    let collector = TextfileCollector::new(textfile_options(matches));
    registry.register("textfile", Arc::new(collector));
    let page = MetricsHandler::new(registry.clone(), IN_FLIGHT_MAX, false).instrumented(&registry);
    let path = matches.str("web.telemetry-path");
    let router = with_landing(page.router(path), path);
    let web_config = WebConfigFile::from_flag(matches.str("web.config.file"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listeners = Listener::bind_all(&matches.strs("web.listen-address"))?;
        WebConfigFile::log(web_config.as_deref(), &listeners);
        let protection = web_config.map(|file| file as _);
        let options = WebOptions { protection, ..WebOptions::default() };
        let mut signals = Signals::install()?;
        let stopped = async move { while let Request::Reload = signals.next().await {} };
        common_web::serve(listeners, router, options, stopped).await?;
        Ok(())
    })
}

/// A page at `/` that leads to the metrics, unless those are there.
fn with_landing(router: Router, path: &str) -> Router {
    if path == "/" {
        return router;
    }
    let landing = Landing {
        name: "Textfile exporter".to_owned(),
        description: "Metrics that stand in *.prom files.".to_owned(),
        version: build_info::VERSION.to_owned(),
        links: vec![(path.to_owned(), "Metrics".to_owned(), String::new())],
    };
    router.route("/", any(move || async move { landing.response() }))
}

fn textfile_options(matches: &Matches) -> TextfileOptions {
    let number = |flag: Flag| matches.int(flag.name);
    TextfileOptions {
        directories: matches.strs(flags::DIRECTORY.name).into_iter().map(str::to_owned).collect(),
        file_bytes_max: u64::try_from(number(flags::FILE_BYTES_MAX)).unwrap_or(0),
        file_samples_max: usize::try_from(number(flags::FILE_SAMPLES_MAX)).unwrap_or(0),
        files_max: usize::try_from(number(flags::FILES_MAX)).unwrap_or(0),
        series_max: usize::try_from(number(flags::SERIES_MAX)).unwrap_or(0),
        timeout: matches.duration(flags::TIMEOUT.name),
        file_errors: matches.bool(flags::FILE_ERRORS.name),
        ..TextfileOptions::default()
    }
}
