//! What is remembered of a target from scrape to scrape: which lines came, in which order, and
//! which series each of them is.
//!
//! A steady target sends the same lines in the same order. Each remembered line knows its successor,
//! so a steady scrape costs one comparison of bytes a line: no hashing, no label building, no
//! allocation.

use std::hash::{BuildHasher, RandomState};

use common_model::Labels;
use server_storage::SeriesRef;

/// Position of a remembered line.
pub(crate) type LineId = u32;

const NONE: LineId = LineId::MAX;

/// What a line of the exposition turned out to be.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// A series, with the labels it is stored under.
    Series {
        /// The store's number; zero until the first append succeeded.
        series: SeriesRef,
        /// Labels after relabeling.
        labels: Labels,
    },
    /// Dropped by relabeling; remembered so that it is not relabeled again.
    Dropped,
}

#[derive(Debug)]
struct Remembered {
    raw: Box<[u8]>,
    line: Line,
    hash: u64,
    /// The line that followed this one last time.
    successor: LineId,
    /// The scrape that saw this line last.
    seen: u64,
    /// Whether the newest sample is a value, not a stale marker. Lines with timestamps of their
    /// own are not tracked.
    live: bool,
    /// The scrape that made it live.
    live_since: u64,
}

/// The lines of one target.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    lines: Vec<Option<Remembered>>,
    free: Vec<LineId>,
    by_hash: hashbrown::HashTable<LineId>,
    hasher: RandomState,
    first: LineId,
    previous: LineId,
    scrape: u64,
    /// Different lines that came in this scrape.
    seen: usize,
}

/// After that many scrapes a line that no longer comes is forgotten.
const FORGET_AFTER_SCRAPES: u64 = 10;

impl Memory {
    pub(crate) fn new() -> Memory {
        Memory { first: NONE, previous: NONE, ..Memory::default() }
    }

    /// Begins a scrape.
    pub(crate) fn begin(&mut self) {
        self.scrape += 1;
        self.previous = NONE;
        self.seen = 0;
    }

    /// The bytes of the line that should come next, when the target goes on as last time.
    pub(crate) fn expected(&self) -> Option<&[u8]> {
        self.line(self.expected_id()).map(|line| &*line.raw)
    }

    /// Marks the expected line as seen.
    pub(crate) fn take_expected(&mut self) -> LineId {
        let id = self.expected_id();
        self.follow(id);
        id
    }

    /// The remembered line with these bytes, marked as seen; `None` for a line that is new.
    pub(crate) fn find(&mut self, raw: &[u8]) -> Option<LineId> {
        let expected = self.expected_id();
        let id = match self.line(expected) {
            Some(line) if *line.raw == *raw => expected,
            _ => {
                let hash = self.hasher.hash_one(raw);
                let same = |id: &LineId| self.line(*id).is_some_and(|line| *line.raw == *raw);
                *self.by_hash.find(hash, same)?
            }
        };
        self.follow(id);
        Some(id)
    }

