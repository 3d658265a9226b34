//! Warnings and infos about a result, with the place in the query that they speak of.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::ast::Span;

/// How grave a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    Warning,
    Info,
}

/// Collects notes; a note said twice of one place is kept once.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    said: Mutex<BTreeSet<(Grade, u32, String)>>,
}

impl Notes {
    /// Keeps `text` (without the leading `PromQL warning: `) about a place.
    pub(crate) fn add(&self, grade: Grade, text: impl Into<String>, span: Span) {
        self.said.lock().insert((grade, span.start, text.into()));
    }

    pub(crate) fn warn(&self, text: impl Into<String>, span: Span) {
        self.add(Grade::Warning, text, span);
    }

    pub(crate) fn info(&self, text: impl Into<String>, span: Span) {
        self.add(Grade::Info, text, span);
    }

    /// Warnings and infos as the API shows them, in order of their place.
    pub(crate) fn render(&self, query: &str) -> (Vec<String>, Vec<String>) {
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        for (grade, start, text) in self.said.lock().iter() {
            let (list, word) = match grade {
                Grade::Warning => (&mut warnings, "warning"),
                Grade::Info => (&mut infos, "info"),
            };
            let place = Span { start: *start, end: *start }.position(query);
            let line = if query.is_empty() {
                format!("PromQL {word}: {text}")
            } else {
                format!("PromQL {word}: {text} ({place})")
            };
            if !list.contains(&line) {
                list.push(line);
            }
        }
        (warnings, infos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_line_and_column_and_is_said_once() {
        let notes = Notes::default();
        for _ in 0..2 {
            notes.warn("odd", Span { start: 7, end: 8 });
        }
        notes.info("mild", Span { start: 0, end: 1 });
        let (warnings, infos) = notes.render("sum(\nx)");
        assert_eq!(warnings, ["PromQL warning: odd (2:3)"]);
        assert_eq!(infos, ["PromQL info: mild (1:1)"]);
        assert_eq!(notes.render("").0, ["PromQL warning: odd"]);
        assert_eq!(notes.render("x").0, ["PromQL warning: odd (invalid position)"]);
    }
}
