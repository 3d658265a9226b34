//! The patterns of include and exclude flags: Go's regular expressions, not anchored.

use crate::Error;
use crate::settings::Flag;

/// One compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern(common_re2::Regex);

impl Pattern {
    /// Compiles the value of a flag.
    pub(crate) fn new(flag: &Flag, pattern: &str) -> Result<Pattern, Error> {
        common_re2::Regex::new(pattern).map(Pattern).map_err(|error| Error::Pattern {
            flag: flag.name,
            pattern: pattern.to_owned(),
            problem: error.to_string(),
        })
    }

    /// Whether it matches anywhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Which devices to leave out: those that `exclude` matches, and with an `include` all that it does
/// not match.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    exclude: Option<Pattern>,
    include: Option<Pattern>,
}

impl Filter {
    /// From the values of two flags; an empty one does not filter.
    pub(crate) fn new(
        (exclude, exclude_value): (&Flag, &str),
        (include, include_value): (&Flag, &str),
    ) -> Result<Filter, Error> {
        let compile = |flag, value: &str| match value {
            "" => Ok(None),
            value => Pattern::new(flag, value).map(Some),
        };
        Ok(Filter {
            exclude: compile(exclude, exclude_value)?,
            include: compile(include, include_value)?,
        })
    }

    /// Whether the device is to be left out.
    pub(crate) fn ignores(&self, name: &str) -> bool {
        self.exclude.as_ref().is_some_and(|pattern| pattern.is_match(name))
            || self.include.as_ref().is_some_and(|pattern| !pattern.is_match(name))
    }
}
