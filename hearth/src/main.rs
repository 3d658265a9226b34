//! The monitoring stack of one host in one small program.
//!
//! `hearth` alone runs everything; a first argument, or the name it is called by, picks one of the
//! programs it stands in for.

mod allocator;
mod block_name;
mod check;
mod commands;
mod manual;
mod promtool;
mod server;
mod takeover;

use std::process::ExitCode;

fn main() -> ExitCode {
    let (called, args) = common_service::flags::command_line();
    commands::dispatch(&called, args)
}
