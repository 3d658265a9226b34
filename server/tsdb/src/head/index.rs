//! Which series there are: by labels, by number, by single label.

use common_model::Labels;
use hashbrown::HashTable;
use parking_lot::RwLock;

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
    /// A buffer for those of the next one.
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
        self.acquire(labels, &mut symbols.write())?;
        self.last_id = self.last_id.max(id);
        self.postings.insert(id, &self.newest);
        self.pages.insert(Series::new(id, self.newest.as_slice().into()));
        self.by_labels.insert_unique(spread(short), (short, id), |entry| spread(entry.0));
        Some((id, true))
    }

    /// Makes labels those of the newest series.
    fn acquire(&mut self, labels: &Labels, symbols: &mut Symbols) -> Option<()> {
        let like = std::mem::take(&mut self.newest);
        let mut pairs = std::mem::take(&mut self.spare);
        pairs.clear();
        for (at, (name, value)) in labels.iter().enumerate() {
            let like = like.get(at);
            let name = symbols.acquire_like(name, like.map(|pair| pair.name))?;
            let value = symbols.acquire_like(value, like.map(|pair| pair.value))?;
            pairs.push(Pair { name, value });
        }
        (self.newest, self.spare) = (pairs, like);
        Some(())
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
            if let Ok(entry) = self.by_labels.find_entry(spread(short), |e| *e == (short, id)) {
                entry.remove();
            }
            touched.extend_from_slice(&series.labels);
            removed.push(id);
        }
        removed.sort_unstable();
        self.postings.remove(&removed, &touched);
        // Not before the pages are let go: symbols are locked last.
        let mut symbols = symbols.write();
        for pair in touched {
            symbols.release(pair.name);
            symbols.release(pair.value);
        }
        removed
    }
}

fn short_hash(labels: &Labels) -> u32 {
    labels.hash64() as u32
}

/// Half a hash made whole: the table takes bits from both ends.
fn spread(short: u32) -> u64 {
    u64::from(short).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
