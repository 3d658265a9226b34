//! The table of commands, by which arguments and names they are chosen.

use std::path::Path;
use std::process::ExitCode;

use common_service::flags::Program;

use crate::{check, manual, promtool, server, takeover};

/// One command.
pub(crate) struct Entry {
    /// First argument.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// Names of the program it stands in for: a link of that name runs it.
    pub(crate) links: &'static [&'static str],
    /// The table of its flags, for manual pages and completions; none where it has no flags.
    pub(crate) program: Option<fn() -> Program>,
    /// For packages, not for people.
    pub(crate) hidden: bool,
    run: fn(&[String]) -> ExitCode,
}

/// All commands.
pub(crate) const ENTRIES: &[Entry] = &[
    Entry {
        name: "run",
        about: "everything on this host in one process; the default",
        links: &[],
        program: Some(server::run_program),
        hidden: false,
        run: server::run,
    },
    Entry {
        name: "node",
        about: "node and textfile exporter (node_exporter)",
        links: &["node_exporter", "prometheus-node-exporter", "hearth-node"],
        program: Some(|| *exporters_node::command::program()),
        hidden: false,
        run: exporters_node::command::run,
    },
    Entry {
        name: "blackbox",
        about: "prober of endpoints (blackbox_exporter)",
        links: &["blackbox_exporter", "prometheus-blackbox-exporter", "hearth-blackbox"],
        program: Some(|| *exporters_blackbox::command::program()),
        hidden: false,
        run: exporters_blackbox::command::run,
    },
    Entry {
        name: "log",
        about: "log exporter, by programs in mtail's language (mtail)",
        links: &["mtail", "hearth-log"],
        program: Some(|| *exporters_log::command::program()),
        hidden: false,
        run: exporters_log::command::run,
    },
    Entry {
        name: "server",
        about: "scraper, database, queries and rules (prometheus)",
        links: &["prometheus"],
        program: Some(|| server::SERVER_PROGRAM),
        hidden: false,
        run: server::serve,
    },
    Entry {
        name: "promtool",
        about: "checks, tests and queries (promtool)",
        links: &["promtool"],
        program: Some(|| promtool::PROGRAM),
        hidden: false,
        run: promtool::run,
    },
    Entry {
        name: "check",
        about: "checks every file that Hearth would read, and what ships inside",
        links: &[],
        program: Some(|| check::PROGRAM),
        hidden: false,
        run: check::run,
    },
    Entry {
        name: "takeover",
        about: "runs in place of Debian's prometheus, its exporters and mtail, and gives back",
        links: &[],
        program: Some(|| takeover::PROGRAM),
        hidden: false,
        run: takeover::run,
    },
    Entry {
        name: "bundled",
        about: "prints the configuration (hearth.yml) or rules (host.yml, logs.yml) that ship inside",
        links: &[],
        program: None,
        hidden: false,
        run: server::print_bundled,
    },
    Entry {
        name: "stand-in",
        about: "an original with Debian's defaults, for the units of a takeover",
        links: &[],
        program: None,
        hidden: true,
        run: takeover::stand_in,
    },
    Entry {
        name: "man",
        about: "prints a manual page",
        links: &[],
        program: None,
        hidden: true,
        run: manual::man,
    },
    Entry {
        name: "completions",
        about: "prints completions for a shell",
        links: &[],
        program: None,
        hidden: true,
        run: manual::completions,
    },
];

/// Runs the command that the program's name or the first argument chooses.
pub(crate) fn dispatch(called: &str, args: Vec<String>) -> ExitCode {
    let called = Path::new(called).file_name().unwrap_or_default().to_string_lossy();
    if let Some(entry) = ENTRIES.iter().find(|entry| entry.links.contains(&&*called)) {
        return (entry.run)(&args);
    }
    match args.first().map(String::as_str) {
        None => server::run(&[]),
        Some("help" | "--help" | "-h") => {
            print(&help());
            ExitCode::SUCCESS
        }
        Some("--version") => {
            print(&common_service::build_info::version_text("hearth"));
            ExitCode::SUCCESS
        }
        // Flags without a command are those of `run`.
        Some(first) if first.starts_with('-') => server::run(&args),
        Some(first) => run_command(first, &args[1..]),
    }
}

/// Runs the command of this name.
pub(crate) fn run_command(name: &str, args: &[String]) -> ExitCode {
    match ENTRIES.iter().find(|entry| entry.name == name) {
        Some(entry) => (entry.run)(args),
        None => {
            complain(&format!("hearth: error: no command {name:?}\n\n{}", help()));
            ExitCode::from(64)
        }
    }
}

fn help() -> String {
    let mut text = "usage: hearth [<command>] [<flags>]\n\nCommands:\n".to_owned();
    for entry in ENTRIES.iter().filter(|entry| !entry.hidden) {
        text.push_str(&format!("  {:<10} {}\n", entry.name, entry.about));
    }
    text.push_str("\n`hearth <command> --help` explains the flags of a command.\n");
    text
}

/// Writes to stdout; a reader that went away is no error.
pub(crate) fn print(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}

/// Writes to stderr.
pub(crate) fn complain(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}
