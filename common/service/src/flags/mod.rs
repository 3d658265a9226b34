//! A command line described by tables, understood and explained the way kingpin does it.
//!
//! The programs that Hearth replaces parse their flags with kingpin (mtail: with Go's `flag`), and
//! scripts, units and documentation rely on what it takes and refuses. A [`Program`] is a constant
//! table of [`Flag`]s, [`Arg`]s and [`Command`]s; parsing, `--help` and whatever else explains a
//! command line run over it.

mod error;
mod go_style;
mod help;
mod matches;
mod parse;
mod tokens;
mod value;
mod wrap;

use std::path::Path;
use std::process::ExitCode;

pub use error::{FlagError, Stage};
pub use matches::Matches;
pub use value::{Kind, parse_bytes, parse_duration, parse_go_duration};

/// One flag. Built in constants: `Flag::new("web.listen-address", Kind::Str, "Where to listen.")
/// .default(":9100").repeatable()`.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Long name without dashes.
    pub name: &'static str,
    /// What the value may be.
    pub kind: Kind,
    /// One sentence or more.
    pub help: &'static str,
    /// The value where the flag is not given; `None` shows a placeholder in the help.
    pub default: Option<&'static str>,
    /// What stands for the value in the help.
    pub placeholder: Option<&'static str>,
    /// Environment variable that gives the value where the flag does not.
    pub env: Option<&'static str>,
    /// One-letter form.
    pub short: Option<char>,
    /// May be given more than once.
    pub repeatable: bool,
    /// Left out of the help.
    pub hidden: bool,
    /// Must be given.
    pub required: bool,
}

impl Flag {
    /// A flag without default that may be given once.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Flag {
        Flag {
            name,
            kind,
            help,
            default: None,
            placeholder: None,
            env: None,
            short: None,
            repeatable: false,
            hidden: false,
            required: false,
        }
    }

    /// A boolean flag, `--[no-]name`, off unless given.
    #[must_use]
    pub const fn switch(name: &'static str, help: &'static str) -> Flag {
        Flag::new(name, Kind::Bool, help)
    }

    /// With a default value.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> Flag {
        self.default = Some(value);
        self
    }

    /// With a placeholder for the help.
    #[must_use]
    pub const fn placeholder(mut self, text: &'static str) -> Flag {
        self.placeholder = Some(text);
        self
    }

    /// With an environment variable.
    #[must_use]
    pub const fn env(mut self, variable: &'static str) -> Flag {
        self.env = Some(variable);
        self
    }

    /// With a one-letter form.
    #[must_use]
    pub const fn short(mut self, letter: char) -> Flag {
        self.short = Some(letter);
        self
    }

    /// May be given more than once.
    #[must_use]
    pub const fn repeatable(mut self) -> Flag {
        self.repeatable = true;
        self
    }

    /// Left out of the help.
    #[must_use]
    pub const fn hidden(mut self) -> Flag {
        self.hidden = true;
        self
    }

    /// Must be given.
    #[must_use]
    pub const fn required(mut self) -> Flag {
        self.required = true;
        self
    }
}

/// One positional argument.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Name in help and errors.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// One sentence.
    pub help: &'static str,
    /// Must be given.
    pub required: bool,
    /// Takes all that remain.
    pub rest: bool,
}

impl Arg {
    /// One argument that must be given.
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind, help: &'static str) -> Arg {
        Arg { name, kind, help, required: true, rest: false }
    }

    /// One argument that may be given.
    #[must_use]
    pub const fn optional(name: &'static str, kind: Kind, help: &'static str) -> Arg {
        Arg { name, kind, help, required: false, rest: false }
    }

    /// Takes all arguments that remain.
    #[must_use]
    pub const fn rest(mut self) -> Arg {
        self.rest = true;
        self
    }
}

/// A command with its flags, and either arguments or commands below it. Flags of the commands above
/// hold too.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What selects it; of the topmost command the program's name.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Groups of flags, in the order of the help.
    pub flags: &'static [&'static [Flag]],
    /// Positional arguments.
    pub args: &'static [Arg],
    /// Commands below; where there are some, one must be chosen.
    pub commands: &'static [Command],
    /// Left out of the help.
    pub hidden: bool,
}

