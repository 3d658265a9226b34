//! The memory of one query: what it charges, and what its threads are seen to hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::heap::Meter;
use super::{QueryError, Share, SharedLimits};

/// Memory is taken from what is shared in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;
/// What a query holds up to here is not counted against what is shared, so that a small query is
/// answered while large ones hold everything.
const UNCOUNTED_BYTES: usize = 128 * 1024;
/// A query that held this much more than it does now gives it back to the others.
const IDLE_BYTES_MAX: usize = 16 * PIECE_BYTES;
/// A thread that worked for a query of this size keeps nothing for its next one.
const LARGE_BYTES: usize = 4 * PIECE_BYTES;

/// The memory of one query and of its answer; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    shared: Arc<SharedLimits>,
    share: Share,
    bytes_max: usize,
    bytes: AtomicUsize,
    bytes_peak: AtomicUsize,
    /// Up to here nothing more has to be taken from what is shared.
    covered: AtomicUsize,
    /// Taken from what is shared.
    taken: Mutex<usize>,
    /// What the query's threads hold, while they are looked at.
    meter: Option<Meter>,
    is_at_rest: AtomicBool,
}

impl Reservation {
    /// Nothing held yet, and never more than `bytes_max`. Only what is charged counts.
    #[must_use]
    pub fn new(shared: Arc<SharedLimits>, share: Share, bytes_max: usize) -> Reservation {
        Reservation {
            shared,
            share,
            bytes_max,
            bytes: AtomicUsize::new(0),
            bytes_peak: AtomicUsize::new(0),
            covered: AtomicUsize::new(UNCOUNTED_BYTES),
            taken: Mutex::new(0),
            meter: None,
            is_at_rest: AtomicBool::new(false),
        }
    }

    /// What the calling thread allocates from now on counts, too, and what every other thread does
    /// once it has charged something here; whichever is more, that or what is charged. To be made
    /// where the work is done, not where somebody waits for it.
    #[must_use]
    pub fn measured(shared: Arc<SharedLimits>, share: Share, bytes_max: usize) -> Reservation {
        let meter = shared.heap().map(Meter::start);
        let mut measured = Reservation::new(shared, share, bytes_max);
        measured.meter = meter;
        measured
    }

