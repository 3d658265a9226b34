//! Label matchers: `name="v"`, `name!="v"`, `name=~"re"`, `name!~"re"`.

use std::fmt;
use std::sync::Arc;

/// A compiled, fully anchored regular expression. `common-re2` implements it; this crate stays
/// below any regex engine.
pub trait Pattern: fmt::Debug + Send + Sync {
    /// Whether the whole of `text` matches.
    fn is_match(&self, text: &str) -> bool;
    /// The literals the pattern stands for when it is nothing but an alternation of them.
    fn set(&self) -> Option<&[String]> {
        None
    }
    /// A literal every match starts with; empty when there is none.
    fn prefix(&self) -> &str {
        ""
    }
    /// About how many bytes it takes, for memory budgets; zero where that is not known.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// The operator as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }
}

/// One condition on one label. A label that is absent matches as the empty string.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// Label name.
    pub name: String,
    /// Comparison.
    pub op: MatchOp,
    /// Literal, or the pattern as written (without anchors).
    pub value: String,
    pattern: Option<Arc<dyn Pattern>>,
}

impl Matcher {
    /// `name="value"`.
    #[must_use]
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Matcher {
        Matcher { name: name.into(), op: MatchOp::Equal, value: value.into(), pattern: None }
    }

    /// `name!="value"`.
    #[must_use]
    pub fn not_equal(name: impl Into<String>, value: impl Into<String>) -> Matcher {
        Matcher { name: name.into(), op: MatchOp::NotEqual, value: value.into(), pattern: None }
    }

    /// `name=~"value"` or, negated, `name!~"value"`; `pattern` is `value` compiled.
    #[must_use]
    pub fn regex(
        name: impl Into<String>,
        value: impl Into<String>,
        pattern: Arc<dyn Pattern>,
        negated: bool,
    ) -> Matcher {
        let op = if negated { MatchOp::NotRegex } else { MatchOp::Regex };
        Matcher { name: name.into(), op, value: value.into(), pattern: Some(pattern) }
    }

    /// Whether a label value (empty for an absent label) satisfies the condition.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match (self.op, &self.pattern) {
            (MatchOp::Equal, _) => self.value == value,
            (MatchOp::NotEqual, _) => self.value != value,
            (MatchOp::Regex, Some(pattern)) => pattern.is_match(value),
            (MatchOp::NotRegex, Some(pattern)) => !pattern.is_match(value),
            // Only `regex` builds these two operators, and it always brings a pattern.
            (MatchOp::Regex | MatchOp::NotRegex, None) => false,
        }
    }

    /// Whether series without the label satisfy the condition.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// The compiled pattern of a regex matcher.
    #[must_use]
    pub fn pattern(&self) -> Option<&dyn Pattern> {
        self.pattern.as_deref()
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        self.name == other.name && self.op == other.op && self.value == other.value
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if crate::is_legacy_label_name(&self.name) {
            write!(f, "{}", self.name)?;
        } else {
            write!(f, "{:?}", self.name)?;
        }
        write!(f, "{}", self.op.as_str())?;
        crate::labels::write_quoted(f, &self.value)
    }
}
