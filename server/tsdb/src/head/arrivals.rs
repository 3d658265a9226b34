//! Label sets whose series are to be added together: those that a record of the log names.

use std::ops::Range;

use common_model::Labels;

/// Name and value of a label, as bytes that nobody looked at.
pub(crate) type RawPair<'a> = (&'a [u8], &'a [u8]);

/// Label sets one behind the other, each with the number that its series is to get.
#[derive(Debug, Default)]
pub(crate) struct Arrivals<'a> {
    sets: Vec<Arrival>,
    pairs: Vec<RawPair<'a>>,
    /// Whether the log names them.
    pub(crate) logged: bool,
    /// Where sets are put together to be hashed.
    form: Vec<u8>,
}

/// One of the sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) id: u32,
    /// Half the hash of its labels.
    pub(super) short: u32,
    /// Where its pairs end.
    end: u32,
}

impl<'a> Arrivals<'a> {
    /// Sets that the log names.
    pub(crate) fn logged() -> Arrivals<'a> {
        Arrivals { logged: true, ..Arrivals::default() }
    }

    /// One set that the log does not name yet.
    pub(super) fn one(id: u32, short: u32, labels: &'a Labels) -> Arrivals<'a> {
        let bytes = labels.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let pairs: Vec<RawPair<'a>> = bytes.collect();
        let end = pairs.len() as u32;
        Arrivals { sets: vec![Arrival { id, short, end }], pairs, ..Arrivals::default() }
    }

    /// Adds a set that is sorted by name.
    pub(crate) fn push(&mut self, id: u32, pairs: &[RawPair<'a>]) {
        let short = short(Labels::hash64_of_sorted(&mut self.form, pairs.iter().copied()));
        self.pairs.extend_from_slice(pairs);
        // Pairs of one record, which has at most 256 MiB.
        self.sets.push(Arrival { id, short, end: self.pairs.len() as u32 });
    }

    pub(crate) fn clear(&mut self) {
        self.sets.clear();
        self.pairs.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.sets.len()
    }

    /// The number a set is to get, and its pairs.
    pub(crate) fn get(&self, at: usize) -> (u32, &[RawPair<'a>]) {
        (self.sets[at].id, &self.pairs[self.places(at)])
    }

    pub(super) fn sets(&self) -> &[Arrival] {
        &self.sets
    }

    /// Where the pairs of a set stand among all.
    pub(super) fn places(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.sets[before].end);
        start as usize..self.sets[at].end as usize
    }
}

/// Half a hash, which is what the directory keeps.
pub(super) fn short(hash: u64) -> u32 {
    hash as u32
}
