//! What is remembered of a target from scrape to scrape: which lines came, in which order, and
//! which series each of them is.
//!
//! A steady target sends the same lines in the same order. Each remembered line knows its successor,
//! so a steady scrape costs one hash of a line's bytes: no label building, no allocation. Neither
//! the bytes nor the labels are kept: a line is known again by its length and a hash of 64 bits,
//! seeded anew in every process. Of 10,000 lines any two have the same with odds of one to 10¹¹.

use std::hash::{BuildHasher, Hasher};

use common_model::MetricType;
use foldhash::quality::RandomState;
use hashbrown::HashTable;
use server_storage::SeriesRef;

/// Position of a remembered line.
pub(crate) type LineId = u32;

const NONE: LineId = LineId::MAX;

/// After that many scrapes a line that no longer comes is forgotten.
const FORGET_AFTER_SCRAPES: u16 = 10;

/// What a line of the exposition turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A series with the store's number; zero while the store has not taken any sample of it.
    Series(SeriesRef),
    /// Dropped by relabeling; remembered so that it is not relabeled again.
    Dropped,
    /// What a target says of a metric, and for a TYPE line the type.
    Comment(Option<MetricType>),
}

/// How a line is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    hash: u64,
    len: u32,
}

/// The line that should come next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) id: LineId,
    pub(crate) line: Line,
    /// Whether it came in the scrape before, or in this one.
    pub(crate) is_recent: bool,
    print: Print,
}

impl Expected {
    /// Bytes of the line.
    pub(crate) fn bytes(&self) -> usize {
        self.print.len as usize
    }
}

/// Small, for a host may have a million of them.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    hash: u64,
    len: u32,
    /// Number of the series.
    number: u32,
    /// The line that followed this one last time.
    successor: LineId,
    /// The scrape that saw this line last.
    seen: u16,
    kind: Kind,
    /// Whether the newest sample is a value, not a stale marker. Lines with timestamps of their
    /// own are not tracked.
    live: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Vacant,
    Series,
    Dropped,
    Comment(Option<MetricType>),
}

impl Remembered {
    fn print(&self) -> Print {
        Print { hash: self.hash, len: self.len }
    }

    fn line(&self) -> Option<Line> {
        match self.kind {
            Kind::Vacant => None,
            Kind::Series => Some(Line::Series(SeriesRef(u64::from(self.number)))),
            Kind::Dropped => Some(Line::Dropped),
            Kind::Comment(kind) => Some(Line::Comment(kind)),
        }
    }

    /// Scrapes since it came.
    fn age(&self, scrape: u16) -> u16 {
        scrape.wrapping_sub(self.seen)
    }
}

/// The lines of one target.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    lines: Vec<Remembered>,
    free: Vec<LineId>,
    /// Lines by their hashes; not kept while they come in the order that is expected.
    table: Option<HashTable<LineId>>,
    hasher: RandomState,
    first: LineId,
    previous: LineId,
    scrape: u16,
    /// Different lines that came in this scrape.
    seen: usize,
    /// Lines that this scrape made live.
    fresh: Vec<LineId>,
    /// Whether this scrape had lines that were not expected.
    surprised: bool,
}

impl Memory {
    pub(crate) fn new() -> Memory {
        Memory { first: NONE, previous: NONE, ..Memory::default() }
    }

    /// Begins a scrape, which [`Memory::end`] or [`Memory::abandon`] ends.
    pub(crate) fn begin(&mut self) {
        self.scrape = self.scrape.wrapping_add(1);
        self.previous = NONE;
        self.seen = 0;
        self.surprised = false;
        self.fresh.clear();
    }

    /// How a line is known again; lines of different `sort` are different.
    #[inline]
    pub(crate) fn print(&self, sort: u8, raw: &[u8]) -> Print {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u8(sort);
        hasher.write(raw);
        Print { hash: hasher.finish(), len: u32::try_from(raw.len()).unwrap_or(u32::MAX) }
    }

    /// The line that should come next, when the target goes on as last time.
    #[inline]
    pub(crate) fn expected(&self) -> Option<Expected> {
        let id = match self.previous {
            NONE => self.first,
            previous => self.lines.get(previous as usize)?.successor,
        };
        let remembered = self.lines.get(id as usize)?;
        let is_recent = remembered.age(self.scrape) <= 1;
        Some(Expected { id, line: remembered.line()?, is_recent, print: remembered.print() })
    }

    /// Whether the expected line is the one with these bytes.
    #[inline]
    pub(crate) fn is(&self, expected: &Expected, sort: u8, raw: &[u8]) -> bool {
        self.print(sort, raw) == expected.print
    }

