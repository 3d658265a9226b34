//! Which patterns match, and which need not be tried.

use super::{LastMatch, Machine, Op, Run, Span, Texts, Thread, Value};
use crate::engine::Mask;
use crate::vm::fields;
use crate::vm::pattern::Repaired;
use crate::vm::value::Place;

impl Machine {
    /// The patterns that matched in the line that was run last, by number, in the program's order.
    pub(crate) fn matched(&self) -> impl Iterator<Item = usize> {
        let is_match =
            |last: &LastMatch| last.generation == self.generation && last.subject.is_some();
        let numbered = self.matches.iter().enumerate();
        numbered.filter(move |(_, last)| is_match(last)).map(|(number, _)| number)
    }

    /// Asks for each pattern which texts it needs: `add` gets them and gives their mask.
    pub(crate) fn set_filters(&mut self, mut add: impl FnMut(&[Box<[u8]>]) -> Option<Mask>) {
        for (filter, pattern) in self.filters.iter_mut().zip(&self.object.patterns) {
            *filter = add(pattern.required()).unwrap_or_default();
        }
    }

    /// The texts of which a line must hold one for the program to do anything; `None` where it may
    /// do something on every line. Follows the way of a line on which no pattern matches.
    pub(crate) fn needs(&self) -> Option<Mask> {
        let (mut needs, mut stack, mut matched) = (Mask::default(), Vec::new(), false);
        let mut next = 0;
        while let Some(&op) = self.object.ops.get(next) {
            next += 1;
            match op {
                Op::Match(pattern) => {
                    let filter = self.filters[pattern as usize];
                    if filter.is_empty() {
                        return None;
                    }
                    needs.add(filter);
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
        Some(needs)
    }
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
        self.held.is_none_or(|held| filter.is_empty() || filter.meets(&held))
    }

    /// Searches a text and remembers the result as the pattern's last.
    pub(super) fn search(&mut self, number: u32, subject: Span) -> bool {
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
                pattern.search(bytes, &mut last.slots)
            } else {
                pattern.search_repaired(self.repaired, &mut last.slots)
            }
        } else if subject.place == Place::Line && self.line_is_utf8 == Some(true)
            || std::str::from_utf8(bytes).is_ok()
        {
            // Groups of a pattern end where characters end.
            pattern.search(bytes, &mut last.slots)
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
