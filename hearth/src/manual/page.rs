//! The pages: `hearth(1)` with the commands that stand in for exporters, and one for each command.

use common_service::build_info;
use common_service::flags::{Command, Flag, Kind, Program, Style};

use super::roff::{escape, item, paragraphs, section, subsection, title};
use super::tree;
use crate::commands::ENTRIES;

/// Commands whose flags stand in `hearth(1)`: pages named after them belong to the slim programs.
const INLINE: &[&str] = &["node", "blackbox", "log"];

const FILES: &[(&str, &str)] = &[
    ("/etc/hearth/hearth.yml", "Configuration of hearth.service, in the form of prometheus.yml."),
    ("/etc/hearth/alertmanager.yml", "Receivers of alerts, in the form of alertmanager.yml."),
    ("/etc/hearth/blackbox.yml", "Modules of probes, in the form of blackbox.yml."),
    ("/etc/hearth/programs/", "Log programs, in mtail's language."),
    ("/etc/default/hearth", "Flags of hearth.service."),
    ("/var/lib/hearth/", "Samples, in the form of Prometheus' data directory."),
];

const OVERVIEW: &str = "Hearth is the monitoring stack of one host in one program: exporters, scraper, \
database, rules, alerts and pages. Without a command it does all of that. Called by a link with the name of a \
program that a command stands in for, it is that command.";

/// `hearth(1)`
pub(super) fn overview() -> String {
    let mut text = title("hearth", build_info::VERSION);
    text += &section("name");
    text += "hearth \\- the monitoring stack of one host\n";
    text += &section("synopsis");
    text += "\\fBhearth\\fR [\\fIcommand\\fR] [\\fIflags\\fR]\n";
    text += &section("description");
    text += &paragraphs(OVERVIEW);
    text += &section("commands");
    for entry in ENTRIES.iter().filter(|entry| !entry.hidden) {
        text += &item(entry.name, &sentence(entry.about));
    }
    for entry in ENTRIES.iter().filter(|entry| INLINE.contains(&entry.name)) {
        if let Some(program) = tree::program(entry) {
            text += &section(&format!("flags of hearth {}", entry.name));
            text += &flags(&program.root, program.style);
        }
    }
    text += &section("files");
    for (path, about) in FILES {
        text += &item(path, about);
    }
    text += &section("see also");
    let pages = ENTRIES
        .iter()
        .filter(|entry| !entry.hidden && entry.program.is_some() && !INLINE.contains(&entry.name));
    let pages = pages.map(|entry| format!("\\fBhearth\\-{}\\fR(1)", escape(entry.name)));
    text += &pages.collect::<Vec<_>>().join(", ");
    text + "\n"
}

/// The page of one command, by the name of the slim program where there is one.
pub(super) fn of(command: &str) -> Option<String> {
    let entry = ENTRIES.iter().find(|entry| entry.name == command)?;
    let program = tree::program(entry)?;
    let name = format!("hearth-{command}");
    let called = if INLINE.contains(&command) { name.clone() } else { format!("hearth {command}") };
    let mut text = title(&name, build_info::VERSION);
    text += &section("name");
    text += &format!("{} \\- {}\n", escape(&name), escape(entry.about));
    text += &section("synopsis");
    text += &synopsis(&called, &program);
    text += &section("description");
    text += &paragraphs(program.root.help);
    text += &section("options");
    text += &flags(&program.root, program.style);
    if !program.root.commands.is_empty() {
        text += &section("commands");
        commands(&mut text, &program.root, "", program.style);
    }
    text += &section("see also");
    text += "\\fBhearth\\fR(1)\n";
    Some(text)
}

fn synopsis(called: &str, program: &Program) -> String {
    let rest =
        if program.root.commands.is_empty() { "" } else { " \\fIcommand\\fR [\\fIarguments\\fR]" };
    format!("\\fB{}\\fR [\\fIflags\\fR]{rest}\n", escape(called))
}

/// Commands without commands below them, each with the way to it, its arguments and flags.
fn commands(text: &mut String, above: &Command, prefix: &str, style: Style) {
    for command in above.commands.iter().filter(|command| !command.hidden) {
        let mut name = format!("{prefix} {}", command.name).trim_start().to_owned();
        if !command.commands.is_empty() {
            commands(text, command, &name, style);
            continue;
        }
        for arg in command.args {
            let dots = if arg.rest { " ..." } else { "" };
            name += &match arg.required {
                true => format!(" <{}>{dots}", arg.name),
                false => format!(" [<{}>{dots}]", arg.name),
            };
        }
        *text += &subsection(&name);
        *text += &paragraphs(command.help);
        *text += &flags(command, style);
    }
}

fn flags(command: &Command, style: Style) -> String {
    let shown = command.own_flags().filter(|flag| !flag.hidden);
    shown.map(|flag| item(&term(flag, style), &about(flag))).collect()
}

fn term(flag: &Flag, style: Style) -> String {
    let short = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
    match flag.kind {
        Kind::Bool if style == Style::Go => format!("{short}--{}", flag.name),
        Kind::Bool => format!("{short}--[no-]{}", flag.name),
        _ => {
            let value = flag.placeholder.map_or_else(|| "<value>".to_owned(), str::to_owned);
            format!("{short}--{}={value}", flag.name)
        }
    }
}

fn about(flag: &Flag) -> String {
    let mut text = sentence(flag.help);
    if let Some(default) = flag.default.filter(|default| !default.is_empty()) {
        text += &format!(" Default: {default}.");
    }
    if let Some(variable) = flag.env {
        text += &format!(" Environment: {variable}.");
    }
    if flag.repeatable {
        text += " May be given more than once.";
    }
    text
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with('.') || text.is_empty() { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_with_flags_has_a_page_with_all_of_them() {
        for entry in ENTRIES.iter().filter(|entry| entry.program.is_some()) {
            let page = of(entry.name).unwrap();
            let program = tree::program(entry).unwrap();
            for flag in program.root.own_flags().filter(|flag| !flag.hidden) {
                assert!(page.contains(&escape(flag.name)), "{} of {}", flag.name, entry.name);
            }
            assert!(page.lines().all(|line| !line.is_empty()), "an empty line in {}", entry.name);
        }
        assert!(of("nothing").is_none());
    }

    #[test]
    fn flags_show_value_default_and_environment() {
        let page = of("node").unwrap();
        assert!(
            page.contains(
                "\\fB\\-\\-path.procfs=<value>\\fR\nprocfs mountpoint. Default: /proc.\n"
            )
        );
        assert!(page.contains("\\fB\\-\\-[no\\-]collector.cpu\\fR\n"), "{page}");
        assert!(page.contains("Environment: GOMAXPROCS."), "{page}");
    }

    #[test]
    fn the_overview_names_all_commands() {
        let page = overview();
        for entry in ENTRIES.iter().filter(|entry| !entry.hidden) {
            assert!(page.contains(&format!(".TP\n\\fB{}\\fR\n", entry.name)), "{}", entry.name);
        }
    }
}