    /// Counts bytes that are about to be allocated.
    pub fn charge(&self, bytes: usize) -> Result<(), QueryError> {
        let before = self.bytes.load(Ordering::Relaxed);
        if bytes > self.bytes_max {
            let wanted = before.saturating_add(bytes);
            return Err(QueryError::TooMuchMemory { limit: self.bytes_max, wanted });
        }
        let sum = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let held = self.held(sum);
        let admitted = self.admit(held);
        match admitted {
            Ok(()) => {
                self.bytes_peak.fetch_max(held, Ordering::Relaxed);
            }
            Err(_) => {
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
        admitted
    }

    /// Looks whether what the calling thread allocated still fits.
    pub fn look(&self) -> Result<(), QueryError> {
        if self.meter.is_none() { Ok(()) } else { self.admit(self.held(self.bytes())) }
    }

    fn admit(&self, held: usize) -> Result<(), QueryError> {
        if held > self.bytes_max {
            return Err(QueryError::TooMuchMemory { limit: self.bytes_max, wanted: held });
        }
        if held > self.covered.load(Ordering::Relaxed) { self.cover(held) } else { Ok(()) }
    }

    /// What is charged or what is seen, whichever is more.
    fn held(&self, charged: usize) -> usize {
        match (&self.meter, self.shared.heap()) {
            (Some(meter), Some(heap)) if !self.is_at_rest.load(Ordering::Relaxed) => {
                meter.look(heap).max(charged)
            }
            _ => charged,
        }
    }

    fn cover(&self, sum: usize) -> Result<(), QueryError> {
        let mut taken = self.taken.lock();
        let needed = whole_pieces(sum);
        if needed > *taken {
            self.shared.take(needed - *taken, *taken, self.share)?;
            *taken = needed;
            self.covered.store(covered_by(needed), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes back a charge.
    pub fn release(&self, bytes: usize) {
        let less = |held: usize| Some(held.saturating_sub(bytes));
        // The closure always gives a value, so the update cannot fail.
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let held = self.held(self.bytes());
        if self.covered.load(Ordering::Relaxed).saturating_sub(held) > IDLE_BYTES_MAX {
            self.settle();
        }
    }

    /// Gives back what is held no more.
    pub fn settle(&self) {
        let mut taken = self.taken.lock();
        let needed = whole_pieces(self.held(self.bytes()));
        if needed < *taken {
            self.shared.give_back(*taken - needed);
            *taken = needed;
            self.covered.store(covered_by(needed), Ordering::Relaxed);
        }
    }

    /// The work is done: only what is charged counts from now on, whoever frees it.
    pub fn rest(&self) {
        self.is_at_rest.store(true, Ordering::Relaxed);
        if let Some(heap) = self.shared.heap().filter(|_| self.bytes_peak() > LARGE_BYTES) {
            heap.give_back_of_thread();
        }
        self.settle();
    }

    /// How many bytes this one may hold at most, were it alone.
    #[must_use]
    pub fn bytes_reach(&self) -> usize {
        self.shared.reach(self.share, usize::MAX).min(self.bytes_max)
    }

    /// Bytes charged now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Most bytes ever held.
    #[must_use]
    pub fn bytes_peak(&self) -> usize {
        self.bytes_peak.load(Ordering::Relaxed)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shared.give_back(*self.taken.get_mut());
    }
}

/// Whole pieces that hold what is counted of so many bytes, and an eighth more: for lists of series
/// that nobody counts, and for what lies between the pieces of an allocator.
fn whole_pieces(bytes: usize) -> usize {
    let counted = bytes.saturating_sub(UNCOUNTED_BYTES);
    counted.saturating_add(counted / 8).div_ceil(PIECE_BYTES).saturating_mul(PIECE_BYTES)
}

/// Bytes for which so much need be taken.
fn covered_by(taken: usize) -> usize {
    (taken / 9).saturating_mul(8).saturating_add(UNCOUNTED_BYTES)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const MIB: usize = 1 << 20;

    fn reservation(shared: &Arc<SharedLimits>, share: Share) -> Reservation {
        Reservation::new(shared.clone(), share, 48 * MIB)
    }

    #[test]
    fn queries_share_memory_and_give_it_back() {
        let shared = Arc::new(SharedLimits::new(64 * MIB));
        let (a, b) =
            (reservation(&shared, Share::Interactive), reservation(&shared, Share::Interactive));
        a.charge(40 * MIB).unwrap();
        let refused = b.charge(30 * MIB).unwrap_err();
        assert_eq!(refused.error_type(), "unavailable");
        assert_eq!(b.bytes(), 0, "what was refused is not held");
        b.charge(100 * 1024).unwrap();
        assert_eq!(shared.bytes(), whole_pieces(40 * MIB), "the first bytes are not counted");
        a.release(30 * MIB);
        assert_eq!(shared.bytes(), whole_pieces(10 * MIB));
        b.charge(30 * MIB).unwrap();
        drop((a, b));
        assert_eq!(shared.bytes(), 0);
        assert!(shared.bytes_peak() > 39 * MIB);
    }

    #[test]
    fn the_last_part_is_for_small_queries_and_rules() {
        let shared = Arc::new(SharedLimits::new(64 * MIB));
        let all: Vec<_> = (0..3).map(|_| reservation(&shared, Share::Interactive)).collect();
        all[0].charge(48 * MIB).unwrap();
        all[1].charge(3 * MIB).unwrap_err();
        all[2].charge(800 * 1024).unwrap();
        let rules = reservation(&shared, Share::Rules);
        rules.charge(7 * MIB).unwrap();
        rules.charge(3 * MIB).unwrap_err();
    }

    #[test]
    fn one_query_has_a_limit_of_its_own() {
        let shared = Arc::new(SharedLimits::default());
        let one = reservation(&shared, Share::Interactive);
        for bytes in [48 * MIB + 1, usize::MAX] {
            let refused = one.charge(bytes).unwrap_err();
            assert_eq!(refused, QueryError::TooMuchMemory { limit: 48 * MIB, wanted: bytes });
        }
        one.charge(48 * MIB).unwrap();
        one.charge(1).unwrap_err();
        assert_eq!(one.bytes_peak(), 48 * MIB);
    }
}
