//! Exemplars of all series in one ring: when it is full the newest takes the place of the oldest,
//! whichever series that has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use common_model::{Labels, Matcher};
use parking_lot::RwLock;
use server_storage::{SeriesExemplars, StoredExemplar};

/// Characters that names and values of an exemplar's labels may have together, as OpenMetrics says.
pub(crate) const LABEL_CHARS_MAX: usize = 128;
/// Exemplars that a ring holds at most, whatever is configured: positions are 32 bits wide.
pub(crate) const EXEMPLARS_MAX: usize = 1 << 24;

/// No further exemplar of the series.
const NONE: u32 = u32::MAX;

/// An exemplar of a series.
#[derive(Clone, Debug)]
pub(crate) struct Offered {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
    pub(crate) time: i64,
    /// Whether the target gave the time; otherwise it is that of the sample.
    pub(crate) own_time: bool,
}

/// What becomes of an exemplar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fresh,
    /// The newest of its series already, or there is no ring: nothing to do, and no error.
    Superfluous,
    OutOfOrder,
    TooLong,
}

/// The ring, behind its lock; nothing is allocated while it is empty.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    /// How many fit; zero while exemplars are not stored.
    max: AtomicUsize,
    ring: RwLock<Ring>,
    pub(crate) appended: AtomicU64,
    pub(crate) out_of_order: AtomicU64,
    /// Too long, or of an unknown series.
    pub(crate) refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Ring {
    slots: Vec<Slot>,
    /// The next slot to be written, once all of them are taken.
    next: usize,
    chains: HashMap<Labels, Chain, foldhash::quality::RandomState>,
}

#[derive(Debug)]
struct Slot {
    series: Labels,
    exemplar: Offered,
    /// The following exemplar of the same series.
    next: u32,
}

/// Positions of a series' exemplars.
#[derive(Clone, Copy, Debug)]
struct Chain {
    oldest: u32,
    newest: u32,
}

/// How the ring is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filling {
    pub(crate) exemplars: usize,
    pub(crate) series: usize,
    /// Time of the oldest exemplar; zero where there is none.
    pub(crate) oldest_time: i64,
    pub(crate) max: usize,
}

impl Exemplars {
    /// Whether exemplars are stored.
    pub(crate) fn is_on(&self) -> bool {
        self.max.load(Ordering::Relaxed) > 0
    }

    /// Sets how many exemplars there may be; the newest of those there are stay. Returns the size
    /// before and how many stayed.
    pub(crate) fn resize(&self, max: usize) -> (usize, usize) {
        let max = max.min(EXEMPLARS_MAX);
        let mut ring = self.ring.write();
        let before = self.max.swap(max, Ordering::Relaxed);
        if before != max {
            let old = std::mem::take(&mut *ring);
            let surplus = old.slots.len().saturating_sub(max);
            for slot in old.into_oldest_first().skip(surplus) {
                ring.push(slot.series, slot.exemplar, max);
            }
        }
        (before, ring.slots.len())
    }

    /// What would become of an exemplar that was added now.
    pub(crate) fn judge(&self, series: &Labels, exemplar: &Offered) -> Verdict {
        if !self.is_on() {
            return Verdict::Superfluous;
        }
        let chars: usize =
            exemplar.labels.iter().map(|(n, v)| n.chars().count() + v.chars().count()).sum();
        if chars > LABEL_CHARS_MAX {
            return Verdict::TooLong;
        }
        self.ring.read().place(series, exemplar)
    }

