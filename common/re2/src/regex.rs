//! A compiled pattern.

use crate::engine;
use crate::error::Error;
use crate::expand;
use crate::parse;
use regex_automata::util::captures::Captures as Slots;
use regex_automata::{Input, meta};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A pattern of Go's `regexp` package; cloning shares it.
#[derive(Clone)]
pub struct Regex(Arc<Inner>);

struct Inner {
    /// As the user wrote it, without the anchors of [`Regex::anchored`].
    pattern: String,
    anchored: bool,
    names: Vec<Option<String>>,
    engine: meta::Regex,
}

impl Regex {
    /// Compiles a pattern that may match anywhere in a text: `regexp.Compile`.
    ///
    /// # Errors
    /// Where Go's `regexp.Compile` gives one, in its words.
    pub fn new(pattern: &str) -> Result<Regex, Error> {
        Regex::build(pattern, false)
    }

    /// Compiles `^(?s:pattern)$`, which is what relabeling and label matchers mean by a pattern.
    ///
    /// # Errors
    /// As [`Regex::new`]; the text quotes the pattern with its anchors.
    pub fn anchored(pattern: &str) -> Result<Regex, Error> {
        Regex::build(pattern, true)
    }

    fn build(pattern: &str, anchored: bool) -> Result<Regex, Error> {
        let parsed =
            if anchored { engine::parse_anchored(pattern)? } else { parse::parse(pattern)? };
        let engine = engine::compile(pattern, &parsed.hir, true)?;
        let pattern = pattern.to_owned();
        Ok(Regex(Arc::new(Inner { pattern, anchored, names: parsed.names, engine })))
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.pattern
    }

    /// Whether the pattern matches in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.engine.is_match(text)
    }

    /// Where the leftmost match stands, in bytes.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        self.0.engine.find(text).map(|found| found.range())
    }

    /// The leftmost match with its groups.
    #[must_use]
    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.captures_at(text, 0)
    }

    /// The leftmost match that starts at byte `start` or later; what stands before `start` is
    /// seen by `^` and `\b`. A `start` beyond the text matches nothing.
    #[must_use]
    pub fn captures_at<'t>(&self, text: &'t str, start: usize) -> Option<Captures<'t>> {
        if start > text.len() {
            return None;
        }
        let mut slots = self.0.engine.create_captures();
        let input = Input::new(text).range(start..);
        self.0.engine.search_captures(&input, &mut slots);
        slots.is_match().then(|| Captures { text, slots, regex: self.clone() })
    }

    /// Appends `template` to `out` with `$1`, `${1}`, `$name`, `${name}` replaced by groups of
    /// `captures` and `$$` by a dollar: Go's `Regexp.Expand`. Unknown groups are empty, and
    /// `$1x` asks for the group named `1x`.
    pub fn expand(&self, template: &str, captures: &Captures<'_>, out: &mut String) {
        expand::expand(template, captures, out);
    }

    /// Replaces every match by the expanded `template`: Go's `Regexp.ReplaceAllString`.
    #[must_use]
    pub fn replace_all(&self, text: &str, template: &str) -> String {
        self.replace_all_within(text, template, usize::MAX)
    }

    /// As [`Regex::replace_all`], but stops soon after the result is longer than `bytes_max`; the
    /// caller sees that by its length.
    #[must_use]
    pub fn replace_all_within(&self, text: &str, template: &str, bytes_max: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut start) = (0, 0);
        let mut last_end = None;
        while let Some(captures) = self.captures_at(text, start) {
            let Some(found) = captures.range(0) else { break };
            // An empty match that touches the match before is none.
            let accepted = !found.is_empty() || last_end != Some(found.end);
            if accepted {
                out.push_str(&text[copied..found.start]);
                expand::expand(template, &captures, &mut out);
                copied = found.end;
                last_end = Some(found.end);
            }
            if out.len() > bytes_max {
                return out;
            }
            start = if found.is_empty() { next_char(text, found.end) } else { found.end };
        }
        out.push_str(&text[copied..]);
        out
    }

    /// The names of the groups from group 1 on, `None` where a group has no name.
    #[must_use]
    pub fn capture_names(&self) -> &[Option<String>] {
        &self.0.names
    }
}

/// The byte after the character at `at`; one beyond the end at the end.
fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.as_str())
    }
}

impl fmt::Display for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Regex) -> bool {
        self.0.pattern == other.0.pattern && self.0.anchored == other.0.anchored
    }
}

impl Eq for Regex {}

/// One match and its groups.
#[derive(Clone, Debug)]
pub struct Captures<'t> {
    text: &'t str,
    slots: Slots,
    regex: Regex,
}

impl<'t> Captures<'t> {
    /// The text of a group, where it took part in the match; group 0 is the whole match.
    #[must_use]
    pub fn get(&self, group: usize) -> Option<&'t str> {
        self.range(group).map(|range| &self.text[range])
    }

    /// Where a group stands, in bytes.
    #[must_use]
    pub fn range(&self, group: usize) -> Option<Range<usize>> {
        self.slots.get_group(group).map(|span| span.range())
    }

    /// The text of the first group with this name that took part in the match.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&'t str> {
        let named = |(_, group): &(usize, &Option<String>)| group.as_deref() == Some(name);
        let groups = self.regex.capture_names().iter().enumerate();
        groups.filter(named).find_map(|(index, _)| self.get(index + 1))
    }

    /// How many groups the pattern has, the whole match included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.regex.capture_names().len() + 1
    }

    /// Never: the whole match is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }
}
