//! What texts were parsed to which moments.
//!
//! mtail remembers by the text alone: of two layouts for one text the first one's result counts, and
//! a text that was no time the first time means "now" from then on. Programs live with that.

use std::hash::BuildHasher as _;

use crate::go::time::Moment;
use crate::store::is_same;

/// As many as mtail remembers.
const MOMENTS_MAX: usize = 64;

#[derive(Debug)]
struct Entry {
    text: Vec<u8>,
    moment: Moment,
    /// When it was asked for, counted in questions.
    used: u64,
}

/// The moments of the texts that were asked for last.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The hash of each entry's text.
    hashes: Vec<u64>,
    entries: Vec<Entry>,
    /// The entry that was asked for last, which is often asked for again.
    last: usize,
    questions: u64,
    hasher: foldhash::fast::RandomState,
}

impl Memo {
    pub(super) fn get(&mut self, text: &[u8]) -> Option<Moment> {
        if let Some(last) = self.entries.get(self.last)
            && is_same(&last.text, text)
        {
            return Some(last.moment);
        }
        let hash = self.hasher.hash_one(text);
        let known = |index: &usize| {
            self.hashes[*index] == hash && is_same(&self.entries[*index].text, text)
        };
        let index = (0..self.entries.len()).find(known)?;
        self.touch(index);
        Some(self.entries[index].moment)
    }

    /// Adds what [`Memo::get`] did not find.
    pub(super) fn add(&mut self, text: &[u8], moment: Moment) {
        let hash = self.hasher.hash_one(text);
        if self.entries.len() < MOMENTS_MAX {
            self.hashes.push(hash);
            self.entries.push(Entry { text: text.to_vec(), moment, used: 0 });
            return self.touch(self.entries.len() - 1);
        }
        let by_age = self.entries.iter_mut().enumerate().min_by_key(|(_, entry)| entry.used);
        if let Some((oldest, entry)) = by_age {
            entry.text.clear();
            entry.text.extend_from_slice(text);
            entry.moment = moment;
            self.hashes[oldest] = hash;
            self.touch(oldest);
        }
    }

    fn touch(&mut self, index: usize) {
        self.questions += 1;
        self.entries[index].used = self.questions;
        self.last = index;
    }
}

#[cfg(test)]
mod tests {
    use super::{MOMENTS_MAX, Memo};
    use crate::go::time::Moment;

    #[test]
    fn the_text_that_was_not_asked_for_longest_is_forgotten() {
        let mut memo = Memo::default();
        let moment = |seconds| Moment { seconds, nanoseconds: 0 };
        for number in 0..64 {
            memo.add(&[number], moment(i64::from(number)));
        }
        assert_eq!(memo.get(&[0]), Some(moment(0)));
        memo.add(b"new", moment(100));
        assert_eq!(memo.get(&[1]), None);
        assert_eq!(memo.get(&[0]), Some(moment(0)));
        assert_eq!(memo.get(b"new"), Some(moment(100)));
        memo.add(b"newer", moment(101));
        assert_eq!(memo.get(&[2]), None);
        assert_eq!(memo.entries.len(), MOMENTS_MAX);
    }
}
