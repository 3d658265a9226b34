//! Label matchers: patterns that must match a whole label value.

use crate::engine;
use crate::error::Error;
use crate::glob::Shortcut;
use crate::parse;
use common_model::{MatchOp, Matcher, Pattern};
use regex_automata::meta;
use regex_syntax::hir::{Hir, HirKind, Look};
use std::fmt;
use std::sync::Arc;

/// Patterns longer than this are first looked at for being a list of literals.
const LONG_BYTES: usize = 4 << 10;

/// Builds a label matcher; `value` is a pattern where the operator is `=~` or `!~`.
///
/// # Errors
/// Where Prometheus refuses the pattern, in its words.
pub fn matcher(name: &str, op: MatchOp, value: &str) -> Result<Matcher, Error> {
    let negated = match op {
        MatchOp::Equal => return Ok(Matcher::equal(name, value)),
        MatchOp::NotEqual => return Ok(Matcher::not_equal(name, value)),
        MatchOp::Regex => false,
        MatchOp::NotRegex => true,
    };
    Ok(Matcher::regex(name, value, Arc::new(AnchoredPattern::new(value)?), negated))
}

/// A pattern that must match the whole of a text and captures nothing.
pub struct AnchoredPattern {
    pattern: String,
    way: Way,
}

/// How it decides.
enum Way {
    Shortcut(Shortcut),
    Engine { prefix: String, engine: meta::Regex },
}

impl AnchoredPattern {
    /// Compiles `^(?s:pattern)$`.
    ///
    /// # Errors
    /// As [`crate::Regex::new`]: the pattern must be one by itself, before it is anchored.
    pub fn new(pattern: &str) -> Result<AnchoredPattern, Error> {
        if pattern.len() > LONG_BYTES
            && let Some(shortcut) = Shortcut::of_literals(pattern)
        {
            return Ok(AnchoredPattern {
                pattern: pattern.to_owned(),
                way: Way::Shortcut(shortcut),
            });
        }
        parse::parse(pattern)?;
        let parsed = engine::parse_anchored(pattern)?;
        let way = match Shortcut::new(&parsed.hir) {
            Some(shortcut) => Way::Shortcut(shortcut),
            None => Way::Engine {
                prefix: literal_prefix(&parsed.hir).to_owned(),
                engine: engine::compile(pattern, &parsed.hir, false)?,
            },
        };
        Ok(AnchoredPattern { pattern: pattern.to_owned(), way })
    }

    /// Whether it does without an automaton.
    #[must_use]
    pub fn is_shortcut(&self) -> bool {
        matches!(self.way, Way::Shortcut(_))
    }
}

impl Pattern for AnchoredPattern {
    fn is_match(&self, text: &str) -> bool {
        match &self.way {
            Way::Shortcut(shortcut) => shortcut.is_match(text),
            Way::Engine { prefix, engine } => {
                text.starts_with(prefix.as_str()) && engine.is_match(text)
            }
        }
    }

    fn set(&self) -> Option<&[String]> {
        match &self.way {
            Way::Shortcut(shortcut) => shortcut.set(),
            Way::Engine { .. } => None,
        }
    }

    fn prefix(&self) -> &str {
        match &self.way {
            Way::Shortcut(shortcut) => shortcut.prefix(),
            Way::Engine { prefix, .. } => prefix,
        }
    }

    fn heap_bytes(&self) -> usize {
        self.pattern.len()
            + match &self.way {
                Way::Shortcut(shortcut) => shortcut.heap_bytes(),
                Way::Engine { engine, .. } => engine.memory_usage(),
            }
    }
}

impl fmt::Debug for AnchoredPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnchoredPattern({:?})", self.pattern)
    }
}

/// The literal behind the leading anchor.
fn literal_prefix(hir: &Hir) -> &str {
    let HirKind::Concat(subs) = hir.kind() else { return "" };
    if !matches!(subs.first().map(Hir::kind), Some(HirKind::Look(Look::Start))) {
        return "";
    }
    let is_start = |sub: &&Hir| matches!(sub.kind(), HirKind::Look(Look::Start));
    match subs.iter().find(|sub| !is_start(sub)).map(Hir::kind) {
        Some(HirKind::Literal(literal)) => std::str::from_utf8(&literal.0).unwrap_or(""),
        _ => "",
    }
}
