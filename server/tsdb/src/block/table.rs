//! The postings offset table: which list of series belongs to which label name and value.

use super::flaw::{self, Flaw, flaw};
use crate::codec::Cursor;
use crate::fs::Mapped;

/// Of so many entries one is kept in memory, the others are walked.
const STEP: usize = 32;

/// The table: an outline in memory, the entries in the file.
#[derive(Debug)]
pub(crate) struct PostingsTable {
    bytes: Mapped,
    /// Position of the section's contents.
    start: u64,
    /// Sorted by name.
    names: Vec<Name>,
    /// Position of the list of all series.
    all: Option<u64>,
}

/// The values of one label.
#[derive(Debug)]
struct Name {
    name: Box<str>,
    /// Number of values.
    values: usize,
    /// Position of every `step`th entry in the contents, in order of values.
    outline: Vec<u32>,
    step: usize,
}

/// One entry.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    name: &'a str,
    value: &'a str,
    postings: u64,
}

impl PostingsTable {
    /// Checks and reads the section. `sorted` is false for the first version of the format.
    pub(super) fn open(bytes: &Mapped, start: u64, sorted: bool) -> Result<PostingsTable, Flaw> {
        let short = "postings table is cut short";
        let contents = flaw::section(bytes, start, short, "postings table has a wrong checksum")?;
        let start = start + flaw::CRC_BYTES as u64;
        let mut cursor = Cursor { rest: contents };
        let count = flaw::be32(&mut cursor).ok_or_else(flaw(start, short))?;
        let mut table = PostingsTable { bytes: bytes.clone(), start, names: Vec::new(), all: None };
        let mut loose: Vec<(&str, &str, u32)> = Vec::new();
        let mut before: Option<(&str, &str)> = None;
        for _ in 0..count {
            let at = contents.len() - cursor.rest.len();
            let wrong = |what| Flaw { offset: start + at as u64, what };
            let entry = entry(&mut cursor).ok_or(wrong("postings table has a broken entry"))?;
            let key = (entry.name, entry.value);
            if key == ("", "") {
                table.all = Some(entry.postings);
            } else if !sorted {
                loose.push((entry.name, entry.value, at as u32));
            } else if before.is_some_and(|before| before >= key) {
                return Err(wrong("postings table is not sorted"));
            } else {
                table.push(entry.name, at as u32, STEP);
                before = Some(key);
            }
        }
        loose.sort_unstable();
        for (name, _, at) in loose {
            table.push(name, at, 1);
        }
        for name in &mut table.names {
            name.outline.shrink_to_fit();
        }
        Ok(table)
    }

    fn push(&mut self, name: &str, at: u32, step: usize) {
        if self.names.last().is_none_or(|last| &*last.name != name) {
            self.names.push(Name { name: name.into(), values: 0, outline: Vec::new(), step });
        }
        if let Some(last) = self.names.last_mut() {
            if last.values.is_multiple_of(step) {
                last.outline.push(at);
            }
            last.values += 1;
        }
    }

    /// Position of the list of all series.
    pub(crate) fn all(&self) -> Option<u64> {
        self.all
    }

    /// Names of labels and how many values each has, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().map(|name| (&*name.name, name.values))
    }

    /// Position of the list of series with a label.
    pub(crate) fn find(&self, name: &str, value: &str) -> Result<Option<u64>, Flaw> {
        let Some(found) = self.name(name) else { return Ok(None) };
        let mut postings = None;
        self.walk(found, found.before(self, value)?, &mut |entry| {
            if entry.value == value {
                postings = Some(entry.postings);
            }
            entry.value < value
        })?;
        Ok(postings)
    }

    /// Values of a label from `first` on, in order, each with the position of its list, until `each`
    /// says false.
    pub(crate) fn values(
        &self,
        name: &str,
        first: &str,
        each: &mut dyn FnMut(&str, u64) -> bool,
    ) -> Result<(), Flaw> {
        let Some(found) = self.name(name) else { return Ok(()) };
        self.walk(found, found.before(self, first)?, &mut |entry| {
            entry.value < first || each(entry.value, entry.postings)
        })
    }

    fn name(&self, name: &str) -> Option<&Name> {
        let at = self.names.binary_search_by(|other| (*other.name).cmp(name)).ok()?;
        self.names.get(at)
    }

    fn cursor(&self, at: u32) -> Cursor<'_> {
        let rest = flaw::from(&self.bytes, self.start + u64::from(at)).unwrap_or_default();
        Cursor { rest }
    }

    fn entry(&self, at: u32) -> Result<Entry<'_>, Flaw> {
        entry(&mut self.cursor(at)).ok_or_else(self.broken(at))
    }

    fn broken(&self, at: u32) -> impl Fn() -> Flaw {
        flaw(self.start + u64::from(at), "postings table has a broken entry")
    }

    /// Calls `each` with the entries of a label from a place of its outline on, until it says false.
    fn walk(
        &self,
        name: &Name,
        from: usize,
        each: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<(), Flaw> {
        for (place, &at) in name.outline.iter().enumerate().skip(from) {
            let mut cursor = self.cursor(at);
            let left = name.values - place * name.step;
            for _ in 0..left.min(name.step) {
                if !each(entry(&mut cursor).ok_or_else(self.broken(at))?) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Bytes taken from the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let names = self.names.capacity() * size_of::<Name>();
        let own = |name: &Name| name.name.len() + name.outline.capacity() * size_of::<u32>();
        names + self.names.iter().map(own).sum::<usize>()
    }
}

impl Name {
    /// The last place of the outline whose value is not behind `value`.
    fn before(&self, table: &PostingsTable, value: &str) -> Result<usize, Flaw> {
        let (mut low, mut high) = (0, self.outline.len());
        while low < high {
            let middle = low.midpoint(high);
            if table.entry(self.outline[middle])?.value <= value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.saturating_sub(1))
    }
}

fn entry<'a>(cursor: &mut Cursor<'a>) -> Option<Entry<'a>> {
    // The number of texts in the key.
    if cursor.uvarint()? != 2 {
        return None;
    }
    let (name, value) = (cursor.text()?, cursor.text()?);
    Some(Entry { name, value, postings: cursor.uvarint()? })
}
