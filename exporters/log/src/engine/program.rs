//! One loaded program, and how it gets the lines of a chunk.

use super::Lines;
use super::faults::Faults;
use super::scout::{LineSpan, Mask};
use crate::line::Line;
use crate::store::Store;
use crate::timing::Timing;
use crate::vm::{Hints, Machine};

/// A loaded program.
#[derive(Debug)]
pub struct Program {
    /// Base name of its file.
    pub name: String,
    pub(super) machine: Machine,
    faults: Faults,
    /// Lines that it was given.
    pub lines_total: u64,
    pub(crate) timing: Timing,
    /// Patterns of the names of its logs; empty for all logs.
    pub(super) logs: Vec<glob::Pattern>,
    /// Texts of which a line must hold one for the program to do anything; `None` where it may do
    /// something on every line.
    pub(super) needs: Option<Mask>,
}

/// What a line holds in which nothing was found.
static NOTHING: Mask = Mask::NONE;

/// A chunk with what is known of it.
pub(super) struct Piece<'a> {
    pub(super) source: &'a str,
    pub(super) chunk: &'a [u8],
    pub(super) lines: &'a Lines,
    pub(super) now_ns: i64,
    pub(super) is_utf8: Option<bool>,
}

impl<'a> Piece<'a> {
    fn line(&self, number: usize) -> Line<'a> {
        let LineSpan { start, end } = self.lines.spans[number];
        Line { source: self.source, text: &self.chunk[start as usize..end as usize] }
    }

    fn is_plain(&self, number: usize) -> bool {
        let LineSpan { start, end } = self.lines.spans[number];
        self.lines.plain.is(start as usize, end as usize)
    }

    /// Lines that come later are a little younger, so that the oldest series is known.
    fn now_ns(&self, number: usize) -> i64 {
        self.now_ns.saturating_add_unsigned(number as u64)
    }
}

impl Program {
    /// A program that saw no line yet.
    pub(super) fn new(name: &str, machine: Machine, logs: Vec<glob::Pattern>) -> Program {
        Program {
            name: name.to_owned(),
            machine,
            faults: Faults::default(),
            lines_total: 0,
            timing: Timing::default(),
            logs,
            needs: None,
        }
    }

    /// Runs its `begin { }`.
    pub(super) fn begin(&mut self, store: &mut Store, now_ns: i64, log: bool) {
        if let Err((at, error)) = self.machine.begin(store, now_ns) {
            let line = Line { source: "", text: b"" };
            let place = (&*self.name, self.machine.object());
            self.faults.note(at, error, line, now_ns).log(log, place);
        }
    }

    /// Goes on counting where an earlier version ends.
    pub(super) fn inherit(&mut self, earlier: &Program) {
        self.faults.total += earlier.faults.total;
        self.lines_total = earlier.lines_total;
        self.timing = earlier.timing;
    }

    /// Errors while it ran.
    #[must_use]
    pub fn runtime_errors_total(&self) -> u64 {
        self.faults.total
    }

    /// The last of these errors; empty if there was none.
    #[must_use]
    pub fn last_error(&self) -> String {
        self.faults.last(&self.name, self.machine.object())
    }

    /// The patterns that matched in the line that was run last: the line of each in the program,
    /// from one, and its text.
    pub fn matched(&self) -> impl Iterator<Item = (i32, &str)> {
        let object = self.machine.object();
        self.machine.matched().filter_map(|number| {
            let line = object.pattern_lines.get(number)? + 1;
            Some((line, object.patterns.get(number)?.text()))
        })
    }

    /// The program's code as a text.
    #[must_use]
    pub fn listing(&self) -> String {
        self.machine.object().listing(&self.name)
    }

    pub(super) fn wants(&self, source: &str) -> bool {
        let is_log = self.logs.is_empty() || self.logs.iter().any(|log| log.matches(source));
        is_log && self.machine.wants(source)
    }

    /// Runs it on the lines of a chunk.
    pub(super) fn chunk<'a>(&'a mut self, store: &'a mut Store, piece: &Piece<'a>, log: bool) {
        let Piece { lines, is_utf8, .. } = *piece;
        let Program { name, machine, faults, needs, .. } = self;
        let mut thread = machine.thread(store);
        let mut run = |number: usize, held: &'a Mask| {
            let (line, now_ns) = (piece.line(number), piece.now_ns(number));
            let hints = Hints { held: Some(held), is_utf8, is_plain: piece.is_plain(number) };
            if let Err((at, error)) = thread.line(line, now_ns, hints) {
                let place = (&**name, thread.object());
                faults.note(at, error, line, now_ns).log(log, place);
            }
        };
        if let Some(needs) = needs {
            for hit in lines.hits.iter().filter(|hit| hit.mask.meets(needs)) {
                run(hit.line, &hit.mask);
            }
            return;
        }
        let mut hits = lines.hits.iter().peekable();
        for number in 0..lines.spans.len() {
            let hit = hits.next_if(|hit| hit.line == number);
            run(number, hit.map_or(&NOTHING, |hit| &hit.mask));
        }
    }

    /// Runs it on a line.
    pub(super) fn line(&mut self, store: &mut Store, line: Line<'_>, now_ns: i64, log: bool) {
        let mut thread = self.machine.thread(store);
        if let Err((at, error)) = thread.line(line, now_ns, Hints::default()) {
            let place = (&*self.name, thread.object());
            self.faults.note(at, error, line, now_ns).log(log, place);
        }
    }
}
