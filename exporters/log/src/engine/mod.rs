//! All programs with all metrics: what takes the lines.

mod scout;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use scout::Mask;
use scout::{HitLine, Scout};

use crate::line::{Line, LineSink};
use crate::store::Store;
use crate::timing::Timing;
use crate::vm::{Hints, Machine, Object, RuntimeError, TimeOptions};

/// Says what time it is, in nanoseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A loaded program.
#[derive(Debug)]
pub struct Program {
    /// Base name of its file.
    pub name: String,
    machine: Machine,
    /// Errors while it ran.
    pub runtime_errors_total: u64,
    /// Lines that it was given.
    pub lines_total: u64,
    /// The last of these errors.
    pub last_error: String,
    pub(crate) timing: Timing,
    /// Patterns of the names of its logs; empty for all logs.
    logs: Vec<glob::Pattern>,
    /// Texts of which a line must hold one for the program to do anything; `None` where it may do
    /// something on every line.
    needs: Option<Mask>,
}

/// The lines of a chunk.
#[derive(Debug, Default)]
struct Lines {
    /// Where each line ends, its line feed included.
    ends: Vec<usize>,
    /// Those that hold texts that patterns need.
    hits: Vec<HitLine>,
}

/// How often a program was loaded and refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loads {
    /// Loaded.
    pub loaded: u64,
    /// Not compiled, or not loaded because of its metrics.
    pub refused: u64,
}

/// Runs every program on every line.
pub struct Engine {
    store: Store,
    programs: Vec<Program>,
    options: TimeOptions,
    clock: Clock,
    log_errors: bool,
    lines_total: u64,
    loads: BTreeMap<String, Loads>,
    scout: Scout,
    lines: Lines,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("programs", &self.programs.len()).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine without programs.
    #[must_use]
    pub fn new(store: Store, options: TimeOptions, clock: Clock, log_errors: bool) -> Engine {
        Engine {
            store,
            programs: Vec::new(),
            options,
            clock,
            log_errors,
            lines_total: 0,
            loads: BTreeMap::new(),
            scout: Scout::default(),
            lines: Lines::default(),
        }
    }

    /// The metrics.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The programs, in the order in which they were loaded.
    #[must_use]
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// Lines taken.
    #[must_use]
    pub fn lines_total(&self) -> u64 {
        self.lines_total
    }

    /// How often each program was loaded and refused, by name.
    pub fn loads(&self) -> impl Iterator<Item = (&String, &Loads)> {
        self.loads.iter()
    }

    /// Counts that a program was refused.
    pub fn note_refused(&mut self, name: &str) {
        self.loads.entry(name.to_owned()).or_default().refused += 1;
    }

    /// Adds a program, or puts it in the place of the one of that name, whose metrics it inherits.
    ///
    /// # Errors
    /// Where one of its metrics is of another kind than that of another program.
    pub fn load(&mut self, name: &str, object: Object) -> Result<(), String> {
        self.load_for(name, object, &[])
    }

    /// As [`Engine::load`], for a program that gets lines of some logs only: `logs` are patterns of
    /// their names; empty for all logs.
    ///
    /// # Errors
    /// As [`Engine::load`], and for a pattern that is none.
    pub fn load_for(
        &mut self,
        name: &str,
        mut object: Object,
        logs: &[&str],
    ) -> Result<(), String> {
        let pattern = |text: &&str| {
            glob::Pattern::new(text).map_err(|error| format!("pattern {text:?}: {error}"))
        };
        let logs = logs.iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
        let now_ns = (self.clock)();
        let metrics = self.store.add(name, std::mem::take(&mut object.metrics))?;
        let mut program = Program {
            name: name.to_owned(),
            machine: Machine::new(object, metrics, self.options.clone()),
            runtime_errors_total: 0,
            lines_total: 0,
            last_error: String::new(),
            timing: Timing::default(),
            logs,
            needs: None,
        };
        if let Err((at, error)) = program.machine.begin(&mut self.store, now_ns) {
            program.note(at, &error, Line { source: "", text: b"" }, self.log_errors);
        }
        match self.programs.iter_mut().find(|other| other.name == name) {
            Some(other) => {
                program.runtime_errors_total += other.runtime_errors_total;
                program.lines_total = other.lines_total;
                program.timing = other.timing;
                *other = program;
            }
            None => self.programs.push(program),
        }
        self.loads.entry(name.to_owned()).or_default().loaded += 1;
        self.scout.reset();
        self.find_literals();
        Ok(())
    }

    /// Ends a program; its metrics stay, as in mtail.
    pub fn unload(&mut self, name: &str) {
        self.programs.retain(|program| program.name != name);
        self.scout.reset();
        self.find_literals();
    }