    /// Remembers a new line and marks it as seen.
    pub(crate) fn insert(&mut self, raw: &[u8], line: Line) -> LineId {
        let hash = self.hasher.hash_one(raw);
        let remembered = Remembered {
            raw: raw.into(),
            line,
            hash,
            successor: NONE,
            seen: 0,
            live: false,
            live_since: 0,
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.lines[id as usize] = Some(remembered);
                id
            }
            None => {
                self.lines.push(Some(remembered));
                (self.lines.len() - 1) as LineId
            }
        };
        let lines = &self.lines;
        self.by_hash
            .insert_unique(hash, id, |&id| lines[id as usize].as_ref().map_or(0, |line| line.hash));
        self.follow(id);
        id
    }

    /// What a remembered line is.
    pub(crate) fn get(&self, id: LineId) -> Option<&Line> {
        self.line(id).map(|line| &line.line)
    }

    /// What the line seen last is.
    pub(crate) fn last(&self) -> Option<&Line> {
        self.get(self.previous)
    }

    /// Notes that a value was appended for a line, under this number. Says whether the series was
    /// not live before, that is, whether it counts as added.
    pub(crate) fn appended(&mut self, id: LineId, appended: SeriesRef) -> bool {
        let Some(Some(line)) = self.lines.get_mut(id as usize) else { return false };
        if let Line::Series { series, .. } = &mut line.line {
            *series = appended;
        }
        let added = !std::mem::replace(&mut line.live, true);
        if added {
            line.live_since = self.scrape;
        }
        added
    }

    /// Notes the number of a line whose staleness is its target's business.
    pub(crate) fn renumber(&mut self, id: LineId, number: SeriesRef) {
        if let Some(Some(Remembered { line: Line::Series { series, .. }, .. })) =
            self.lines.get_mut(id as usize)
        {
            *series = number;
        }
    }

    /// Ends a scrape: hands every series that was live and did not come to `gone`, and forgets
    /// lines that have not come for long.
    pub(crate) fn end(&mut self, mut gone: impl FnMut(SeriesRef, &Labels)) {
        if self.seen == self.len() {
            return;
        }
        for id in 0..self.lines.len() {
            let Some(line) = &mut self.lines[id] else { continue };
            if line.seen == self.scrape {
                continue;
            }
            if line.live {
                line.live = false;
                if let Line::Series { series, labels } = &line.line {
                    gone(*series, labels);
                }
            }
            if line.seen + FORGET_AFTER_SCRAPES < self.scrape {
                self.forget(id as LineId);
            }
        }
    }

    /// Gives up a scrape whose samples are not kept: what it made live never was.
    pub(crate) fn abandon(&mut self) {
        let scrape = self.scrape;
        for line in self.lines.iter_mut().flatten() {
            if line.live && line.live_since == scrape {
                line.live = false;
            }
        }
    }

    /// Every live series ends now: the target failed or is gone.
    pub(crate) fn end_all(&mut self, mut gone: impl FnMut(SeriesRef, &Labels)) {
        for line in self.lines.iter_mut().flatten() {
            if line.live {
                line.live = false;
                if let Line::Series { series, labels } = &line.line {
                    gone(*series, labels);
                }
            }
        }
    }

    /// How many lines are remembered.
    pub(crate) fn len(&self) -> usize {
        self.lines.len() - self.free.len()
    }

    fn expected_id(&self) -> LineId {
        match self.previous {
            NONE => self.first,
            previous => self.line(previous).map_or(NONE, |line| line.successor),
        }
    }

    fn line(&self, id: LineId) -> Option<&Remembered> {
        self.lines.get(id as usize)?.as_ref()
    }

    fn follow(&mut self, id: LineId) {
        match self.previous {
            NONE => self.first = id,
            previous => {
                if let Some(Some(line)) = self.lines.get_mut(previous as usize) {
                    line.successor = id;
                }
            }
        }
        self.previous = id;
        if let Some(Some(line)) = self.lines.get_mut(id as usize)
            && line.seen != self.scrape
        {
            line.seen = self.scrape;
            self.seen += 1;
        }
    }

    fn forget(&mut self, id: LineId) {
        if let Some(line) = self.lines[id as usize].take() {
            if let Ok(entry) = self.by_hash.find_entry(line.hash, |&other| other == id) {
                entry.remove();
            }
            self.free.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(memory: &mut Memory, lines: &[&str]) -> (usize, Vec<String>) {
        memory.begin();
        let mut new = 0;
        for raw in lines {
            let id = memory.find(raw.as_bytes()).unwrap_or_else(|| {
                new += 1;
                let labels = Labels::from_pairs([("__name__", *raw)]);
                memory.insert(raw.as_bytes(), Line::Series { series: SeriesRef(0), labels })
            });
            memory.appended(id, SeriesRef(7));
        }
        let mut gone = Vec::new();
        memory.end(|_, labels| gone.push(labels.metric_name().to_owned()));
        gone.sort();
        (new, gone)
    }

    #[test]
    fn lines_are_known_again_in_any_order_and_end_when_they_stay_away() {
        let mut memory = Memory::new();
        for (lines, new, gone) in [
            (&["a", "b", "c"][..], 3, &[][..]),
            (&["a", "b", "c"], 0, &[]),
            (&["c", "a", "b"], 0, &[]),
            (&["a", "c"], 0, &["b"]),
            (&["a", "c"], 0, &[]),
            (&["b", "d"], 1, &["a", "c"]),
            (&[], 0, &["b", "d"]),
            (&["a", "b"], 0, &[]),
            (&["a", "a"], 0, &["b"]),
        ] {
            let (was_new, was_gone) = scrape(&mut memory, lines);
            assert_eq!((was_new, was_gone), (new, gone.iter().map(|s| s.to_string()).collect()));
        }
    }

    #[test]
    fn lines_that_stay_away_for_long_are_forgotten() {
        let mut memory = Memory::new();
        for i in 0..100 {
            let fresh = format!("n{i}");
            scrape(&mut memory, &["a", &fresh]);
        }
        assert!(memory.len() <= 2 + FORGET_AFTER_SCRAPES as usize, "{}", memory.len());
        assert_eq!(scrape(&mut memory, &["a"]).0, 0);
    }
}
