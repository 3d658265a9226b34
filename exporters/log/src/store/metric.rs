//! One metric and its series.

use hashbrown::HashTable;

use super::series::{Buckets, Datum, Series, ValueKind, is_same};
use crate::vm::MetricSpec;

/// A series is not added because the metric has as many as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// A metric of a program.
#[derive(Debug)]
pub struct Metric {
    /// The program that declares it.
    pub program: String,
    /// What the program says of it.
    pub spec: MetricSpec,
    /// Series by number; a number whose series was removed is given away again.
    series: Vec<Option<Series>>,
    free: Vec<u32>,
    /// Numbers by labels.
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// The series that was asked for last, which is often asked for again, and its hash.
    last: u32,
    last_hash: u64,
    series_max: usize,
    /// Beyond as many the oldest one goes when one is added; 0 for none.
    limit: usize,
    refused_total: u64,
    replaced: bool,
}

impl Metric {
    pub(super) fn new(program: &str, spec: MetricSpec, series_max: usize, limit: i64) -> Metric {
        Metric {
            program: program.to_owned(),
            spec,
            series: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            last: u32::MAX,
            last_hash: 0,
            series_max,
            limit: usize::try_from(limit).unwrap_or(0),
            refused_total: 0,
            replaced: false,
        }
    }

    /// Takes the hasher of the store; before anything is added.
    pub(super) fn set_hasher(&mut self, hasher: &foldhash::fast::RandomState) {
        self.hasher = hasher.clone();
    }

    /// The series that is there before the first line.
    pub(super) fn preset(&mut self) {
        if self.spec.preset
            && let Ok(slot) = self.find_or_add(&[], 0)
            && let Some(series) = self.get_mut(slot)
        {
            // Nobody touched it yet.
            series.time_ns = 0;
        }
    }

    pub(super) fn is_replaced(&self) -> bool {
        self.replaced
    }

    /// Whether it is the same metric in another version of its program.
    pub(super) fn is_same_as(&self, new: &Metric) -> bool {
        let (old, new_spec) = (&self.spec, &new.spec);
        !self.replaced
            && self.program == new.program
            && old.name == new_spec.name
            && old.kind == new_spec.kind
            && old.values == new_spec.values
            && old.hidden == new_spec.hidden
    }

    /// Takes over what an earlier version holds, where labels and buckets are the same.
    pub(super) fn take_series(&mut self, old: &mut Metric) {
        old.replaced = true;
        if old.spec.keys == self.spec.keys && old.spec.buckets == self.spec.buckets {
            self.series = std::mem::take(&mut old.series);
            self.free = std::mem::take(&mut old.free);
            self.index = std::mem::take(&mut old.index);
            self.hasher = old.hasher.clone();
            self.refused_total = old.refused_total;
        } else {
            self.preset();
        }
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Series that were not added.
    #[must_use]
    pub fn refused_total(&self) -> u64 {
        self.refused_total
    }

    /// All series, the older first as long as none was removed.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().flatten()
    }