    /// Adds an exemplar where it is still in order.
    pub(crate) fn add(&self, series: &Labels, exemplar: Offered) -> Verdict {
        let mut ring = self.ring.write();
        let max = self.max.load(Ordering::Relaxed);
        if max == 0 {
            return Verdict::Superfluous;
        }
        let verdict = ring.place(series, &exemplar);
        match verdict {
            Verdict::Fresh => {
                ring.push(series.clone(), exemplar, max);
                self.appended.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::OutOfOrder => {
                self.out_of_order.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::Superfluous | Verdict::TooLong => {}
        }
        verdict
    }

    /// Exemplars between two times of the series that fit any of the sets, sorted by labels.
    pub(crate) fn select(
        &self,
        start: i64,
        end: i64,
        sets: &[Vec<Matcher>],
    ) -> Vec<SeriesExemplars> {
        let ring = self.ring.read();
        let fits = |labels: &Labels| {
            sets.iter().any(|set| set.iter().all(|m| m.matches(labels.value(&m.name))))
        };
        let mut found = Vec::new();
        for (series, chain) in &ring.chains {
            let times =
                [chain.oldest, chain.newest].map(|at| ring.slots[at as usize].exemplar.time);
            if times[0] > end || times[1] < start || !fits(series) {
                continue;
            }
            let exemplars = ring.chain(*chain).skip_while(|e| e.time < start);
            let exemplars: Vec<_> = exemplars.take_while(|e| e.time <= end).map(stored).collect();
            if !exemplars.is_empty() {
                found.push(SeriesExemplars { series: series.clone(), exemplars });
            }
        }
        drop(ring);
        found.sort_unstable_by(|a, b| a.series.cmp(&b.series));
        found
    }

    /// How the ring is filled.
    pub(crate) fn filling(&self) -> Filling {
        let ring = self.ring.read();
        Filling {
            exemplars: ring.slots.len(),
            series: ring.chains.len(),
            oldest_time: ring.slots.get(ring.next).map_or(0, |slot| slot.exemplar.time),
            max: self.max.load(Ordering::Relaxed),
        }
    }
}

fn stored(exemplar: &Offered) -> StoredExemplar {
    StoredExemplar {
        labels: exemplar.labels.clone(),
        value: exemplar.value,
        timestamp: exemplar.time,
    }
}

impl Ring {
    /// Where an exemplar stands to the newest of its series. Those of one time are told apart by
    /// value and labels, for the buckets of a native histogram share a series.
    fn place(&self, series: &Labels, exemplar: &Offered) -> Verdict {
        let Some(chain) = self.chains.get(series) else { return Verdict::Fresh };
        let newest = &self.slots[chain.newest as usize].exemplar;
        let timed = exemplar.own_time || newest.own_time;
        let same_value = exemplar.value == newest.value;
        let same_time = exemplar.time == newest.time;
        if same_value && (same_time || !timed) && exemplar.labels == newest.labels {
            return Verdict::Superfluous;
        }
        let before = exemplar.time < newest.time
            || (same_time && exemplar.value < newest.value)
            || (same_time && same_value && exemplar.labels.hash64() < newest.labels.hash64());
        if before { Verdict::OutOfOrder } else { Verdict::Fresh }
    }

    /// Adds an exemplar behind the newest of its series.
    fn push(&mut self, series: Labels, exemplar: Offered, max: usize) {
        let is_full = self.slots.len() >= max;
        let at = if is_full { self.next } else { self.slots.len() };
        let position = at as u32;
        match self.chains.get_mut(&series) {
            Some(chain) => {
                self.slots[chain.newest as usize].next = position;
                chain.newest = position;
            }
            None => {
                let chain = Chain { oldest: position, newest: position };
                self.chains.insert(series.clone(), chain);
            }
        }
        let slot = Slot { series, exemplar, next: NONE };
        if is_full {
            let displaced = std::mem::replace(&mut self.slots[at], slot);
            self.displaced(&displaced, position);
            self.next = (at + 1) % max;
        } else {
            self.slots.push(slot);
        }
    }

    /// Takes the oldest exemplar of a series, which stood at `at`, out of its chain.
    fn displaced(&mut self, slot: &Slot, at: u32) {
        if slot.next == at {
            // It was the only one of the series whose exemplar took its place.
            if let Some(chain) = self.chains.get_mut(&slot.series) {
                chain.oldest = at;
            }
        } else if slot.next == NONE {
            self.chains.remove(&slot.series);
        } else if let Some(chain) = self.chains.get_mut(&slot.series) {
            chain.oldest = slot.next;
        }
    }

    fn chain(&self, chain: Chain) -> impl Iterator<Item = &Offered> {
        let mut at = chain.oldest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at as usize)?;
            at = slot.next;
            Some(&slot.exemplar)
        })
    }

    fn into_oldest_first(mut self) -> impl Iterator<Item = Slot> {
        self.slots.rotate_left(self.next);
        self.slots.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        Labels::from_pairs([("a", text)])
    }

    fn offered(id: &str, value: f64, time: i64, own_time: bool) -> Offered {
        Offered { labels: labels(id), value, time, own_time }
    }

    fn all(exemplars: &Exemplars) -> Vec<(String, Vec<i64>)> {
        let found = exemplars.select(i64::MIN, i64::MAX, &[Vec::new()]);
        let times = |e: &SeriesExemplars| e.exemplars.iter().map(|e| e.timestamp).collect();
        found.iter().map(|e| (e.series.value("a").to_owned(), times(e))).collect()
    }

    #[test]
    fn an_exemplar_is_placed_by_time_then_value() {
        let exemplars = Exemplars::default();
        exemplars.resize(4);
        let s = labels("s");
        for (exemplar, verdict) in [
            (offered("x", 1.0, 10, false), Verdict::Fresh),
            // Without a time of its own it is the same exemplar scrape after scrape.
            (offered("x", 1.0, 20, false), Verdict::Superfluous),
            (offered("x", 1.0, 20, true), Verdict::Fresh),
            (offered("x", 1.0, 20, true), Verdict::Superfluous),
            (offered("x", 0.5, 20, true), Verdict::OutOfOrder),
            (offered("x", 2.0, 20, true), Verdict::Fresh),
            (offered("y", 2.0, 19, true), Verdict::OutOfOrder),
            (offered(&"é".repeat(127), 3.0, 21, true), Verdict::Fresh),
            (offered(&"é".repeat(128), 4.0, 22, true), Verdict::TooLong),
        ] {
            assert_eq!(exemplars.judge(&s, &exemplar), verdict, "{exemplar:?}");
            if verdict != Verdict::TooLong {
                assert_eq!(exemplars.add(&s, exemplar), verdict);
            }
        }
        assert_eq!(all(&exemplars), [("s".to_owned(), vec![10, 20, 20, 21])]);
        let counted = [&exemplars.appended, &exemplars.out_of_order];
        assert_eq!(counted.map(|c| c.load(Ordering::Relaxed)), [4, 2]);
    }

    #[test]
    fn without_a_ring_nothing_is_kept() {
        let exemplars = Exemplars::default();
        assert!(!exemplars.is_on());
        assert_eq!(exemplars.add(&labels("s"), offered("x", 1.0, 1, true)), Verdict::Superfluous);
        assert_eq!((all(&exemplars), exemplars.filling()), (Vec::new(), Filling::default()));
    }

    /// The ring beside a plain list of which the last `max` count.
    #[test]
    fn a_full_ring_forgets_its_oldest_exemplars_through_every_resize() {
        let exemplars = Exemplars::default();
        let (mut plain, mut max) = (Vec::<(String, i64)>::new(), 3);
        exemplars.resize(max);
        let mut seed = 7_u64;
        for time in 0..3000_i64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if time % 50 == 49 {
                max = 1 + (seed >> 40) as usize % 20;
                exemplars.resize(max);
            }
            let series = format!("s{}", (seed >> 33) % 7);
            exemplars.add(&labels(&series), offered("x", 1.0, time, true));
            if time % 50 == 49 && plain.len() > max {
                plain.drain(..plain.len() - max);
            }
            plain.push((series, time));
            if plain.len() > max {
                plain.drain(..plain.len() - max);
            }
            let mut wanted = std::collections::BTreeMap::<String, Vec<i64>>::new();
            for (series, time) in &plain {
                wanted.entry(series.clone()).or_default().push(*time);
            }
            let wanted: Vec<_> = wanted.into_iter().collect();
            assert_eq!(all(&exemplars), wanted, "seed 7, exemplar {time}");
            let filling = exemplars.filling();
            assert_eq!((filling.exemplars, filling.oldest_time), (plain.len(), plain[0].1));
        }
        exemplars.resize(0);
        assert_eq!(all(&exemplars), []);
    }
}
