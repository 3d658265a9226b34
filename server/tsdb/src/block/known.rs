//! Labels of blocks' series that were read lately, so that the queries of a dashboard or a rule need
//! not put them together every time.

use std::fmt;
use std::sync::OnceLock;

use common_model::Labels;
use parking_lot::Mutex;

/// How many sets are remembered at most: with sets of [`SET_BYTES_MAX`] some 4 MiB.
const PLACES: usize = PAGES * PAGE_PLACES;
const PAGES: usize = 128;
const PAGE_PLACES: usize = 64;
/// Larger sets are not remembered.
const SET_BYTES_MAX: usize = 512;

/// Which series: the block's serial number, and the series' number in it.
type Key = (u32, u32);
type Place = Mutex<Option<(Key, Labels)>>;

/// Remembers sets by series. One place for each, which the next set that belongs there takes over.
pub(crate) struct KnownLabels {
    /// Made when something is to be put there.
    pages: [OnceLock<Box<[Place]>>; PAGES],
}

impl Default for KnownLabels {
    fn default() -> KnownLabels {
        KnownLabels { pages: [const { OnceLock::new() }; PAGES] }
    }
}

impl fmt::Debug for KnownLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownLabels").finish_non_exhaustive()
    }
}

impl KnownLabels {
    /// The labels of a series, if they are remembered.
    pub(crate) fn get(&self, key: Key) -> Option<Labels> {
        let (page, at) = place(key);
        let known = self.pages[page].get()?[at].lock();
        known.as_ref().filter(|(other, _)| *other == key).map(|(_, labels)| labels.clone())
    }

    /// Remembers the labels of a series.
    pub(crate) fn put(&self, key: Key, labels: &Labels) {
        if labels.heap_bytes() > SET_BYTES_MAX {
            return;
        }
        let (page, at) = place(key);
        let page =
            self.pages[page].get_or_init(|| (0..PAGE_PLACES).map(|_| Place::default()).collect());
        let before = page[at].lock().replace((key, labels.clone()));
        // Freed without the lock.
        drop(before);
    }
}

/// Series that stand together in a block, as those of a metric do, have places apart.
fn place((block, series): Key) -> (usize, usize) {
    let key = u64::from(block) << 32 | u64::from(series);
    let at = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % PLACES;
    (at / PAGE_PLACES, at % PAGE_PLACES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(number: u32) -> Labels {
        Labels::from_pairs([("n", number.to_string())])
    }

    #[test]
    fn a_series_has_its_own_labels_or_none() {
        let known = KnownLabels::default();
        let count = 4 * PLACES as u32;
        for number in 0..count {
            known.put((number % 3, number), &labels(number));
        }
        let mut found = 0;
        for number in 0..count {
            if let Some(labels_found) = known.get((number % 3, number)) {
                assert_eq!(labels_found, labels(number));
                found += 1;
            }
            assert_eq!(known.get((3, number)), None);
        }
        assert!((PLACES / 2..=PLACES).contains(&found), "{found} of {PLACES} places are used");
    }

    #[test]
    fn a_large_set_is_not_remembered() {
        let known = KnownLabels::default();
        known.put((1, 1), &Labels::from_pairs([("a", "b".repeat(SET_BYTES_MAX))]));
        assert_eq!(known.get((1, 1)), None);
    }
}