    /// The remembered line with this print, marked as seen; `None` for a line that is new.
    pub(crate) fn find(&mut self, print: Print) -> Option<LineId> {
        let expected = self.expected().filter(|expected| expected.print == print);
        let id = match expected {
            Some(expected) => expected.id,
            None => self.find_elsewhere(print)?,
        };
        self.follow(id);
        Some(id)
    }

    fn find_elsewhere(&mut self, print: Print) -> Option<LineId> {
        self.surprised = true;
        let lines = &self.lines;
        let table = self.table.get_or_insert_with(|| {
            let mut table = HashTable::with_capacity(lines.len());
            for (at, line) in lines.iter().enumerate().filter(|(_, l)| l.kind != Kind::Vacant) {
                table.insert_unique(line.hash, at as LineId, |&id| lines[id as usize].hash);
            }
            table
        });
        table.find(print.hash, |&id| lines[id as usize].print() == print).copied()
    }

    /// Remembers a line that is new and marks it as seen.
    pub(crate) fn insert(&mut self, print: Print, line: Line) -> LineId {
        let Print { hash, len } = print;
        let kind = match line {
            Line::Series(_) => Kind::Series,
            Line::Dropped => Kind::Dropped,
            Line::Comment(kind) => Kind::Comment(kind),
        };
        // Not the number of this scrape, so that it is counted below.
        let seen = self.scrape.wrapping_sub(1);
        let remembered =
            Remembered { hash, len, number: 0, successor: NONE, seen, kind, live: false };
        let id = match self.free.pop() {
            Some(id) => {
                self.lines[id as usize] = remembered;
                id
            }
            None => {
                self.lines.push(remembered);
                (self.lines.len() - 1) as LineId
            }
        };
        if let Some(table) = &mut self.table {
            let lines = &self.lines;
            table.insert_unique(hash, id, |&id| lines[id as usize].hash);
        }
        if let Line::Series(number) = line {
            self.renumber(id, number);
        }
        self.follow(id);
        id
    }

    /// What a remembered line is.
    pub(crate) fn get(&self, id: LineId) -> Option<Line> {
        self.lines.get(id as usize)?.line()
    }

    /// What the line seen last is.
    pub(crate) fn last(&self) -> Option<Line> {
        self.get(self.previous)
    }

    /// Whether the newest sample of a line is a value.
    pub(crate) fn is_live(&self, id: LineId) -> bool {
        self.lines.get(id as usize).is_some_and(|line| line.live)
    }

    /// Notes that a value was appended for a line. Says whether the series was not live before, that
    /// is, whether it counts as added.
    pub(crate) fn appended(&mut self, id: LineId) -> bool {
        let Some(line) = self.lines.get_mut(id as usize) else { return false };
        let added = !std::mem::replace(&mut line.live, true);
        if added {
            self.fresh.push(id);
        }
        added
    }

    /// Notes the number of a line's series. One that has more than 32 bits, of which there are none
    /// in our store, is looked up by its labels every time.
    pub(crate) fn renumber(&mut self, id: LineId, number: SeriesRef) {
        if let Some(line) = self.lines.get_mut(id as usize) {
            line.number = u32::try_from(number.0).unwrap_or(0);
        }
    }

    /// Ends a scrape: hands every series that was live and did not come to `gone`, and forgets
    /// lines that have not come for long.
    pub(crate) fn end(&mut self, mut gone: impl FnMut(SeriesRef)) {
        if self.seen < self.len() {
            let scrape = self.scrape;
            self.end_where(|line| line.age(scrape) > 0, &mut gone);
            self.forget_old();
        }
        self.fresh = Vec::new();
        if self.surprised {
            let spare = self.lines.capacity() - self.lines.len();
            if spare > self.lines.len() / 8 {
                self.lines.shrink_to_fit();
            }
        } else {
            self.table = None;
        }
    }

    /// Gives up a scrape whose samples are not kept: what it made live never was.
    pub(crate) fn abandon(&mut self) {
        for id in std::mem::take(&mut self.fresh) {
            if let Some(line) = self.lines.get_mut(id as usize) {
                line.live = false;
            }
        }
        self.forget_old();
    }

    /// Every live series ends now: the target failed or is gone.
    pub(crate) fn end_all(&mut self, mut gone: impl FnMut(SeriesRef)) {
        self.end_where(|_| true, &mut gone);
    }

    fn end_where(&mut self, ends: impl Fn(&Remembered) -> bool, gone: &mut impl FnMut(SeriesRef)) {
        for line in self.lines.iter_mut().filter(|line| line.live && ends(line)) {
            line.live = false;
            gone(SeriesRef(u64::from(line.number)));
        }
    }

