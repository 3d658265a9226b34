//! Kingpin's way from arguments to values.

use std::collections::BTreeSet;

use crate::build_info;

use super::matches::Entry;
use super::tokens::{Token, Tokens};
use super::value::Value;
use super::{Arg, Command, Flag, FlagError, Kind, Matches, Parsed, Program, World, help};

const HELP: Flag =
    Flag::switch("help", "Show context-sensitive help (also try --help-long and --help-man).")
        .short('h');
const HELP_LONG: Flag = Flag::switch("help-long", "Generate long help.").hidden();
const VERSION: Flag = Flag::switch("version", "Show application version.");

/// Flags that every program has.
pub(super) const BUILT_IN: &[Flag] = &[HELP, HELP_LONG, VERSION];

/// What the arguments say before their values are looked at.
struct Shape {
    /// The chosen command and those above it.
    path: Vec<Command>,
    flags: Vec<(&'static Flag, String)>,
    args: Vec<(&'static Arg, String)>,
    /// `help check config` instead of `check config --help`.
    help_command: bool,
}

pub(super) fn parse(
    program: &Program,
    args: &[String],
    world: &World<'_>,
) -> Result<Parsed, FlagError> {
    let (shape, error) = shape(program, args, world);
    if shape.has("version") {
        return Ok(Parsed::Print(build_info::version_text(program.product) + "\n"));
    }
    if let Some(error) = error {
        return Err(error);
    }
    if shape.help_command || shape.has("help") || shape.has("help-long") {
        let long = shape.has("help-long");
        return Ok(Parsed::Print(help::usage(program, &shape.path, long)));
    }
    let chosen = shape.path[shape.path.len() - 1];
    let matches = matches(&shape, world)?;
    if !chosen.commands.is_empty() {
        if shape.path.len() == 1 {
            return Ok(Parsed::Print(help::usage(program, &shape.path, false)));
        }
        let names: Vec<&str> = shape.path[1..].iter().map(|c| c.name).collect();
        let message = format!("must select a subcommand of '{}'", names.join(" "));
        return Err(FlagError::value(message));
    }
    Ok(Parsed::Run(matches))
}

/// The commands that the arguments choose, whatever else is wrong with them.
pub(super) fn path(program: &Program, args: &[String]) -> Vec<Command> {
    shape(program, args, &World::real()).0.path
}

impl Shape {
    fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|(flag, value)| flag.name == name && value == "true")
    }

    fn find(&self, fits: impl Fn(&Flag) -> bool) -> Option<&'static Flag> {
        let mut flags = BUILT_IN.iter().chain(self.path.iter().flat_map(Command::own_flags));
        flags.find(|flag| fits(flag))
    }
}

fn shape(program: &Program, args: &[String], world: &World<'_>) -> (Shape, Option<FlagError>) {
    let mut shape = Shape {
        path: vec![program.root],
        flags: Vec::new(),
        args: Vec::new(),
        help_command: false,
    };
    let mut tokens = Tokens::new(args, world);
    let error = walk(&mut shape, &mut tokens).err();
    (shape, error)
}

fn walk(shape: &mut Shape, tokens: &mut Tokens<'_>) -> Result<(), FlagError> {
    let mut args_seen = 0;
    loop {
        let next = {
            let shape = &*shape;
            tokens.next(&|letter| {
                shape.find(|flag| flag.short == Some(letter)).is_some_and(|f| f.kind != Kind::Bool)
            })?
        };
        let Some(token) = next else { return Ok(()) };
        match &token {
            Token::Long(_) | Token::Short(_) => flag(shape, tokens, &token)?,
            Token::Arg(value) => {
                let command = shape.path[shape.path.len() - 1];
                if !command.commands.is_empty() {
                    subcommand(shape, &command, value)?;
                    continue;
                }
                let args = command.args;
                match args.get(args_seen) {
                    Some(arg) => {
                        shape.args.push((arg, value.clone()));
                        args_seen += usize::from(!arg.rest);
                    }
                    None if shape.help_command => {}
                    None => return Err(FlagError::shape(format!("unexpected {value}"))),
                }
            }
        }
    }
}

