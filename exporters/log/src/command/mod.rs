//! The command line of `hearth-log` and `hearth log`: mtail's.

mod bundled;
mod changes;
mod flags;
mod host;
mod loader;
mod one_shot;
mod pages;
mod programs;
mod push;
mod serve;
mod test;
mod vars;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use common_re2::Regex;
use common_service::clock::system_time;
use common_service::flags::Matches;
use common_service::logging;
use jiff::tz::TimeZone;
use parking_lot::Mutex;

pub use flags::program;
pub use host::{HOST_FLAGS, HostLogs, HostOptions};
use loader::Loader;

use crate::compile::CompileOptions;
use crate::engine::Engine;
use crate::lang::checker::CheckLimits;
use crate::source::{Ignore, SourceLimits, SourceOptions, Start};
use crate::store::Store;
use crate::store::output::{PrometheusOptions, json_by_name, prometheus};
use crate::vm::TimeOptions;

/// Why the program ends; the text is for stderr.
type Failure = String;

/// Runs the exporter. `args` stand behind the command's name.
#[must_use]
pub fn run(args: &[String]) -> ExitCode {
    if let [first, rest @ ..] = args
        && first == "test"
    {
        return test::run(rest);
    }
    let matches = match program().matches_of(args) {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    let level = if matches.int("v") > 0 { tracing::Level::DEBUG } else { tracing::Level::INFO };
    logging::init(logging::LogOptions { level, ..logging::LogOptions::default() });
    match start(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

fn start(matches: &Matches) -> Result<(), Failure> {
    let one_shot = matches.bool("one_shot");
    let compile_only = matches.bool("compile_only");
    let format = matches.str("one_shot_format");
    if one_shot && !matches!(format, "json" | "prometheus") {
        return Err(format!("unknown one_shot_format {format:?}: expected json or prometheus"));
    }
    if matches.str("progs").is_empty() {
        return Err("mtail requires programs that instruct it how to extract metrics from logs; \
                    please use the flag -progs to specify the directory containing the programs."
            .to_owned());
    }
    let logs = log_patterns(matches);
    if logs.is_empty() && !compile_only {
        return Err("mtail requires the names of logs to follow in order to extract metrics from \
                    them; please use the flag -logs one or more times to specify glob patterns \
                    describing these logs."
            .to_owned());
    }
    let engine = Arc::new(Mutex::new(engine(matches, one_shot)?));
    let (path, dump_code) = (matches.str("progs").into(), matches.bool("dump_bytecode"));
    let mut loader = Loader::new(path, compile_options(matches), dump_code);
    let mut first = None;
    loader.load(&engine, &mut |message| {
        if one_shot || compile_only {
            first.get_or_insert(message);
        } else {
            complain(&message);
        }
    })?;
    if let Some(message) = first {
        return Err(message);
    }
    if compile_only {
        return Ok(());
    }
    if !one_shot {
        return serve::serve(matches, logs, engine, loader);
    }
    let mut engine = engine.lock();
    one_shot::read_logs(&mut engine, &logs, ignore(matches)?.as_ref());
    print(&engine, format, prometheus_options(matches))
}

/// Tells somebody who reads stderr; who does not does not want to know.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// Which base names are left out.
fn ignore(matches: &Matches) -> Result<Option<Ignore>, Failure> {
    let pattern = matches.str("ignore_filename_regex_pattern");
    if pattern.is_empty() {
        return Ok(None);
    }
    let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
    let ignore = move |name: &[u8]| regex.is_match(&String::from_utf8_lossy(name));
    Ok(Some(Arc::new(ignore)))
}

fn source_options(matches: &Matches, logs: Vec<String>) -> Result<SourceOptions, Failure> {
    let positions = matches.str("positions_file");
    let line_bytes = usize::try_from(matches.int("max_line_length")).unwrap_or(usize::MAX);
    Ok(SourceOptions {
        logs,
        ignore: ignore(matches)?,
        poll_interval: matches.duration("poll_interval"),
        poll_log_interval: matches.duration("poll_log_interval"),
        start: if matches.str("read_from") == "beginning" { Start::Beginning } else { Start::End },
        positions: (!positions.is_empty()).then(|| positions.into()),
        limits: SourceLimits { line_bytes, ..SourceLimits::default() },
        ..SourceOptions::default()
    })
}

/// The patterns of `--logs`, taken apart at commas.
fn log_patterns(matches: &Matches) -> Vec<String> {
    let all = matches.strs("logs");
    let parts = all.iter().flat_map(|list| list.split(','));
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn prometheus_options(matches: &Matches) -> PrometheusOptions {
    PrometheusOptions {
        program_label: matches.bool("emit_prog_label"),
        timestamps: matches.bool("emit_metric_timestamp"),
        as_mtail: matches.bool("one_shot"),
    }
}

fn now_ns() -> i64 {
    let since = system_time().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn engine(matches: &Matches, one_shot: bool) -> Result<Engine, Failure> {
    let zone = match matches.str("override_timezone") {
        "" => None,
        name => Some(TimeZone::get(name).map_err(|_| format!("Couldn't parse timezone {name:?}"))?),
    };
    let use_current_year = matches.bool("syslog_use_current_year");
    let options = TimeOptions { zone, local: TimeZone::system(), use_current_year };
    let series_max = usize::try_from(matches.int("max_series_per_metric")).unwrap_or(usize::MAX);
    // mtail evicts in its hourly round only, which does not come in one shot.
    let store = Store::new(series_max, !one_shot);
    let log_errors = matches.bool("vm_logs_runtime_errors");
    Ok(Engine::new(store, options, Arc::new(now_ns), log_errors))
}

fn compile_options(matches: &Matches) -> CompileOptions {
    let positive = |name: &str, default: usize| match usize::try_from(matches.int(name)) {
        Ok(0) | Err(_) => default,
        Ok(value) => value,
    };
    let default = CheckLimits::default();
    CompileOptions {
        limits: CheckLimits {
            pattern_bytes_max: positive("max_regexp_length", default.pattern_bytes_max),
            depth_max: positive("max_recursion_depth", default.depth_max),
            lenient: matches.bool("lenient"),
        },
        dump_ast: matches.bool("dump_ast"),
        dump_types: matches.bool("dump_ast_types"),
    }
}

fn print(engine: &Engine, format: &str, options: PrometheusOptions) -> Result<(), Failure> {
    let text = if format == "json" {
        let text = json_by_name(engine.store());
        text.ok_or("failed to marshal metrics into json: unsupported value")?
    } else {
        let (text, duplicates) = prometheus(engine.store(), options);
        if let Some(duplicate) = duplicates.first() {
            let name = &duplicate.0;
            return Err(format!("a series of {name} would be there twice"));
        }
        text
    };
    // A reader that went away is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
