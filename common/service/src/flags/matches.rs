//! The values a command line gave, with defaults filled in.

use std::collections::BTreeMap;
use std::time::Duration;

use super::value::{Kind, Value};
use super::{Arg, Flag};

/// The values of all flags and arguments of the chosen command. Asking for a flag that the command
/// does not have, or as something else than its kind, is a mistake in the program and panics.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    pub(super) command: Vec<&'static str>,
    pub(super) flags: BTreeMap<&'static str, Entry>,
    pub(super) args: BTreeMap<&'static str, Vec<String>>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) flag: &'static Flag,
    pub(super) values: Vec<Value>,
    pub(super) given: bool,
}

impl Matches {
    pub(super) fn declare_arg(&mut self, arg: &'static Arg) {
        self.args.entry(arg.name).or_default();
    }

    /// Names of the chosen command below the topmost: `["check", "config"]`.
    #[must_use]
    pub fn command(&self) -> &[&'static str] {
        &self.command
    }

    /// Whether the flag stood on the command line or in the environment.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.entry(name).given
    }

    /// Whether the chosen command has this flag.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.flags.contains_key(name)
    }

    /// A boolean; off where there is no default.
    #[must_use]
    pub fn bool(&self, name: &str) -> bool {
        match self.last(name) {
            Some(Value::Bool(value)) => *value,
            None => false,
            Some(other) => wrong_kind(name, other, "boolean"),
        }
    }

    /// A text, empty where there is neither value nor default.
    #[must_use]
    pub fn str(&self, name: &str) -> &str {
        self.opt_str(name).unwrap_or("")
    }

    /// A text, where there is a value or a default.
    #[must_use]
    pub fn opt_str(&self, name: &str) -> Option<&str> {
        self.last(name).map(|value| match value {
            Value::Text(text) => text.as_str(),
            other => wrong_kind(name, other, "text"),
        })
    }

    /// All values of a repeatable text.
    #[must_use]
    pub fn strs(&self, name: &str) -> Vec<&str> {
        let values = self.entry(name).values.iter();
        values
            .map(|value| match value {
                Value::Text(text) => text.as_str(),
                other => wrong_kind(name, other, "text"),
            })
            .collect()
    }

    /// A duration, zero where there is neither value nor default.
    #[must_use]
    pub fn duration(&self, name: &str) -> Duration {
        match self.last(name) {
            Some(Value::Duration(value)) => *value,
            None => Duration::ZERO,
            Some(other) => wrong_kind(name, other, "duration"),
        }
    }

    /// A whole number, zero where there is neither value nor default.
    #[must_use]
    pub fn int(&self, name: &str) -> i64 {
        match self.last(name) {
            Some(Value::Int(value)) => *value,
            None => 0,
            Some(other) => wrong_kind(name, other, "whole number"),
        }
    }

    /// A number, zero where there is neither value nor default.
    #[must_use]
    pub fn float(&self, name: &str) -> f64 {
        match self.last(name) {
            Some(Value::Float(value)) => *value,
            None => 0.0,
            Some(other) => wrong_kind(name, other, "number"),
        }
    }

    /// A number of bytes, zero where there is neither value nor default.
    #[must_use]
    pub fn bytes(&self, name: &str) -> u64 {
        match self.last(name) {
            Some(Value::Bytes(value)) => *value,
            None => 0,
            Some(other) => wrong_kind(name, other, "byte size"),
        }
    }

    /// A positional argument, where it was given.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<&str> {
        self.args(name).first().map(String::as_str)
    }

    /// All values of a positional argument that takes the rest.
    #[must_use]
    pub fn args(&self, name: &str) -> &[String] {
        match self.args.get(name) {
            Some(values) => values,
            None => panic!("the command has no argument {name:?}"),
        }
    }

    /// Every flag that is not hidden, with its value as text, in order of the names: what
    /// `/api/v1/status/flags` shows.
    pub fn shown(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        self.flags.values().map(|entry| {
            let texts: Vec<String> = entry.values.iter().map(Value::to_string).collect();
            let text = match (texts.is_empty(), entry.flag.kind) {
                (true, Kind::Bool) => "false".to_owned(),
                _ => texts.join(","),
            };
            (entry.flag.name, text)
        })
    }

    fn last(&self, name: &str) -> Option<&Value> {
        self.entry(name).values.last()
    }

    fn entry(&self, name: &str) -> &Entry {
        match self.flags.get(name) {
            Some(entry) => entry,
            None => panic!("the command has no flag {name:?}"),
        }
    }
}

fn wrong_kind(name: &str, value: &Value, asked: &str) -> ! {
    panic!("flag {name:?} was asked for as {asked}, it is {value:?}")
}
