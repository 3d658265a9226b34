//! Which series there are: by labels, by number, by single label.

use std::ops::Range;

use common_model::Labels;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::RwLock;

use super::arrivals::{Arrivals, short};
use super::pages::Pages;
use super::postings::Postings;
use super::{Pair, Series, Symbols};

/// Largest series number that is given out: pages of numbers, and 40 bits in Prometheus' head.
const ID_MAX: u32 = u32::MAX - 1;

/// A number from the log that is further ahead of the others than that is not taken over: the
/// directory of pages reaches up to the largest one.
const ID_GAP_MAX: u32 = 1 << 26;

/// The directory of the head.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) pages: Pages,
    pub(crate) postings: Postings,
    /// Half of the hash of the labels, and the number.
    by_labels: HashTable<(u32, u32)>,
    last_id: u32,
    /// Labels of the newest series, which are much like those of the next one.
    newest: Vec<Pair>,
    /// A buffer for those of the next ones.
    spare: Vec<Pair>,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.by_labels.len()
    }

    /// The number of the series with these labels.
    pub(crate) fn find(&self, labels: &Labels, symbols: &RwLock<Symbols>) -> Option<u32> {
        self.find_hashed(short_hash(labels), labels, symbols)
    }

    fn find_hashed(&self, short: u32, labels: &Labels, symbols: &RwLock<Symbols>) -> Option<u32> {
        let same = |entry: &(u32, u32)| {
            entry.0 == short
                && self.pages.get(entry.1).is_some_and(|page| {
                    let series = page.series.read();
                    let pairs = series.get(entry.1).map(|series| &series.labels);
                    pairs.is_some_and(|pairs| symbols.read().same(pairs, labels))
                })
        };
        self.by_labels.find(spread(short), same).map(|entry| entry.1)
    }

    /// The number of the series with these labels, and whether it was made just now, under `wanted`
    /// where that number is free; `None` where there are `series_max` or no numbers left.
    pub(crate) fn find_or_insert(
        &mut self,
        labels: &Labels,
        wanted: Option<u32>,
        series_max: usize,
        symbols: &RwLock<Symbols>,
    ) -> Option<(u32, bool)> {
        let short = short_hash(labels);
        if let Some(id) = self.find_hashed(short, labels, symbols) {
            return Some((id, false));
        }
        if self.len() >= series_max {
            return None;
        }
        let free = wanted.filter(|id| *id > 0 && self.is_near(*id) && !self.contains(*id));
        let id = match free {
            Some(id) => id,
            None => self.last_id.checked_add(1).filter(|id| *id <= ID_MAX)?,
        };
        self.by_labels.insert_unique(spread(short), (short, id), |entry| spread(entry.0));
        self.last_id = self.last_id.max(id);
        let added = self.add_claimed(&Arrivals::one(id, short, labels), 0, 1, symbols);
        (added > 0).then_some((id, true))
    }

    /// Adds series from the one at `from` on, up to the first whose labels or number may be there
    /// already, or whose labels are no text; says how many were added.
    pub(crate) fn add(
        &mut self,
        arrivals: &Arrivals<'_>,
        from: usize,
        symbols: &RwLock<Symbols>,
    ) -> usize {
        let claimed = self.claim(arrivals, from);
        self.add_claimed(arrivals, from, claimed, symbols)
    }

    /// Adds so many series whose labels and numbers were entered, or forgets those again.
    fn add_claimed(
        &mut self,
        arrivals: &Arrivals<'_>,
        from: usize,
        claimed: usize,
        symbols: &RwLock<Symbols>,
    ) -> usize {
        let mut pairs = std::mem::take(&mut self.spare);
        pairs.clear();
        let count = self.acquire(arrivals, from..from + claimed, &mut symbols.write(), &mut pairs);
        for set in &arrivals.sets()[from + count..from + claimed] {
            self.forget(set.short, set.id);
        }
        let sets = &arrivals.sets()[from..from + count];
        let first = arrivals.places(from).start;
        let pairs_of = |at: usize| {
            let places = arrivals.places(from + at);
            &pairs[places.start - first..places.end - first]
        };
        self.pages.insert_all(sets.iter().map(|set| set.id), |at, id| {
            Series::new(id, pairs_of(at).into(), arrivals.logged)
        });
        self.postings.insert_all(sets.iter().enumerate().map(|(at, set)| (set.id, pairs_of(at))));
        if let Some(last) = count.checked_sub(1) {
            self.newest.clear();
            self.newest.extend_from_slice(pairs_of(last));
        }
        self.spare = pairs;
        count
    }

    /// Enters labels and numbers as long as both are new and the numbers ascend; says how many.
    fn claim(&mut self, arrivals: &Arrivals<'_>, from: usize) -> usize {
        let mut before = 0;
        for (count, set) in arrivals.sets()[from..].iter().enumerate() {
            let is_free = set.id > self.last_id || !self.contains(set.id);
            if set.id <= before || !self.is_near(set.id) || !is_free {
                return count;
            }
            let same = |entry: &(u32, u32)| entry.0 == set.short;
            let entry = self.by_labels.entry(spread(set.short), same, |entry| spread(entry.0));
            let Entry::Vacant(place) = entry else { return count };
            place.insert((set.short, set.id));
            before = set.id;
            self.last_id = self.last_id.max(set.id);
        }
        arrivals.len() - from
    }

    /// Turns labels into numbers, as long as that goes; says of how many sets.
    fn acquire(
        &self,
        arrivals: &Arrivals<'_>,
        range: Range<usize>,
        symbols: &mut Symbols,
        pairs: &mut Vec<Pair>,
    ) -> usize {
        let mut before = 0..0;
        let sets = range.len();
        for (count, set) in range.enumerate() {
            let start = pairs.len();
            let (_, labels) = arrivals.get(set);
            for (at, (name, value)) in labels.iter().enumerate() {
                let like = match count {
                    0 => self.newest.get(at),
                    _ => pairs[before.clone()].get(at),
                };
                let Some(pair) = symbols.acquire_pair((name, value), like.copied()) else {
                    pairs.drain(start..).for_each(|pair| symbols.release_pair(pair));
                    return count;
                };
                pairs.push(pair);
            }
            before = start..pairs.len();
        }
        sets
    }

    fn forget(&mut self, short: u32, id: u32) {
        if let Ok(entry) = self.by_labels.find_entry(spread(short), |e| *e == (short, id)) {
            entry.remove();
        }
    }

    fn contains(&self, id: u32) -> bool {
        self.pages.get(id).is_some_and(|page| page.series.read().get(id).is_some())
    }

    /// Numbers up to this one are never given out again.
    pub(crate) fn reserve_ids(&mut self, last: u32) {
        if self.is_near(last) {
            self.last_id = self.last_id.max(last);
        }
    }

    fn is_near(&self, id: u32) -> bool {
        id <= self.last_id.saturating_add(ID_GAP_MAX).min(ID_MAX)
    }

    /// Forgets those of the candidates that `removable` agrees to lose; returns their numbers,
    /// sorted.
    pub(crate) fn remove(
        &mut self,
        candidates: &[u32],
        symbols: &RwLock<Symbols>,
        removable: impl Fn(&Series) -> bool,
    ) -> Vec<u32> {
        let mut removed = Vec::new();
        let mut touched = Vec::new();
        for &id in candidates {
            let Some(series) = self.pages.remove_if(id, &removable) else { continue };
            let short = short_hash(&symbols.read().labels(&series.labels));
            self.forget(short, id);
            touched.extend_from_slice(&series.labels);
            removed.push(id);
        }
        removed.sort_unstable();
        self.postings.remove(&removed, &touched);
        // Not before the pages are let go: symbols are locked last.
        let mut symbols = symbols.write();
        touched.into_iter().for_each(|pair| symbols.release_pair(pair));
        removed
    }
}

fn short_hash(labels: &Labels) -> u32 {
    short(labels.hash64())
}

/// Half a hash made whole: the table takes bits from both ends.
fn spread(short: u32) -> u64 {
    u64::from(short).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
