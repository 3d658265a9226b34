//! The table of commands, by which arguments and names they are chosen.

use std::path::Path;
use std::process::ExitCode;

use crate::{promtool, server};

/// One command.
struct Entry {
    /// First argument.
    name: &'static str,
    /// What it is.
    about: &'static str,
    /// Names of the program it stands in for: a link of that name runs it.
    links: &'static [&'static str],
    run: fn(&[String]) -> ExitCode,
}

const COMMANDS: &[Entry] = &[
    Entry {
        name: "run",
        about: "everything on this host in one process; the default",
        links: &[],
        run: server::run,
    },
    Entry {
        name: "node",
        about: "node and textfile exporter (node_exporter)",
        links: &["node_exporter", "prometheus-node-exporter", "hearth-node"],
        run: exporters_node::command::run,
    },
    Entry {
        name: "blackbox",
        about: "prober of endpoints (blackbox_exporter)",
        links: &["blackbox_exporter", "prometheus-blackbox-exporter", "hearth-blackbox"],
        run: exporters_blackbox::command::run,
    },
    Entry {
        name: "log",
        about: "log exporter, by programs in mtail's language (mtail)",
        links: &["mtail", "hearth-log"],
        run: exporters_log::command::run,
    },
    Entry {
        name: "server",
        about: "scraper, database, queries and rules (prometheus)",
        links: &["prometheus"],
        run: server::serve,
    },
    Entry {
        name: "promtool",
        about: "checks, tests and queries (promtool)",
        links: &["promtool"],
        run: promtool::run,
    },
    Entry {
        name: "bundled",
        about: "prints the configuration (hearth.yml) or rules (host.yml, logs.yml) that ship inside",
        links: &[],
        run: server::print_bundled,
    },
];

/// Runs the command that the program's name or the first argument chooses.
pub(crate) fn dispatch(called: &str, args: Vec<String>) -> ExitCode {
    let called = Path::new(called).file_name().unwrap_or_default().to_string_lossy();
    if let Some(entry) = COMMANDS.iter().find(|entry| entry.links.contains(&&*called)) {
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
        Some(first) => match COMMANDS.iter().find(|entry| entry.name == first) {
            Some(entry) => (entry.run)(&args[1..]),
            None => {
                complain(&format!("hearth: error: no command {first:?}\n\n{}", help()));
                ExitCode::from(64)
            }
        },
    }
}

fn help() -> String {
    let mut text = "usage: hearth [<command>] [<flags>]\n\nCommands:\n".to_owned();
    for entry in COMMANDS {
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