impl Command {
    /// A command without flags, arguments and subcommands: the rest of the table for `..`.
    pub const EMPTY: Command =
        Command { name: "", help: "", flags: &[], args: &[], commands: &[], hidden: false };

    /// Its own flags, without those of the commands above.
    pub fn own_flags(&self) -> impl Iterator<Item = &'static Flag> + use<> {
        let groups = self.flags;
        groups.iter().flat_map(|group| group.iter())
    }
}

/// How a program reads its command line and tells what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `program: error: ..., try --help`, exit code 1: exporters, Alertmanager, the tools.
    Kingpin,
    /// As Prometheus does it: the error twice, or followed by the help with exit code 2.
    Prometheus,
    /// Go's `flag` package: `-flag` and `--flag` alike, booleans take `=false`, exit code 2: mtail.
    Go,
}

/// A whole command line.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The topmost command; its name is the program's.
    pub root: Command,
    /// How errors look.
    pub style: Style,
    /// The name that `--version` prints; that of the replaced program may differ from its command.
    pub product: &'static str,
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// To run a command.
    Run(Matches),
    /// To print this text and end well.
    Print(String),
}

impl Program {
    /// Reads a command line, without the program's own name. Environment and files come in as
    /// functions; files are those named by `@file` arguments and by [`Kind::File`] values.
    pub fn parse(&self, args: &[String], world: &World<'_>) -> Result<Parsed, FlagError> {
        match self.style {
            Style::Go => go_style::parse(self, args, world),
            Style::Kingpin | Style::Prometheus => parse::parse(self, args, world),
        }
    }

    /// The text for stderr and the exit code that belong to an error.
    #[must_use]
    pub fn report(&self, error: &FlagError, args: &[String]) -> (String, u8) {
        let name = self.root.name;
        match (self.style, error.stage) {
            (Style::Kingpin, _) => (format!("{name}: error: {error}, try --help\n"), 1),
            (Style::Prometheus, Stage::Shape) => {
                let said = format!("Error parsing command line arguments: {error}\n");
                (format!("{said}{name}: error: {error}\n"), 1)
            }
            (Style::Prometheus, Stage::Value) => {
                let usage = help::usage(self, &parse::path(self, args), false);
                (format!("Error parsing command line arguments: {error}\n{usage}"), 2)
            }
            (Style::Go, _) => (format!("{error}\n{}", go_style::usage(self)), 2),
        }
    }

    /// The help text of the command at `path`, empty for the topmost.
    #[must_use]
    pub fn help(&self, path: &[&str]) -> String {
        let mut commands = vec![self.root];
        for name in path {
            let below = commands[commands.len() - 1].commands;
            match below.iter().find(|command| command.name == *name) {
                Some(command) => commands.push(*command),
                None => break,
            }
        }
        help::usage(self, &commands, false)
    }

    /// Reads the command line of this process. Prints help, version or error where that is what is
    /// asked for, and then gives the exit code to end with.
    pub fn matches(&self) -> Result<Matches, ExitCode> {
        let args: Vec<String> =
            std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
        self.matches_of(&args)
    }

    /// As [`Program::matches`], of arguments that were taken apart before.
    pub fn matches_of(&self, args: &[String]) -> Result<Matches, ExitCode> {
        match self.parse(args, &World::real()) {
            Ok(Parsed::Run(matches)) => Ok(matches),
            Ok(Parsed::Print(text)) => {
                // A reader that went away (`--help | head`) is no error.
                let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
                Err(ExitCode::SUCCESS)
            }
            Err(error) => {
                let (text, code) = self.report(&error, args);
                let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
                Err(ExitCode::from(code))
            }
        }
    }
}

/// What parsing may look at beside the arguments.
pub struct World<'a> {
    /// An environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The content of a file of arguments.
    pub read: &'a dyn Fn(&Path) -> std::io::Result<String>,
    /// Whether a path exists.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

impl World<'_> {
    /// The environment and files of this process.
    #[must_use]
    pub fn real() -> World<'static> {
        World {
            env: &|name| std::env::var(name).ok(),
            read: &|path| std::fs::read_to_string(path),
            exists: &Path::exists,
        }
    }
}

/// The name this process was called by, and its arguments.
#[must_use]
pub fn command_line() -> (String, Vec<String>) {
    let mut args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    (args.next().unwrap_or_default(), args.collect())
}
