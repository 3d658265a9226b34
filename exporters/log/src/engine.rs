//! All programs with all metrics: what takes the lines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::line::{Line, LineSink};
use crate::store::Store;
use crate::timing::{MEASURED_ONE_IN, Timing};
use crate::vm::{Machine, Object, RuntimeError, TimeOptions};

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
    pub fn load(&mut self, name: &str, mut object: Object) -> Result<(), String> {
        let now_ns = (self.clock)();
        let metrics = self.store.add(name, std::mem::take(&mut object.metrics))?;
        let mut program = Program {
            name: name.to_owned(),
            machine: Machine::new(object, metrics, self.options.clone()),
            runtime_errors_total: 0,
            lines_total: 0,
            last_error: String::new(),
            timing: Timing::default(),
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
        Ok(())
    }

    /// Ends a program; its metrics stay, as in mtail.
    pub fn unload(&mut self, name: &str) {
        self.programs.retain(|program| program.name != name);
    }

    /// Takes lines of one source that stand one behind the other, the last one with or without its
    /// line feed.
    pub fn chunk(&mut self, source: &str, chunk: &[u8]) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let (line, behind) = match end {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, &[][..]),
            };
            self.line(Line { source, text: line.strip_suffix(b"\r").unwrap_or(line) });
            rest = behind;
        }
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
            if !program.machine.wants(line.source) {
                continue;
            }
            let measured = program.lines_total.is_multiple_of(MEASURED_ONE_IN).then(Instant::now);
            program.lines_total += 1;
            if let Err((at, error)) = program.machine.line(&mut self.store, line, now_ns) {
                program.note(at, &error, line, self.log_errors);
            }
            if let Some(begin) = measured {
                // It stands for those since the last one that was measured.
                let lines = program.lines_total - program.timing.count;
                program.timing.note(begin.elapsed(), lines);
            }
        }
    }
}

/// Bytes of a line that an error quotes.
const QUOTED_BYTES_MAX: usize = 2048;

impl Program {
    /// The program's code as a text.
    #[must_use]
    pub fn listing(&self) -> String {
        self.machine.object().listing(&self.name)
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
