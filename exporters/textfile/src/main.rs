//! The textfile exporter by itself.

use std::process::ExitCode;
use std::sync::Arc;

use common_instrument::Registry;
use common_service::flags::{Command, Flag, Kind, Matches, Program, Style};
use common_service::logging::{self, LogOptions};
use common_service::process::ProcessCollector;
use common_service::signals::{Request, Signals};
use common_web::{Listener, MetricsHandler, WebConfigFile, WebOptions};
use exporters_textfile::{TextfileCollector, TextfileOptions};

/// Scrapes at the same time.
const IN_FLIGHT_MAX: usize = 40;

const FLAGS: &[Flag] = &[
    Flag::new(
        "collector.textfile.directory",
        Kind::Str,
        "Directory to read text files with metrics from, supports glob matching. (repeatable)",
    )
    .required()
    .repeatable(),
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
    let directories: Vec<String> =
        matches.strs("collector.textfile.directory").into_iter().map(str::to_owned).collect();
    let registry = Registry::new();
    registry.register("process", Arc::new(ProcessCollector::new("/proc")));
    let options = TextfileOptions { directories, ..TextfileOptions::default() };
    registry.register("textfile", Arc::new(TextfileCollector::new(options)));
    let page = MetricsHandler::new(registry.clone(), IN_FLIGHT_MAX, false).instrumented(&registry);
    let router = page.router(matches.str("web.telemetry-path"));
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
