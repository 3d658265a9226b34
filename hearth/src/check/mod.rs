//! `hearth check`: whether everything that is installed would be taken: the configuration and what
//! it names, receivers, log programs, modules of probes, and all that ships inside.

mod files;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;

use common_service::flags::{Command, Flag, Kind, Program, Style};

use crate::commands::print;

const FLAGS: &[Flag] = &[Flag::new(
    "directory",
    Kind::Str,
    "The directory with hearth.yml, alertmanager.yml, blackbox.yml, web.yml and programs/, of which \
     any may be missing.",
)
.default("/etc/hearth")];

/// The command line.
pub(crate) const PROGRAM: Program = Program {
    root: Command {
        name: "hearth check",
        help: "Checks all files of a directory that Hearth would read, as a start would, and what \
               ships inside: configuration, rules, receivers, log programs, modules of probes. \
               Ends with 1 where one is wrong.",
        flags: &[FLAGS],
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "hearth",
};

/// What was found out about one thing.
struct Finding {
    /// File, or name of what ships inside.
    name: String,
    /// What it holds, or what is wrong with it.
    outcome: Result<String, String>,
}

/// `hearth check`
pub(crate) fn run(args: &[String]) -> ExitCode {
    let matches = match PROGRAM.matches_of(args) {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    let findings = findings(Path::new(matches.str("directory")));
    for Finding { name, outcome } in &findings {
        print(&match outcome {
            Ok(about) => format!("{name}: ok, {about}\n"),
            Err(error) => format!("{name}: FAILED\n  {}\n", error.trim_end().replace('\n', "\n  ")),
        });
    }
    match findings.iter().any(|finding| finding.outcome.is_err()) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// All that there is, files of the directory first.
fn findings(directory: &Path) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (name, check) in files::FILES {
        let path = directory.join(name);
        if path.exists() {
            findings.push(Finding { name: path.display().to_string(), outcome: check(&path) });
        }
    }
    findings.extend(files::programs(&directory.join("programs")));
    findings.extend(files::bundled());
    findings
}
