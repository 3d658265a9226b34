//! Which patterns match, and which need not be tried.

use super::{LastMatch, Machine, Object, Op, Run, Span, Texts, Thread, Value};
use crate::engine::Mask;
use crate::vm::fields;
use crate::vm::pattern::{Repaired, Text};
use crate::vm::value::Place;

impl Machine {
    /// The patterns that matched in the line that was run last, by number, in the program's order.
    pub(crate) fn matched(&self) -> impl Iterator<Item = usize> {
        let is_match =
            |last: &LastMatch| last.generation == self.generation && last.subject.is_some();
        let numbered = self.matches.iter().enumerate();
        numbered.filter(move |(_, last)| is_match(last)).map(|(number, _)| number)
    }

    /// Asks for each pattern which texts it needs: `add` gets them and gives their mask. Patterns
    /// within blocks are left out as long as lines that reach them are rare.
    pub(crate) fn set_filters(&mut self, mut add: impl FnMut(&[Box<[u8]>]) -> Option<Mask>) {
        let numbered = self.filters.iter_mut().zip(&self.object.patterns).enumerate();
        for (number, (filter, pattern)) in numbered {
            let is_left_out = self.is_inner[number] && !self.seeks_inner;
            let mask = if is_left_out { None } else { add(pattern.required()) };
            *filter = mask.unwrap_or_default();
        }
    }

    /// Sees whether patterns within blocks were tried so often in the last lines that their texts are
    /// to be looked for, too; says whether that is new.
    pub(crate) fn learn(&mut self, lines: u64) -> bool {
        let is_often = self.inner_tried.saturating_mul(LINES_PER_TRY_MAX) > lines;
        self.inner_tried = 0;
        let is_new = is_often && !self.seeks_inner;
        self.seeks_inner |= is_often;
        is_new
    }

    /// The texts of which a line must hold one for the program to do anything; `None` where it may
    /// do something on every line.
    pub(crate) fn needs(&self) -> Option<Mask> {
        let mut needs = Mask::default();
        for pattern in outer_patterns(&self.object)? {
            let filter = self.filters[pattern as usize];
            if filter.is_empty() {
                return None;
            }
            needs.add(filter);
        }
        Some(needs)
    }
}

/// Texts of patterns within blocks are looked for in all lines if such a pattern is tried in more
/// than one of as many.
const LINES_PER_TRY_MAX: u64 = 8;

/// For each pattern whether it is only tried where another one matched.
pub(super) fn inner_patterns(object: &Object) -> Vec<bool> {
    let Some(outer) = outer_patterns(object) else { return vec![false; object.patterns.len()] };
    let mut is_inner = vec![true; object.patterns.len()];
    for pattern in outer {
        is_inner[pattern as usize] = false;
    }
    is_inner
}

/// The patterns that are tried on a line on which none matches; `None` where the program does more
/// with such a line. Follows its way.
fn outer_patterns(object: &Object) -> Option<Vec<u32>> {
    let (mut outer, mut stack, mut matched) = (Vec::new(), Vec::new(), false);
    let mut next = 0;
    while let Some(&op) = object.ops.get(next) {
        next += 1;
        match op {
            Op::Match(pattern) => {
                outer.push(pattern);
                stack.push(false);
            }
            Op::PushBool(value) => stack.push(value),
            Op::Not => *stack.last_mut()? = !*stack.last()?,
            Op::Otherwise => stack.push(!matched),
            Op::SetMatched(value) => matched = value,
            Op::Jump(to) => next = to as usize,
            Op::JumpUnless(to) if !stack.pop()? => next = to as usize,
            Op::JumpIf(to) if stack.pop()? => next = to as usize,
            // The stack was popped where the condition was looked at.
            Op::JumpUnless(_) | Op::JumpIf(_) => {}
            Op::Stop => break,
            _ => return None,
        }
    }
    Some(outer)
}

impl Thread<'_> {
    /// A field of the line, by the name that is popped.
    pub(super) fn field(&mut self, op: Op) -> Run<()> {
        let name = self.pop_text()?;
        let mut value = Vec::new();
        let (line, name) = (self.texts.line.text, self.texts.bytes(name));
        match op {
            Op::Json => self.fields.json(*self.generation, line, name, &mut value),
            _ => fields::logfmt(line, name, &mut value),
        }
        let value = self.texts.make(|out| out.append(&mut value))?;
        self.push(Value::Text(value));
        Ok(())
    }

    /// Whether the line holds what a pattern needs.
    #[inline]
    pub(super) fn may_match(&self, pattern: u32) -> bool {
        let filter = &self.filters[pattern as usize];
        self.held.is_none_or(|held| filter.is_empty() || filter.meets(held))
    }

    /// Whether a pattern matches the line.
    pub(super) fn matches_line(&mut self, number: u32) -> bool {
        let whole = self.texts.span(Place::Line);
        *self.inner_tried += u64::from(self.is_inner[number as usize]);
        if !self.may_match(number) {
            return false;
        }
        if self.line_is_utf8 != Some(true) {
            return self.search(number, whole);
        }
        let last = &mut self.matches[number as usize];
        let pattern = &self.texts.object.patterns[number as usize];
        let text = Text { bytes: self.texts.line.text, is_plain: self.line_is_plain };
        let found = pattern.search(text, &mut last.slots);
        last.generation = *self.generation;
        last.subject = found.then_some(whole);
        found
    }

    /// Searches a text and remembers the result as the pattern's last.
    pub(super) fn search(&mut self, number: u32, subject: Span) -> bool {
        let last = &mut self.matches[number as usize];
        let file = (subject.place == Place::FileName).then_some(self.file);
        if file.is_some() && last.file == file {
            // The name is that of the line before.
            last.generation = *self.generation;
            return last.subject.is_some();
        }
        last.file = file;
        let pattern = &self.texts.object.patterns[number as usize];
        let bytes = self.texts.bytes(subject);
        let last = &mut self.matches[number as usize];
        let whole_line = subject.place == Place::Line && bytes.len() == self.texts.line.text.len();
        let found = if whole_line {
            let is_utf8 = *self.line_is_utf8.get_or_insert_with(|| {
                let is_utf8 = std::str::from_utf8(bytes).is_ok();
                if !is_utf8 {
                    self.repaired.set(bytes);
                }
                is_utf8
            });
            if is_utf8 {
                let text = Text { bytes, is_plain: self.line_is_plain };
                pattern.search(text, &mut last.slots)
            } else {
                pattern.search_repaired(self.repaired, &mut last.slots)
            }
        } else if subject.place == Place::Line && self.line_is_utf8 == Some(true)
            || std::str::from_utf8(bytes).is_ok()
        {
            // Groups of a pattern end where characters end.
            let is_plain = subject.place == Place::Line && self.line_is_plain;
            pattern.search(Text { bytes, is_plain }, &mut last.slots)
        } else {
            let mut repaired = Repaired::default();
            repaired.set(bytes);
            pattern.search_repaired(&repaired, &mut last.slots)
        };
        last.generation = *self.generation;
        last.subject = found.then_some(subject);
        found
    }

    /// A group of the last match of a pattern: `None` if it did not match, `Some(None)` if the group
    /// took no part.
    pub(super) fn group(&self, pattern: u32, group: u32) -> Option<Option<Span>> {
        let last = &self.matches[pattern as usize];
        if last.generation != *self.generation {
            return None;
        }
        let subject = last.subject?;
        let place = last.slots.group(group as usize);
        Some(place.map(|(start, end)| Texts::part(subject, start, end)))
    }
}
