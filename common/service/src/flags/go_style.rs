//! The way of Go's `flag` package, which mtail uses: `-x` and `--x` alike, booleans with `=false`,
//! the last of several values holds.

use std::fmt::Write as _;

use crate::build_info;

use super::matches::Entry;
use super::value::{Kind, Value, parse_bool};
use super::{Flag, FlagError, Matches, Parsed, Program, World, parse};

pub(super) fn parse(
    program: &Program,
    args: &[String],
    world: &World<'_>,
) -> Result<Parsed, FlagError> {
    let mut matches = Matches::default();
    for flag in program.root.own_flags() {
        matches.flags.insert(flag.name, Entry { flag, values: Vec::new(), given: false });
    }
    let mut rest = args.iter();
    let mut operands: Vec<String> = Vec::new();
    while let Some(arg) = rest.next() {
        let Some((name, value)) = dissect(arg)? else {
            if arg != "--" {
                operands.push(arg.clone());
            }
            operands.extend(rest.by_ref().cloned());
            break;
        };
        let Some(flag) = program.root.own_flags().find(|flag| flag.name == name) else {
            if name == "help" || name == "h" {
                return Ok(Parsed::Print(usage(program)));
            }
            return Err(FlagError::shape(format!("flag provided but not defined: -{name}")));
        };
        let value = match (flag.kind, value) {
            (Kind::Bool, value) => bool_value(flag, value)?,
            (_, Some(value)) => checked(flag, value, world)?,
            (_, None) => match rest.next() {
                Some(value) => checked(flag, value, world)?,
                None => return Err(FlagError::shape(format!("flag needs an argument: -{name}"))),
            },
        };
        if name == "version" && value == Value::Bool(true) {
            return Ok(Parsed::Print(build_info::version_text(program.product) + "\n"));
        }
        if let Some(entry) = matches.flags.get_mut(flag.name) {
            if !flag.repeatable {
                entry.values.clear();
            }
            entry.values.push(value);
            entry.given = true;
        }
    }
    if !operands.is_empty() {
        let listed: Vec<String> = operands.iter().map(|text| format!("{text:?}")).collect();
        let message = format!("Too many extra arguments specified: [{}]", listed.join(" "));
        return Err(FlagError::value(message));
    }
    parse::fill_in(&mut matches, world)?;
    Ok(Parsed::Run(matches))
}

/// Name and value of `-name=value`; `None` for what is no flag.
fn dissect(arg: &str) -> Result<Option<(&str, Option<&str>)>, FlagError> {
    let Some(text) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else {
        return Ok(None);
    };
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with(['-', '=']) {
        return Err(FlagError::shape(format!("bad flag syntax: {arg}")));
    }
    Ok(Some(match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    }))
}

fn bool_value(flag: &Flag, value: Option<&str>) -> Result<Value, FlagError> {
    let Some(text) = value else { return Ok(Value::Bool(true)) };
    parse_bool(text).map(Value::Bool).map_err(|_| {
        let name = flag.name;
        FlagError::value(format!("invalid boolean value {text:?} for -{name}: parse error"))
    })
}

fn checked(flag: &Flag, text: &str, world: &World<'_>) -> Result<Value, FlagError> {
    Value::parse(flag.kind, text, world).map_err(|_| {
        let name = flag.name;
        FlagError::value(format!("invalid value {text:?} for flag -{name}: parse error"))
    })
}

/// Version, then every flag with its type, help and default.
pub(super) fn usage(program: &Program) -> String {
    let mut text = format!("{}\n\nUsage:\n", build_info::version_text(program.product));
    let mut flags: Vec<&Flag> = program.root.own_flags().filter(|flag| !flag.hidden).collect();
    flags.sort_unstable_by_key(|flag| flag.name);
    for flag in flags {
        let kind = match flag.kind {
            Kind::Bool => "",
            Kind::Int => " int",
            Kind::Float => " float",
            Kind::Duration | Kind::GoDuration => " duration",
            _ if flag.repeatable => " value",
            _ => " string",
        };
        let _ = write!(text, "  -{}{kind}\n    \t{}", flag.name, flag.help);
        match (flag.default, flag.kind) {
            (None | Some("" | "false" | "0" | "0s"), _) => {}
            (Some(default), Kind::Str | Kind::Enum(_)) => {
                let _ = write!(text, " (default {default:?})");
            }
            (Some(default), _) => {
                let _ = write!(text, " (default {default})");
            }
        }
        text.push('\n');
    }
    text
}
