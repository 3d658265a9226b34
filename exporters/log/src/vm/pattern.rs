//! A pattern with the groups that somebody reads.
//!
//! Go takes an invalid byte for one character, U+FFFD. Lines that are not UTF-8 are therefore matched
//! in a copy where each such byte is that character, and positions are translated back.

use common_re2::Syntax;
use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    engine: meta::Regex,
    /// Groups whose places somebody wants, from group 0 on; 0 where only the answer matters.
    groups_wanted: usize,
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Option<NonMaxUsize>>);

impl Slots {
    pub(super) fn group(&self, group: usize) -> Option<(usize, usize)> {
        let start = self.0.get(group * 2)?.as_ref()?;
        let end = self.0.get(group * 2 + 1)?.as_ref()?;
        Some((start.get(), end.get()))
    }
}

/// A text with U+FFFD for each invalid byte, and where those are.
#[derive(Debug, Default)]
pub(super) struct Repaired {
    text: String,
    /// Offsets in `text` behind each replaced byte.
    ends: Vec<usize>,
}

impl Repaired {
    pub(super) fn set(&mut self, bytes: &[u8]) {
        self.text.clear();
        self.ends.clear();
        for chunk in bytes.utf8_chunks() {
            self.text.push_str(chunk.valid());
            for _ in chunk.invalid() {
                self.text.push(char::REPLACEMENT_CHARACTER);
                self.ends.push(self.text.len());
            }
        }
    }

    /// The offset in the original bytes.
    fn original(&self, offset: usize) -> usize {
        offset - 2 * self.ends.partition_point(|&end| end <= offset)
    }
}

impl Pattern {
    /// Compiles a parsed pattern.
    ///
    /// # Errors
    /// Where its automaton would be too large.
    pub(super) fn new(text: &str, syntax: &Syntax) -> Result<Pattern, String> {
        let config = meta::Config::new()
            .nfa_size_limit(Some(common_re2::NFA_BYTES_MAX))
            .which_captures(WhichCaptures::All);
        let engine = meta::Builder::new().configure(config).build_from_hir(&syntax.hir);
        let engine = engine.map_err(|_| format!("regexp too large: `{text}`"))?;
        Ok(Pattern { text: text.to_owned(), engine, groups_wanted: 0 })
    }

    /// As the program has it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says that the place of a group is read.
    pub(super) fn want(&mut self, group: usize) {
        self.groups_wanted = self.groups_wanted.max(group + 1);
    }

    /// Searches in `text`; the places of the groups that are wanted are left in `slots`.
    pub(super) fn search(&self, text: &str, slots: &mut Slots) -> bool {
        let input = Input::new(text).anchored(Anchored::No);
        if self.groups_wanted == 0 {
            return self.engine.is_match(input);
        }
        slots.0.clear();
        slots.0.resize(self.groups_wanted * 2, None);
        self.engine.search_slots(&input, &mut slots.0).is_some()
    }

    /// As [`Pattern::search`] in a repaired text; places are those in the original.
    pub(super) fn search_repaired(&self, text: &Repaired, slots: &mut Slots) -> bool {
        let found = self.search(&text.text, slots);
        for slot in slots.0.iter_mut().flatten() {
            // An offset does not grow when it is translated.
            if let Some(offset) = NonMaxUsize::new(text.original(slot.get())) {
                *slot = offset;
            }
        }
        found
    }

    /// Appends `text` with every match replaced by `replacement`, as Go's
    /// `ReplaceAllLiteralString`; stops when `out` is longer than `bytes_max`.
    pub(super) fn replace_all(
        &self,
        text: &[u8],
        replacement: &[u8],
        out: &mut Vec<u8>,
        bytes_max: usize,
    ) {
        let mut repaired = Repaired::default();
        repaired.set(text);
        let whole = repaired.text.as_str();
        let (mut copied, mut start) = (0, 0);
        while start <= whole.len() && out.len() <= bytes_max {
            let Some(found) = self.engine.find(Input::new(whole).range(start..)) else { break };
            out.extend_from_slice(
                &text[repaired.original(copied)..repaired.original(found.start())],
            );
            // Not for an empty match right behind another one.
            if found.end() > copied || found.start() == 0 {
                out.extend_from_slice(replacement);
            }
            copied = found.end();
            let width = whole[start..].chars().next().map_or(1, char::len_utf8);
            start = if start + width > found.end() { start + width } else { found.end() };
        }
        out.extend_from_slice(&text[repaired.original(copied)..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, wanted: usize) -> Pattern {
        let mut pattern = Pattern::new(text, &Syntax::parse(text).unwrap()).unwrap();
        pattern.want(wanted);
        pattern
    }

    #[test]
    fn an_invalid_byte_is_one_character() {
        fn check(text: &str, bytes: &[u8], expected: Option<(usize, usize)>) {
            let (pattern, mut slots) = (pattern(text, 1), Slots::default());
            let mut repaired = Repaired::default();
            repaired.set(bytes);
            let found = pattern.search_repaired(&repaired, &mut slots);
            assert_eq!(found.then(|| slots.group(1)).flatten(), expected, "{text}");
        }
        check("^(.{2})$", b"a\xff", Some((0, 2)));
        check("x([^y]*)y", b"\xffx\xe2\x82y", Some((2, 4)));
        check("^(.)$", b"\xe2\x82", None);
        check("(b)", b"\xff\xffab", Some((3, 4)));
    }

    #[test]
    fn replacing_follows_go() {
        fn check(text: &str, from: &[u8], expected: &[u8]) {
            let mut out = Vec::new();
            pattern(text, 0).replace_all(from, b"-", &mut out, usize::MAX);
            assert_eq!(out, expected, "{text}");
        }
        check("a*", b"baac", b"-b-c-");
        check("", b"ab", b"-a-b-");
        check("x", b"a\xffx\xff", b"a\xff-\xff");
        check("[0-9]+", b"a12b3", b"a-b-");
    }
}