fn subcommand(shape: &mut Shape, command: &Command, name: &str) -> Result<(), FlagError> {
    if let Some(chosen) = command.commands.iter().find(|command| command.name == name) {
        shape.path.push(*chosen);
        return Ok(());
    }
    if name == "help" && shape.path.len() == 1 {
        shape.help_command = true;
        return Ok(());
    }
    Err(FlagError::shape(format!("expected command but got {name:?}")))
}

fn flag(shape: &mut Shape, tokens: &mut Tokens<'_>, token: &Token) -> Result<(), FlagError> {
    let (flag, on) = match token {
        Token::Long(name) => match shape.find(|flag| flag.name == name) {
            Some(flag) => (Some(flag), true),
            None => {
                let positive = name.strip_prefix("no-");
                let flag = positive
                    .and_then(|name| shape.find(|f| f.name == name && f.kind == Kind::Bool));
                (flag, false)
            }
        },
        Token::Short(name) => {
            let letter = name.chars().next();
            (shape.find(|flag| flag.short.is_some() && flag.short == letter), true)
        }
        Token::Arg(_) => (None, true),
    };
    let Some(flag) = flag else {
        let length = if matches!(token, Token::Short(_)) { "short" } else { "long" };
        return Err(FlagError::shape(format!("unknown {length} flag '{}'", token.text())));
    };
    if flag.kind == Kind::Bool {
        shape.flags.push((flag, on.to_string()));
        return Ok(());
    }
    match tokens.next(&|_| false)? {
        Some(Token::Arg(value)) => {
            shape.flags.push((flag, value));
            Ok(())
        }
        other => {
            if let Some(other) = other {
                tokens.push(other);
            }
            let text = token.text();
            Err(FlagError::shape(format!("expected argument for flag '{text}'")))
        }
    }
}

/// Checks the values and fills in the defaults.
fn matches(shape: &Shape, world: &World<'_>) -> Result<Matches, FlagError> {
    let mut matches = Matches {
        command: shape.path[1..].iter().map(|command| command.name).collect(),
        ..Matches::default()
    };
    for flag in shape.path.iter().flat_map(Command::own_flags) {
        let entry = Entry { flag, values: Vec::new(), given: false };
        matches.flags.insert(flag.name, entry);
    }
    let mut seen = BTreeSet::new();
    for (flag, text) in &shape.flags {
        if !seen.insert(flag.name) && !flag.repeatable {
            return Err(FlagError::value(format!("flag '{}' cannot be repeated", flag.name)));
        }
        let value = Value::parse(flag.kind, text, world).map_err(FlagError::value)?;
        if let Some(entry) = matches.flags.get_mut(flag.name) {
            entry.values.push(value);
            entry.given = true;
        }
    }
    for arg in shape.path[shape.path.len() - 1].args {
        matches.declare_arg(arg);
    }
    for (arg, text) in &shape.args {
        Value::parse(arg.kind, text, world).map_err(FlagError::value)?;
        matches.args.entry(arg.name).or_default().push(text.clone());
    }
    fill_in(&mut matches, world)?;
    for arg in shape.path[shape.path.len() - 1].args {
        if arg.required && matches.args(arg.name).is_empty() {
            let message = format!("required argument '{}' not provided", arg.name);
            return Err(FlagError::value(message));
        }
    }
    Ok(matches)
}

/// Values of the environment, and defaults, of the flags that were not given.
pub(super) fn fill_in(matches: &mut Matches, world: &World<'_>) -> Result<(), FlagError> {
    let mut missing = Vec::new();
    for entry in matches.flags.values_mut().filter(|entry| !entry.given) {
        let flag = entry.flag;
        let from_env =
            flag.env.and_then(|variable| (world.env)(variable)).filter(|text| !text.is_empty());
        entry.given = from_env.is_some();
        let text = from_env.as_deref().or(flag.default);
        if let Some(text) = text {
            let value = Value::parse(flag.kind, text, world).map_err(FlagError::value)?;
            entry.values.push(value);
        } else if flag.required {
            missing.push(format!("'--{}'", flag.name));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort();
    Err(FlagError::value(format!("required flag(s) {} not provided", missing.join(", "))))
}
