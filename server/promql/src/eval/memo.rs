//! Remembers what was made of label sets seen lately.
//!
//! Where a query looks at some labels only, a store hands out the same few sets for thousands of
//! series, and clones of a set lie at one place in memory.

use common_model::Labels;

const PLACES: usize = 256;

/// What was made of sets, by where those lie.
pub(super) struct Memo<T> {
    places: Vec<Option<(Labels, T)>>,
}

impl<T> Default for Memo<T> {
    fn default() -> Memo<T> {
        Memo { places: Vec::new() }
    }
}

impl<T: Clone> Memo<T> {
    /// What was made of this set, made now if that is not known.
    pub(super) fn get(&mut self, labels: &Labels, make: impl FnOnce() -> T) -> T {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        // Sets are of some 64 bytes or more, so the lowest bits say little.
        let at = (labels.place() >> 4).wrapping_mul(0x9e37_79b9) >> 8;
        let place = &mut self.places[at % PLACES];
        match place {
            Some((known, made)) if known.place() == labels.place() => made.clone(),
            _ => {
                let made = make();
                *place = Some((labels.clone(), made.clone()));
                made
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_made_once_and_another_at_its_place_anew() {
        let mut memo = Memo::default();
        let mut count = 0;
        for number in [1, 1, 2, 2] {
            let labels = Labels::from_pairs([("a", number.to_string())]);
            for labels in [&labels, &labels.clone()] {
                let made = memo.get(labels, || {
                    count += 1;
                    labels.value("a").to_owned()
                });
                assert_eq!(made, number.to_string());
            }
        }
        // Sets that are equal but lie apart are made again: it is a memory, not a map.
        assert!((2..=4).contains(&count), "{count}");
    }
}