    /// A series by number.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&Series> {
        self.series.get(slot as usize)?.as_ref()
    }

    /// A series by number, to change.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Series> {
        self.series.get_mut(slot as usize)?.as_mut()
    }

    fn hash(&self, key: &[u8]) -> u64 {
        hash(&self.hasher, key)
    }

    /// The number of the series with these labels, encoded as [`super::Labels`] says.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        self.find_hashed(key, self.hash(key))
    }

    fn find_hashed(&self, key: &[u8], hash: u64) -> Option<u32> {
        let is = |slot: u32| self.get(slot).is_some_and(|series| is_same(&series.key, key));
        if self.last_hash == hash && is(self.last) {
            return Some(self.last);
        }
        self.index.find(hash, |&slot| is(slot)).copied()
    }

    /// The number of the series with these labels, which is added if there is none.
    ///
    /// # Errors
    /// Where the metric has as many as it may.
    pub fn find_or_add(&mut self, key: &[u8], now_ns: i64) -> Result<u32, Refused> {
        self.find_or_add_hashed(key, self.hash(key), now_ns)
    }

    /// As [`Metric::find_or_add`], with the hash that [`Store::hash`](super::Store::hash) gives.
    pub(crate) fn find_or_add_hashed(
        &mut self,
        key: &[u8],
        hash: u64,
        now_ns: i64,
    ) -> Result<u32, Refused> {
        if let Some(slot) = self.find_hashed(key, hash) {
            (self.last, self.last_hash) = (slot, hash);
            return Ok(slot);
        }
        self.add(key, hash, now_ns)
    }

    #[cold]
    fn add(&mut self, key: &[u8], key_hash: u64, now_ns: i64) -> Result<u32, Refused> {
        if self.limit > 0 && self.len() >= self.limit {
            self.evict_to(self.limit - 1);
        }
        if self.len() >= self.series_max {
            self.refused_total += 1;
            return Err(Refused);
        }
        // As in mtail, a histogram has no time before something is observed.
        let time_ns = if self.spec.values == ValueKind::Buckets { 0 } else { now_ns };
        let series = Series { key: key.into(), datum: self.zero(), time_ns, expiry_ns: 0 };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.series[slot as usize] = Some(series);
                slot
            }
            None => {
                let slot = u32::try_from(self.series.len()).map_err(|_| Refused)?;
                self.series.push(Some(series));
                slot
            }
        };
        let (list, hasher) = (&self.series, &self.hasher);
        self.index.insert_unique(key_hash, slot, |&slot| {
            let key = list[slot as usize].as_ref().map_or(&[][..], |series| &series.key);
            hash(hasher, key)
        });
        (self.last, self.last_hash) = (slot, key_hash);
        Ok(slot)
    }

    fn zero(&self) -> Datum {
        match self.spec.values {
            ValueKind::Int => Datum::Int(0),
            ValueKind::Float => Datum::Float(0.0),
            ValueKind::Text => Datum::Text(Box::default()),
            ValueKind::Buckets => {
                let counts = vec![0; self.spec.buckets.len()].into_boxed_slice();
                Datum::Buckets(Box::new(Buckets { counts, count: 0, sum: 0.0 }))
            }
        }
    }

    /// Removes the series with these labels, if there is one.
    pub fn remove(&mut self, key: &[u8]) {
        let Some(slot) = self.find(key) else { return };
        let hash = self.hash(key);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
        self.series[slot as usize] = None;
        self.free.push(slot);
    }

    /// Counts a value of a histogram.
    pub fn observe(&mut self, slot: u32, value: f64, time_ns: i64) {
        let Some(Some(series)) = self.series.get_mut(slot as usize) else { return };
        if let Datum::Buckets(buckets) = &mut series.datum {
            let bucket = self.spec.buckets.iter().position(|&(_, high)| value <= high);
            if let Some(count) = bucket.and_then(|bucket| buckets.counts.get_mut(bucket)) {
                *count += 1;
            }
            buckets.count += 1;
            buckets.sum += value;
            series.time_ns = time_ns;
        }
    }

    pub(super) fn expire(&mut self, now_ns: i64) {
        let old = |series: &&Series| {
            series.expiry_ns > 0 && now_ns.saturating_sub(series.time_ns) > series.expiry_ns
        };
        let keys: Vec<Box<[u8]>> = self.series().filter(old).map(|s| s.key.clone()).collect();
        for key in keys {
            self.remove(&key);
        }
    }

    pub(super) fn enforce_limit(&mut self) {
        let limit = usize::try_from(self.spec.limit).unwrap_or(0);
        if limit > 0 {
            self.evict_to(limit);
        }
    }

    /// Removes the oldest series until there are no more than `count`.
    fn evict_to(&mut self, count: usize) {
        let surplus = self.len().saturating_sub(count);
        if surplus == 0 {
            return;
        }
        let mut by_age: Vec<(i64, u32)> = Vec::with_capacity(self.len());
        for (slot, series) in self.series.iter().enumerate() {
            if let Some(series) = series {
                by_age.push((series.time_ns, u32::try_from(slot).unwrap_or(u32::MAX)));
            }
        }
        if surplus < by_age.len() {
            by_age.select_nth_unstable(surplus - 1);
        }
        for &(_, slot) in by_age.iter().take(surplus) {
            if let Some(key) = self.get(slot).map(|series| series.key.clone()) {
                self.remove(&key);
            }
        }
    }
}

/// The hash of encoded labels.
pub(super) fn hash(hasher: &foldhash::fast::RandomState, key: &[u8]) -> u64 {
    use std::hash::BuildHasher as _;
    if key.is_empty() { 0 } else { hasher.hash_one(key) }
}
