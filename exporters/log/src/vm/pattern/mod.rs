//! A pattern with the groups that somebody reads.
//!
//! Go takes an invalid byte for one character, U+FFFD. Lines that are not UTF-8 are therefore matched
//! in a copy where each such byte is that character, and positions are translated back.

#[cfg(test)]
mod differential;
mod fixed;
mod lanes;
mod literal;
mod plan;
mod run;
mod set;

use std::sync::OnceLock;

use common_re2::Syntax;
use memchr::memmem;
use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::Hir;

use plan::{Plan, Step};
pub(super) use run::Text;
use run::{NOWHERE, Outcome, Room, TEXT_BYTES_MAX};

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    hir: Hir,
    /// Groups whose places somebody reads, by number; none where only the answer matters.
    wanted: Vec<bool>,
    /// How it is matched where it is of the common kind.
    plan: Option<Plan>,
    /// What every match begins with.
    prefix: Option<memmem::Finder<'static>>,
    /// Texts of which every match holds one.
    required: Vec<Box<[u8]>>,
    /// The one such text, where looking for it first saves work.
    needle: Option<memmem::Finder<'static>>,
    /// The automaton for everything else, made when it is needed first; `None` where it would be too
    /// large.
    engine: OnceLock<Option<meta::Regex>>,
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Slots {
    places: Vec<u32>,
    wide: Vec<Option<NonMaxUsize>>,
    is_wide: bool,
    room: Room,
}

impl Slots {
    #[inline]
    pub(super) fn group(&self, group: usize) -> Option<(usize, usize)> {
        if self.is_wide {
            let start = self.wide.get(group * 2)?.as_ref()?;
            let end = self.wide.get(group * 2 + 1)?.as_ref()?;
            return Some((start.get(), end.get()));
        }
        let (start, end) = (*self.places.get(group * 2)?, *self.places.get(group * 2 + 1)?);
        (start != NOWHERE && end != NOWHERE).then_some((start as usize, end as usize))
    }

    /// Changes every place.
    fn translate(&mut self, translated: impl Fn(usize) -> usize) {
        for place in self.places.iter_mut().filter(|place| **place != NOWHERE) {
            // An offset does not grow when it is translated.
            *place = u32::try_from(translated(*place as usize)).unwrap_or(*place);
        }
        for slot in self.wide.iter_mut().flatten() {
            if let Some(offset) = NonMaxUsize::new(translated(slot.get())) {
                *slot = offset;
            }
        }
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
    /// A parsed pattern, which is of no use before it is settled.
    pub(super) fn new(text: &str, syntax: &Syntax) -> Pattern {
        Pattern {
            text: text.to_owned(),
            hir: syntax.hir.clone(),
            wanted: Vec::new(),
            plan: None,
            prefix: None,
            required: Vec::new(),
            needle: None,
            engine: OnceLock::new(),
        }
    }

    /// As the program has it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Texts of which every match holds one; empty where there are none such.
    #[must_use]
    pub fn required(&self) -> &[Box<[u8]>] {
        &self.required
    }

    /// Says that the place of a group is read.
    pub(super) fn want(&mut self, group: usize) {
        if self.wanted.len() <= group {
            self.wanted.resize(group + 1, false);
        }
        self.wanted[group] = true;
    }

    /// Makes it ready, once all groups that are wanted are known.
    ///
    /// # Errors
    /// Where its automaton would be too large.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        self.required = literal::required(&self.hir).unwrap_or_default();
        self.plan = plan::plan(&self.hir, &self.wanted);
        match &self.plan {
            None if self.engine().is_none() => {
                return Err(format!("regexp too large: `{}`", self.text));
            }
            None => {}
            Some(plan) => {
                self.prefix = prefix(plan).map(|bytes| memmem::Finder::new(bytes).into_owned());
                if self.prefix.is_none()
                    && !plan.anchored
                    && let [literal] = &self.required[..]
                {
                    self.needle = Some(memmem::Finder::new(literal).into_owned());
                }
            }
        }
        Ok(())
    }

    fn engine(&self) -> Option<&meta::Regex> {
        let build = || {
            let config = meta::Config::new()
                .nfa_size_limit(Some(common_re2::NFA_BYTES_MAX))
                .which_captures(WhichCaptures::All);
            meta::Builder::new().configure(config).build_from_hir(&self.hir).ok()
        };
        self.engine.get_or_init(build).as_ref()
    }

    /// Searches in a text; the places of the groups that are wanted are left in `slots`.
    pub(super) fn search(&self, text: Text<'_>, slots: &mut Slots) -> bool {
        let bytes = text.bytes;
        if let Some(plan) = &self.plan
            && bytes.len() <= TEXT_BYTES_MAX
        {
            if self.needle.as_ref().is_some_and(|needle| needle.find(bytes).is_none()) {
                return false;
            }
            let Slots { places, is_wide, room, .. } = &mut *slots;
            *is_wide = false;
            places.resize(self.wanted.len() * 2, NOWHERE);
            match run::search(plan, text, self.prefix.as_ref(), places, room, true) {
                Outcome::Found => return true,
                Outcome::NotFound => return false,
                Outcome::GaveUp => {}
            }
        }
        self.search_by_automaton(bytes, slots)
    }

    fn search_by_automaton(&self, text: &[u8], slots: &mut Slots) -> bool {
        let Some(engine) = self.engine() else { return self.search_patiently(text, slots) };
        let input = Input::new(text).anchored(Anchored::No);
        slots.is_wide = true;
        if self.wanted.is_empty() {
            return engine.is_match(input);
        }
        slots.wide.clear();
        slots.wide.resize(self.wanted.len() * 2, None);
        engine.search_slots(&input, &mut slots.wide).is_some()
    }

    /// For a pattern with a plan whose automaton would be too large: takes as long as it takes.
    #[cold]
    fn search_patiently(&self, bytes: &[u8], slots: &mut Slots) -> bool {
        let Some(plan) = &self.plan else { return false };
        if u32::try_from(bytes.len()).is_err() {
            return false;
        }
        let text = Text { bytes, is_plain: false };
        slots.is_wide = false;
        slots.places.resize(self.wanted.len() * 2, NOWHERE);
        let Slots { places, room, .. } = slots;
        let prefix = self.prefix.as_ref();
        run::search(plan, text, prefix, places, room, false) == Outcome::Found
    }

    /// As [`Pattern::search`] in a repaired text; places are those in the original.
    pub(super) fn search_repaired(&self, text: &Repaired, slots: &mut Slots) -> bool {
        let text_of = Text { bytes: text.text.as_bytes(), is_plain: false };
        let found = self.search(text_of, slots);
        slots.translate(|offset| text.original(offset));
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
            let found =
                self.engine().and_then(|engine| engine.find(Input::new(whole).range(start..)));
            let Some(found) = found else { break };
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

/// What every match begins with.
fn prefix(plan: &Plan) -> Option<&[u8]> {
    let mut pc = plan.start;
    loop {
        match &plan.steps[pc as usize] {
            Step::Save { next, .. } => pc = *next,
            Step::Byte { byte, .. } => return Some(std::slice::from_ref(byte)),
            Step::Literal { bytes, .. } => return Some(bytes),
            Step::Fixed(fixed) => return Some(fixed.prefix()).filter(|bytes| !bytes.is_empty()),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, wanted: usize) -> Pattern {
        let mut pattern = Pattern::new(text, &Syntax::parse(text).unwrap());
        pattern.want(wanted);
        pattern.settle().unwrap();
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
