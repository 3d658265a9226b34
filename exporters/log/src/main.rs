//! The log exporter by itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    common_service::resident::use_one_heap();
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    exporters_log::command::run(&args)
}
