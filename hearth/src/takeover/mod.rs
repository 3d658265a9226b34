//! `hearth takeover`: stands in for Prometheus' programs as Debian installs them, with their own
//! configuration, flags and data, and gives everything back with `--undo`.

mod change;
mod originals;
mod stand_in;
mod state;
mod systemd;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;

use common_service::flags::{Command, Flag, Program, Style};

use crate::commands::{complain, print, run_command};
use change::Change;

const FLAGS: &[Flag] = &[
    Flag::switch("undo", "Give back what was taken over: the originals run again."),
    Flag::switch("dry-run", "Only say what would be done."),
];

/// The command line.
pub(crate) const PROGRAM: Program = Program {
    root: Command {
        name: "hearth takeover",
        help: "Stops and masks prometheus, prometheus-node-exporter, prometheus-blackbox-exporter \
               and mtail where they run on this host, and runs Hearth in their places: with their \
               configuration, their flags in /etc/default, their user and their data.",
        flags: &[FLAGS],
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "hearth",
};

/// `hearth takeover`
pub(crate) fn run(args: &[String]) -> ExitCode {
    let matches = match PROGRAM.matches_of(args) {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    let mut change = Change {
        root: Path::new("/"),
        systemd: &mut systemd::Host,
        dry_run: matches.bool("dry-run"),
        say: &mut |line| print(&format!("{line}\n")),
    };
    let done = if matches.bool("undo") { change.undo() } else { change.take() };
    match done {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("hearth takeover: error: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// `hearth stand-in NAME FLAGS...`: what the units of a takeover run.
pub(crate) fn stand_in(args: &[String]) -> ExitCode {
    let [name, given @ ..] = args else {
        complain("usage: hearth stand-in <original> [<flags>]\n");
        return ExitCode::from(64);
    };
    match originals::find(name) {
        Some(original) => run_command(original.command, &stand_in::arguments(original, given)),
        None => {
            complain(&format!("hearth stand-in: error: no original named {name:?}\n"));
            ExitCode::from(64)
        }
    }
}
