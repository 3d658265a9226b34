//! The flags of collectors and the values they were given.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Error;
use crate::pattern::{Filter, Pattern};

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// Nothing: `--name` is on, `--no-name` is off.
    Switch,
    /// One text.
    Text,
    /// A text each time it is given.
    Texts,
    /// A whole number.
    Number,
    /// A duration such as `5s`.
    Duration,
}

/// One flag as the command line, its help and its documentation show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Name without the dashes.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What it takes.
    pub kind: FlagKind,
    /// The value when it is not given; of a switch `true` or `false`.
    pub default: &'static str,
    /// Whether `--help` leaves it out.
    pub hidden: bool,
}

impl Flag {
    /// A flag that takes one text.
    #[must_use]
    pub const fn text(name: &'static str, help: &'static str, default: &'static str) -> Flag {
        Flag { name, help, kind: FlagKind::Text, default, hidden: false }
    }

    /// A flag that may be given several times.
    #[must_use]
    pub const fn texts(name: &'static str, help: &'static str) -> Flag {
        Flag { name, help, kind: FlagKind::Texts, default: "", hidden: false }
    }

    /// A flag that is on or off.
    #[must_use]
    pub const fn switch(name: &'static str, help: &'static str, on: bool) -> Flag {
        let default = if on { "true" } else { "false" };
        Flag { name, help, kind: FlagKind::Switch, default, hidden: false }
    }

    /// A flag that takes a whole number.
    #[must_use]
    pub const fn number(name: &'static str, help: &'static str, default: &'static str) -> Flag {
        Flag { name, help, kind: FlagKind::Number, default, hidden: false }
    }

    /// A flag that takes a duration.
    #[must_use]
    pub const fn duration(name: &'static str, help: &'static str, default: &'static str) -> Flag {
        Flag { name, help, kind: FlagKind::Duration, default, hidden: false }
    }

    /// The same, but left out of `--help`.
    #[must_use]
    pub const fn hidden(self) -> Flag {
        Flag { hidden: true, ..self }
    }
}

/// The values that flags were given; the others have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<String, Vec<String>>,
}

impl Settings {
    /// Gives a flag a value, one more if it had one: of a switch `true` or `false`.
    pub fn set(&mut self, name: &str, value: &str) {
        self.values.entry(name.to_owned()).or_default().push(value.to_owned());
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn is_set(&self, flag: &Flag) -> bool {
        self.values.contains_key(flag.name)
    }

    /// The value of a flag.
    #[must_use]
    pub fn text<'a>(&'a self, flag: &Flag) -> &'a str {
        self.values.get(flag.name).and_then(|all| all.last()).map_or(flag.default, String::as_str)
    }

    /// All values of a flag that may be given several times.
    #[must_use]
    pub fn texts(&self, flag: &Flag) -> &[String] {
        self.values.get(flag.name).map_or(&[], Vec::as_slice)
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn switch(&self, flag: &Flag) -> bool {
        self.text(flag) == "true"
    }

    /// A whole number.
    pub fn number(&self, flag: &Flag) -> Result<i64, Error> {
        self.text(flag).parse().map_err(|_| self.wrong(flag, "a whole number"))
    }

    /// A duration of one number and one unit.
    pub fn duration(&self, flag: &Flag) -> Result<Duration, Error> {
        duration(self.text(flag)).ok_or_else(|| self.wrong(flag, "a duration such as 5s"))
    }

    /// A pattern; an empty one matches everything, as it does in Go.
    pub(crate) fn pattern(&self, flag: &Flag) -> Result<Pattern, Error> {
        Pattern::new(flag, self.text(flag))
    }

    /// A pattern, or `None` for an empty one.
    pub(crate) fn pattern_if_set(&self, flag: &Flag) -> Result<Option<Pattern>, Error> {
        if self.text(flag).is_empty() { Ok(None) } else { self.pattern(flag).map(Some) }
    }

    /// Two flags of which one excludes and the other includes; both together are an error.
    pub(crate) fn exclusive_filter(&self, exclude: &Flag, include: &Flag) -> Result<Filter, Error> {
        let (excluded, included) = (self.text(exclude), self.text(include));
        if !excluded.is_empty() && !included.is_empty() {
            return Err(Error::Exclusive { one: exclude.name, other: include.name });
        }
        Filter::new((exclude, excluded), (include, included))
    }

    fn wrong(&self, flag: &Flag, expected: &'static str) -> Error {
        Error::Value { flag: flag.name, expected, found: self.text(flag).to_owned() }
    }
}

/// A sum of numbers with units, as Go writes durations: `5s`, `1m30s`, `0.5s`, `100ms`.
fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 7] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut seconds) = (text, 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == &rest[..unit_end])?;
        seconds += number * factor;
        rest = &rest[unit_end..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_go() {
        fn check(text: &str, expected_ms: Option<u64>) {
            assert_eq!(duration(text), expected_ms.map(Duration::from_millis), "{text}");
        }
        check("5s", Some(5000));
        check("1m30s", Some(90_000));
        check("0.5s", Some(500));
        check("100ms", Some(100));
        check("0", Some(0));
        check("5", None);
        check("", None);
        check("-5s", None);
        check("5 s", None);
    }

    #[test]
    fn include_and_exclude_together_are_refused() {
        const EXCLUDE: Flag = Flag::text("x-exclude", "", "");
        const INCLUDE: Flag = Flag::text("x-include", "", "");
        fn check(exclude: &str, include: &str, ignored: Option<&[&str]>) {
            let mut settings = Settings::default();
            settings.set(EXCLUDE.name, exclude);
            settings.set(INCLUDE.name, include);
            let filter = settings.exclusive_filter(&EXCLUDE, &INCLUDE).ok();
            let found = filter.map(|filter| {
                ["eth0", "lo"].into_iter().filter(|name| filter.ignores(name)).collect::<Vec<_>>()
            });
            assert_eq!(found.as_deref(), ignored);
        }
        check("", "", Some(&[]));
        check("^lo$", "", Some(&["lo"]));
        check("", "eth", Some(&["lo"]));
        check("lo", "eth", None);
        check("(", "", None);
    }
}
