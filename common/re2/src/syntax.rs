//! A pattern as a syntax tree, for those who run it on an engine of their own.

use regex_syntax::hir::{ClassUnicodeRange, Hir};

use crate::error::Error;
use crate::parse;

/// A pattern that Go accepts, parsed.
#[derive(Clone, Debug)]
pub struct Syntax {
    /// What it matches; groups carry their numbers.
    pub hir: Hir,
    /// The names of the groups from group 1 on, `None` where a group has no name.
    pub names: Vec<Option<String>>,
}

impl Default for Syntax {
    /// The empty pattern.
    fn default() -> Syntax {
        Syntax { hir: Hir::empty(), names: Vec::new() }
    }
}

impl Syntax {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Where Go's `regexp.Compile` gives one, in its words.
    pub fn parse(pattern: &str) -> Result<Syntax, Error> {
        let parsed = parse::parse(pattern)?;
        Ok(Syntax { hir: parsed.hir, names: parsed.names })
    }
}

/// The characters of a category or script of Unicode.
#[derive(Clone, Debug)]
pub struct CharClass(Vec<ClassUnicodeRange>);

impl CharClass {
    /// The class that `\p{name}` means; `None` for an unknown name.
    #[must_use]
    pub fn named(name: &str) -> Option<CharClass> {
        parse::unicode_class(name).map(|class| CharClass(class.ranges().to_vec()))
    }

    /// Whether a character is in it.
    #[must_use]
    pub fn contains(&self, c: char) -> bool {
        let after = self.0.partition_point(|range| range.end() < c);
        self.0.get(after).is_some_and(|range| range.start() <= c)
    }
}