    /// Tells the scout what the patterns of all programs need.
    fn find_literals(&mut self) {
        self.scout.clear();
        for program in &mut self.programs {
            program.machine.set_filters(|texts| self.scout.add(texts));
            program.needs = program.machine.needs();
        }
        self.scout.settle();
    }

    /// Removes series that are too old or too many.
    pub fn collect_garbage(&mut self) {
        let now_ns = (self.clock)();
        self.store.collect_garbage(now_ns);
    }
}

impl LineSink for Engine {
    fn line(&mut self, line: Line<'_>) {
        let now_ns = (self.clock)();
        self.lines_total += 1;
        for program in &mut self.programs {
            if program.wants(line.source) {
                program.lines_total += 1;
                let begin = Instant::now();
                program.run(&mut self.store, line, now_ns, Hints::default(), self.log_errors);
                program.timing.note(begin.elapsed(), 1);
            }
        }
    }

    fn chunk(&mut self, source: &str, chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        let now_ns = (self.clock)();
        let is_utf8 = std::str::from_utf8(chunk).is_ok().then_some(true);
        let Lines { ends, hits } = &mut self.lines;
        ends.clear();
        ends.extend(memchr::memchr_iter(b'\n', chunk).map(|end| end + 1));
        if chunk.last() != Some(&b'\n') {
            ends.push(chunk.len());
        }
        self.scout.scan(chunk, ends, hits);
        self.lines_total += ends.len() as u64;
        let piece = Piece { source, chunk, lines: &self.lines, now_ns, is_utf8 };
        for program in &mut self.programs {
            if program.wants(source) {
                let lines = piece.lines.ends.len() as u64;
                program.lines_total += lines;
                let begin = Instant::now();
                program.chunk(&mut self.store, &piece, self.log_errors);
                program.timing.note(begin.elapsed(), lines);
            }
        }
        if self.scout.learn() {
            self.find_literals();
        }
    }
}

/// A chunk with what is known of it.
struct Piece<'a> {
    source: &'a str,
    chunk: &'a [u8],
    lines: &'a Lines,
    now_ns: i64,
    is_utf8: Option<bool>,
}

impl<'a> Piece<'a> {
    fn line(&self, number: usize) -> Line<'a> {
        let start = number.checked_sub(1).map_or(0, |before| self.lines.ends[before]);
        let text = &self.chunk[start..self.lines.ends[number]];
        let text = match text.strip_suffix(b"\n") {
            Some(text) => text.strip_suffix(b"\r").unwrap_or(text),
            None => text,
        };
        Line { source: self.source, text }
    }

    /// Lines that come later are a little younger, so that the oldest series is known.
    fn now_ns(&self, number: usize) -> i64 {
        self.now_ns.saturating_add_unsigned(number as u64)
    }
}

/// Bytes of a line that an error quotes.
const QUOTED_BYTES_MAX: usize = 2048;

impl Program {
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

    fn wants(&self, source: &str) -> bool {
        let is_log = self.logs.is_empty() || self.logs.iter().any(|log| log.matches(source));
        is_log && self.machine.wants(source)
    }

    fn chunk(&mut self, store: &mut Store, piece: &Piece<'_>, log: bool) {
        let Piece { lines, is_utf8, .. } = *piece;
        if let Some(needs) = self.needs {
            for hit in lines.hits.iter().filter(|hit| hit.mask.meets(&needs)) {
                let hints = Hints { held: Some(hit.mask), is_utf8 };
                self.run(store, piece.line(hit.line), piece.now_ns(hit.line), hints, log);
            }
            return;
        }
        let mut hits = lines.hits.iter().peekable();
        for number in 0..lines.ends.len() {
            let hit = hits.next_if(|hit| hit.line == number);
            let held = Some(hit.map_or_else(Mask::default, |hit| hit.mask));
            let hints = Hints { held, is_utf8 };
            self.run(store, piece.line(number), piece.now_ns(number), hints, log);
        }
    }

    fn run(&mut self, store: &mut Store, line: Line<'_>, now_ns: i64, hints: Hints, log: bool) {
        if let Err((at, error)) = self.machine.line(store, line, now_ns, hints) {
            self.note(at, &error, line, log);
        }
    }

    fn note(&mut self, at: usize, error: &RuntimeError, line: Line<'_>, log: bool) {
        self.runtime_errors_total += 1;
        let quoted = &line.text[..line.text.len().min(QUOTED_BYTES_MAX)];
        let program_line = self.machine.object().lines.get(at).map_or(0, |line| line + 1);
        self.last_error = format!(
            "{error}\nError occurred at instruction {at}, originating in {} at line {program_line}\n\
             Full input text from {:?} was {}",
            self.name,
            line.source,
            crate::go::quote(quoted)
        );
        if log {
            tracing::info!("{}: Runtime error: {}", self.name, self.last_error);
        }
    }
}
