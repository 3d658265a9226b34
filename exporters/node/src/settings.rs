//! The flags of collectors and the values they were given.

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use common_service::flags::Flag;
use common_service::flags::{Kind, Matches, parse_go_duration};

use crate::Error;
use crate::pattern::{Filter, Pattern};

/// Short forms for the tables of flags.
pub(crate) mod flag {
    use super::{Flag, Kind};

    /// A flag that takes one text.
    pub(crate) const fn text(
        name: &'static str,
        help: &'static str,
        default: &'static str,
    ) -> Flag {
        with_default(Flag::new(name, Kind::Str, help), default)
    }

    /// A flag that takes one text each time it is given.
    pub(crate) const fn texts(name: &'static str, help: &'static str) -> Flag {
        Flag::new(name, Kind::Str, help).repeatable()
    }

    /// A flag that is on or off.
    pub(crate) const fn switch(name: &'static str, help: &'static str, on: bool) -> Flag {
        with_default(Flag::switch(name, help), if on { "true" } else { "" })
    }

    /// A flag that takes a whole number.
    pub(crate) const fn number(
        name: &'static str,
        help: &'static str,
        default: &'static str,
    ) -> Flag {
        with_default(Flag::new(name, Kind::Int, help), default)
    }

    /// A flag that takes a duration as Go writes it.
    pub(crate) const fn duration(
        name: &'static str,
        help: &'static str,
        default: &'static str,
    ) -> Flag {
        with_default(Flag::new(name, Kind::GoDuration, help), default)
    }

    const fn with_default(flag: Flag, default: &'static str) -> Flag {
        if default.is_empty() { flag } else { flag.default(default) }
    }
}

/// The values that flags were given; the others have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<String, Vec<String>>,
}

impl Settings {
    /// The values that a command line gave to some flags.
    #[must_use]
    pub fn from_matches<'a>(matches: &Matches, flags: impl Iterator<Item = &'a Flag>) -> Settings {
        let mut settings = Settings::default();
        for flag in flags.filter(|flag| matches.is_given(flag.name)) {
            match flag.kind {
                Kind::Bool => settings.set(flag.name, &matches.bool(flag.name).to_string()),
                Kind::Int => settings.set(flag.name, &matches.int(flag.name).to_string()),
                Kind::GoDuration => {
                    let nanoseconds = matches.duration(flag.name).as_nanos();
                    settings.set(flag.name, &format!("{nanoseconds}ns"));
                }
                _ => matches.strs(flag.name).iter().for_each(|text| settings.set(flag.name, text)),
            }
        }
        settings
    }

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
        let given = self.values.get(flag.name).and_then(|all| all.last());
        given.map_or(flag.default.unwrap_or(""), String::as_str)
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

    /// A duration as Go writes it.
    pub fn duration(&self, flag: &Flag) -> Result<Duration, Error> {
        parse_go_duration(self.text(flag)).map_err(|_| self.wrong(flag, "a duration such as 5s"))
    }

    /// A pattern; an empty one matches everything, as it does in Go.
    pub(crate) fn pattern(&self, flag: &Flag) -> Result<Pattern, Error> {
        Pattern::new(flag, self.text(flag))
    }

    /// A pattern, or `None` for an empty one.
    pub(crate) fn pattern_if_set(&self, flag: &Flag) -> Result<Option<Pattern>, Error> {
        if self.text(flag).is_empty() { Ok(None) } else { self.pattern(flag).map(Some) }
    }

    /// Two flags of which one excludes and the other includes; both together are an error. What is
    /// excluded by default does not count when something is included.
    pub(crate) fn exclusive_filter(&self, exclude: &Flag, include: &Flag) -> Result<Filter, Error> {
        let included = self.text(include);
        let by_default = !self.is_set(exclude) && !included.is_empty();
        let excluded = if by_default { "" } else { self.text(exclude) };
        if !excluded.is_empty() && !included.is_empty() {
            return Err(Error::Exclusive { one: exclude.name, other: include.name });
        }
        Filter::new((exclude, excluded), (include, included))
    }

    /// The flag to ask for a value that may be given under an old name as well; both are an error.
    pub(crate) fn renamed(&self, flag: &Flag, old: &Flag) -> Result<Flag, Error> {
        match (self.text(old), self.text(flag)) {
            ("", _) => Ok(*flag),
            (_, "") => {
                tracing::warn!("--{} is deprecated, use --{}", old.name, flag.name);
                Ok(*old)
            }
            _ => Err(Error::Exclusive { one: old.name, other: flag.name }),
        }
    }

    fn wrong(&self, flag: &Flag, expected: &'static str) -> Error {
        Error::Value { flag: flag.name, expected, found: self.text(flag).to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn include_and_exclude_together_are_refused() {
        const EXCLUDE: Flag = flag::text("x-exclude", "", "lo");
        const INCLUDE: Flag = flag::text("x-include", "", "");
        fn check(exclude: Option<&str>, include: &str, ignored: Option<&[&str]>) {
            let mut settings = Settings::default();
            settings.set(INCLUDE.name, include);
            if let Some(exclude) = exclude {
                settings.set(EXCLUDE.name, exclude);
            }
            let filter = settings.exclusive_filter(&EXCLUDE, &INCLUDE).ok();
            let found = filter.map(|filter| {
                ["eth0", "lo"].into_iter().filter(|name| filter.ignores(name)).collect::<Vec<_>>()
            });
            assert_eq!(found.as_deref(), ignored);
        }
        check(None, "", Some(&["lo"]));
        check(None, "eth|lo", Some(&[]));
        check(Some(""), "", Some(&[]));
        check(Some("^eth"), "", Some(&["eth0"]));
        check(Some(""), "eth", Some(&["lo"]));
        check(Some("lo"), "eth", None);
        check(Some("("), "", None);
    }

    #[test]
    fn a_flag_may_be_given_under_its_old_name_but_not_under_both() {
        const NEW: Flag = flag::text("new", "", "");
        const OLD: Flag = flag::text("old", "", "");
        fn check(new: &str, old: &str, expected: Option<&str>) {
            let mut settings = Settings::default();
            settings.set(NEW.name, new);
            settings.set(OLD.name, old);
            let found = settings.renamed(&NEW, &OLD);
            assert_eq!(found.ok().map(|flag| settings.text(&flag).to_owned()).as_deref(), expected);
        }
        check("", "", Some(""));
        check("a", "", Some("a"));
        check("", "b", Some("b"));
        check("a", "b", None);
    }
}
