//! All programs with all metrics: what takes the lines.

mod faults;
mod plain;
mod program;
mod scout;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use plain::PLAIN;
pub use program::Program;
pub(crate) use scout::Mask;

use plain::Plain;
use program::Piece;
use scout::{HitLine, LineSpan, Scout};

use crate::line::{Line, LineSink};
use crate::store::Store;
use crate::vm::{Machine, Object, TimeOptions};

/// Lines that all programs get before the next ones are looked at: few enough to stay in the cache.
const PIECE_BYTES: usize = 256 << 10;

/// Says what time it is, in nanoseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The lines of a chunk.
#[derive(Debug, Default)]
struct Lines {
    spans: Vec<LineSpan>,
    /// Those that hold texts that patterns need.
    hits: Vec<HitLine>,
    plain: Plain,
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
        let machine = Machine::new(object, metrics, self.options.clone());
        let mut program = Program::new(name, machine, logs);
        program.begin(&mut self.store, now_ns, self.log_errors);
        match self.programs.iter_mut().find(|other| other.name == name) {
            Some(other) => {
                program.inherit(other);
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
                program.line(&mut self.store, line, now_ns, self.log_errors);
                program.timing.note(begin.elapsed(), 1);
            }
        }
    }

    fn chunk(&mut self, source: &str, chunk: &[u8]) -> u64 {
        let (mut rest, before) = (chunk, self.lines_total);
        while !rest.is_empty() {
            let piece;
            (piece, rest) = rest.split_at(piece_end(rest));
            self.piece(source, piece);
        }
        self.lines_total - before
    }
}

/// Where a piece of a chunk ends: at the end of a line, and not much longer than it should be.
fn piece_end(chunk: &[u8]) -> usize {
    if chunk.len() <= PIECE_BYTES {
        return chunk.len();
    }
    let end = memchr::memrchr(b'\n', &chunk[..PIECE_BYTES]);
    let end = end.or_else(|| memchr::memchr(b'\n', chunk));
    end.map_or(chunk.len(), |end| end + 1)
}

impl Lines {
    /// Finds the lines of a piece.
    fn split(&mut self, piece: &[u8]) {
        self.spans.clear();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', piece) {
            let is_return = end > start && piece[end - 1] == b'\r';
            self.push(start, end - usize::from(is_return));
            start = end + 1;
        }
        if start < piece.len() {
            self.push(start, piece.len());
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        // Only the first line of a piece can be as long.
        let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        self.spans.push(LineSpan { start: place(start), end: place(end) });
    }
}

impl Engine {
    /// Takes some whole lines.
    fn piece(&mut self, source: &str, chunk: &[u8]) {
        let now_ns = (self.clock)();
        self.lines.split(chunk);
        let Lines { spans, hits, plain } = &mut self.lines;
        plain.look(chunk);
        let is_utf8 = plain.is_all() || std::str::from_utf8(chunk).is_ok();
        let is_utf8 = is_utf8.then_some(true);
        self.scout.scan(chunk, spans, hits);
        let lines = spans.len() as u64;
        self.lines_total += lines;
        let piece = Piece { source, chunk, lines: &self.lines, now_ns, is_utf8 };
        for program in &mut self.programs {
            if program.wants(source) {
                program.lines_total += lines;
                let begin = Instant::now();
                program.chunk(&mut self.store, &piece, self.log_errors);
                program.timing.note(begin.elapsed(), lines);
            }
        }
        if let Some(lines) = self.scout.due() {
            let mut is_new = self.scout.learn();
            for program in &mut self.programs {
                is_new |= program.machine.learn(lines);
            }
            if is_new {
                self.find_literals();
            }
        }
    }
}
