//! `hearth run` and `hearth server`: from flags to a running daemon.

mod browser;
mod daemon;
mod flags;
pub(crate) mod loader;
mod never;
mod pages;
mod parts;
mod queries;
mod query_log;
mod reload;
mod replayed;
mod settings;
mod sources;

use std::process::ExitCode;

use common_service::flags::Program;
use common_service::logging::{self, LogOptions};

use crate::commands::{complain, print};
pub(crate) use flags::{SERVER_PROGRAM, run_program};
pub(crate) use loader::{read, read_glob};
use settings::Settings;

/// Exit code for a configuration that cannot be used, as prometheus has it.
const BAD_CONFIGURATION: u8 = 2;

/// Threads that serve requests and scrapes: queries and large bodies get threads of their own.
const WORKERS_MAX: usize = 4;

/// `hearth run`
pub(crate) fn run(args: &[String]) -> ExitCode {
    start(&flags::run_program(), args, Settings::for_run)
}

/// `hearth server`
pub(crate) fn serve(args: &[String]) -> ExitCode {
    start(&flags::SERVER_PROGRAM, args, Settings::for_server)
}

/// `hearth bundled`
pub(crate) fn print_bundled(args: &[String]) -> ExitCode {
    let mut files = vec![("hearth.yml", loader::BUNDLED_CONFIG)];
    files.extend(loader::BUNDLED_RULES);
    files.push(("modules.yml", exporters_blackbox::inside::BUNDLED_MODULES));
    let found = match args {
        [name] => files.iter().find(|(known, _)| known == name),
        _ => None,
    };
    let Some((_, text)) = found else {
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        complain(&format!("usage: hearth bundled {}\n", names.join("|")));
        return ExitCode::from(64);
    };
    print(text);
    ExitCode::SUCCESS
}

fn start(
    program: &Program,
    args: &[String],
    settings: fn(&common_service::flags::Matches) -> Result<Settings, String>,
) -> ExitCode {
    let matches = match program.matches_of(args) {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    logging::init(LogOptions::from_matches(&matches));
    let settings = match settings(&matches) {
        Ok(settings) => settings,
        Err(error) => {
            complain(&format!("{}: error: {error}\n", program.root.name));
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(WORKERS_MAX))
        .thread_name("hearth")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "Starting threads failed");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(daemon::run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(daemon::Failure::Configuration(error)) => {
            tracing::error!(err = error, "Error loading config");
            ExitCode::from(BAD_CONFIGURATION)
        }
        Err(daemon::Failure::Other(error)) => {
            tracing::error!(err = error, "Fatal error");
            ExitCode::FAILURE
        }
    }
}
