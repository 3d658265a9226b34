//! Kingpin's help text.

use std::fmt::Write as _;

use super::parse::BUILT_IN;
use super::wrap::wrap;
use super::{Command, Flag, Kind, Program};

/// Width of the text; kingpin's where there is no terminal.
const WIDTH: usize = 80;
/// A left column wider than this gets a line of its own.
const LEFT_MAX: usize = 30;
const INDENT: usize = 2;
const GAP: usize = 2;

/// The help of the command at the end of `path`, with hidden flags where `long`.
pub(super) fn usage(program: &Program, path: &[Command], long: bool) -> String {
    let chosen = path[path.len() - 1];
    let mut text = format!("usage: {}", program.root.name);
    for command in &path[1..] {
        let _ = write!(text, " {}", command.name);
    }
    text.push_str(" [<flags>]");
    for arg in chosen.args {
        let _ = write!(text, " {}", arg_text(arg));
    }
    if !chosen.commands.is_empty() {
        text.push_str(" <command> [<args> ...]");
    }
    text.push_str("\n\n");
    if !chosen.help.is_empty() {
        let _ = write!(text, "{}\n\n", wrap(chosen.help, WIDTH).join("\n"));
    }
    text.push_str("\nFlags:\n");
    let built_in = BUILT_IN.iter();
    let flags = built_in.chain(path.iter().flat_map(Command::own_flags));
    let rows: Vec<(String, String)> = flags
        .filter(|flag| long || !flag.hidden)
        .map(|flag| (flag_text(flag), help_text(flag)))
        .collect();
    columns(&mut text, &rows);
    if !chosen.args.is_empty() {
        text.push_str("\nArgs:\n");
        let rows: Vec<(String, String)> =
            chosen.args.iter().map(|arg| (arg_text(arg), arg.help.to_owned())).collect();
        columns(&mut text, &rows);
    }
    if !chosen.commands.is_empty() {
        let title = if path.len() == 1 { "Commands" } else { "Subcommands" };
        let _ = writeln!(text, "\n{title}:");
        if path.len() == 1 {
            text.push_str("help [<command>...]\n    Show help.\n\n");
        }
        let prefix: Vec<&str> = path[1..].iter().map(|command| command.name).collect();
        commands(&mut text, &chosen, &prefix.join(" "));
    }
    text.push('\n');
    text
}

/// The commands without commands below them, each with the way to it.
fn commands(text: &mut String, above: &Command, prefix: &str) {
    for command in above.commands.iter().filter(|command| !command.hidden) {
        let name = format!("{prefix} {}", command.name).trim_start().to_owned();
        if !command.commands.is_empty() {
            commands(text, command, &name);
            continue;
        }
        text.push_str(&name);
        if command.own_flags().any(|flag| !flag.hidden) {
            text.push_str(" [<flags>]");
        }
        for arg in command.args {
            let _ = write!(text, " {}", arg_text(arg));
        }
        text.push('\n');
        for line in wrap(command.help, WIDTH - 4) {
            let _ = writeln!(text, "    {line}");
        }
        text.push('\n');
    }
}

fn arg_text(arg: &super::Arg) -> String {
    let dots = if arg.rest { "..." } else { "" };
    let text = format!("<{}>{dots}", arg.name);
    if arg.required { text } else { format!("[{text}]") }
}

fn flag_text(flag: &Flag) -> String {
    let short = match flag.short {
        Some(letter) => format!("-{letter}, "),
        None => "    ".to_owned(),
    };
    if flag.kind == Kind::Bool {
        return format!("{short}--[no-]{}", flag.name);
    }
    let value = match (flag.placeholder, flag.default, flag.kind) {
        (Some(text), _, _) => text.to_owned(),
        (None, Some(""), _) => "\"\"".to_owned(),
        (None, Some(default), Kind::Str | Kind::File | Kind::Enum(_)) => format!("{default:?}"),
        (None, Some(default), _) => default.to_owned(),
        (None, None, _) => flag.name.to_uppercase(),
    };
    let dots = if flag.repeatable { " ..." } else { "" };
    format!("{short}--{}={value}{dots}", flag.name)
}

fn help_text(flag: &Flag) -> String {
    match flag.env {
        Some(variable) => format!("{} (${variable})", flag.help),
        None => flag.help.to_owned(),
    }
}

fn columns(text: &mut String, rows: &[(String, String)]) {
    let widths = rows.iter().map(|(left, _)| left.chars().count());
    let left_width = widths.filter(|&width| width < LEFT_MAX).max().unwrap_or(0);
    let margin = " ".repeat(INDENT + left_width + GAP);
    for (left, right) in rows {
        let _ = write!(text, "{:INDENT$}{left:<left_width$}{:GAP$}", "", "");
        if left.chars().count() >= LEFT_MAX {
            let _ = write!(text, "\n{margin}");
        }
        let lines = wrap(right, WIDTH - left_width - GAP - INDENT);
        let mut lines = lines.iter();
        let _ = writeln!(text, "{}", lines.next().map_or("", String::as_str));
        for line in lines {
            let _ = writeln!(text, "{margin}{line}");
        }
    }
}