    /// Forgets lines that have not come for long; one that is live is to be ended before.
    fn forget_old(&mut self) {
        for id in 0..self.lines.len() {
            let line = &mut self.lines[id];
            let is_old = line.age(self.scrape) > FORGET_AFTER_SCRAPES;
            if !is_old || line.live || line.kind == Kind::Vacant {
                continue;
            }
            line.kind = Kind::Vacant;
            let (hash, id) = (line.hash, id as LineId);
            if let Some(table) = &mut self.table
                && let Ok(entry) = table.find_entry(hash, |&other| other == id)
            {
                entry.remove();
            }
            self.free.push(id);
        }
    }

    /// How many lines are remembered.
    pub(crate) fn len(&self) -> usize {
        self.lines.len() - self.free.len()
    }

    /// Marks a line as the one that came now.
    #[inline]
    pub(crate) fn follow(&mut self, id: LineId) {
        match self.previous {
            NONE => self.first = id,
            previous => {
                if let Some(line) = self.lines.get_mut(previous as usize) {
                    line.successor = id;
                }
            }
        }
        self.previous = id;
        if let Some(line) = self.lines.get_mut(id as usize)
            && line.seen != self.scrape
        {
            line.seen = self.scrape;
            self.seen += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that were new, and the first letters of those that went.
    fn scrape(memory: &mut Memory, lines: &[&str]) -> (usize, String) {
        memory.begin();
        let mut new = 0;
        for raw in lines {
            let print = memory.print(0, raw.as_bytes());
            let number = SeriesRef(u64::from(raw.as_bytes()[0]));
            let id = memory.find(print).unwrap_or_else(|| {
                new += 1;
                memory.insert(print, Line::Series(number))
            });
            memory.appended(id);
        }
        let mut gone = String::new();
        memory.end(|number| gone.push(number.0 as u8 as char));
        (new, gone)
    }

    #[test]
    fn a_line_is_small() {
        assert_eq!(size_of::<Remembered>(), 24);
    }

    #[test]
    fn lines_are_known_again_in_any_order_and_end_when_they_stay_away() {
        let mut memory = Memory::new();
        for (lines, new, gone) in [
            (&["a", "b", "c"][..], 3, ""),
            (&["a", "b", "c"], 0, ""),
            (&["c", "a", "b"], 0, ""),
            (&["a", "c"], 0, "b"),
            (&["a", "c"], 0, ""),
            (&["b", "d"], 1, "ac"),
            (&[], 0, "bd"),
            (&["a", "b"], 0, ""),
            (&["a", "a"], 0, "b"),
        ] {
            let (was_new, was_gone) = scrape(&mut memory, lines);
            assert_eq!((was_new, was_gone.as_str()), (new, gone), "{lines:?}");
        }
    }

    #[test]
    fn lines_that_stay_away_for_long_are_forgotten() {
        let mut memory = Memory::new();
        for i in 0..100 {
            let fresh = format!("n{i}");
            scrape(&mut memory, &["a", &fresh]);
        }
        assert!(memory.len() <= 2 + usize::from(FORGET_AFTER_SCRAPES), "{}", memory.len());
        assert_eq!(scrape(&mut memory, &["a"]).0, 0);
    }

    #[test]
    fn a_scrape_that_is_given_up_made_nothing_live() {
        let mut memory = Memory::new();
        scrape(&mut memory, &["a"]);
        memory.begin();
        for raw in ["a", "b"] {
            let print = memory.print(0, raw.as_bytes());
            let id = memory.find(print);
            let id = id.unwrap_or_else(|| memory.insert(print, Line::Series(SeriesRef(1))));
            assert_eq!(memory.appended(id), raw == "b");
        }
        memory.abandon();
        let mut gone = 0;
        memory.end_all(|_| gone += 1);
        assert_eq!(gone, 1, "only what an earlier scrape made live");
    }

    #[test]
    fn a_target_that_is_steady_needs_no_table() {
        let mut memory = Memory::new();
        scrape(&mut memory, &["a", "b"]);
        assert!(memory.table.is_some());
        scrape(&mut memory, &["a", "b"]);
        assert!(memory.table.is_none());
        scrape(&mut memory, &["b", "a"]);
        assert!(memory.table.is_some());
    }

    #[test]
    fn lines_of_different_sorts_are_different() {
        let memory = Memory::new();
        assert_eq!(memory.print(1, b"a"), memory.print(1, b"a"));
        assert_ne!(memory.print(1, b"a"), memory.print(2, b"a"));
        assert_ne!(memory.print(1, b"a"), memory.print(1, b"b"));
    }
}
