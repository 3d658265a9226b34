//! What all queries of a process share: memory, and the counts of what was refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::QueryError;

/// Memory is taken from what is shared in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;
/// What a query holds up to here is not counted against what is shared, so that a small query is
/// answered while large ones hold everything.
const UNCOUNTED_BYTES: usize = 128 * 1024;
/// A query that held this much more than it does now gives it back to the others.
const IDLE_BYTES_MAX: usize = 16 * PIECE_BYTES;

/// Who asks, where memory is short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// Somebody who looks at a dashboard: leaves the last eighth to smaller queries and to rules.
    #[default]
    Interactive,
    /// Rules: may use everything, so that no dashboard keeps an alert from being noticed.
    Rules,
}

/// A limit on queries that something was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Samples one query holds.
    Samples,
    /// Bytes one query holds.
    Bytes,
    /// Bytes all queries hold together.
    SharedBytes,
    /// Time of a query.
    Time,
    /// Time in the queue.
    Queue,
    /// Points of a series in the answer to a range query.
    Points,
}

impl Limit {
    /// All limits, in the order in which they are counted.
    pub const ALL: [Limit; 6] = [
        Limit::Samples,
        Limit::Bytes,
        Limit::SharedBytes,
        Limit::Time,
        Limit::Queue,
        Limit::Points,
    ];

    /// The name of the limit, as the label `limit` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Limit::Samples => "samples",
            Limit::Bytes => "bytes",
            Limit::SharedBytes => "shared_bytes",
            Limit::Time => "time",
            Limit::Queue => "queue",
            Limit::Points => "points",
        }
    }
}

/// Memory that all queries share, and the counts of what was refused.
#[derive(Debug)]
pub struct SharedLimits {
    bytes_max: usize,
    bytes: AtomicUsize,
    bytes_peak: AtomicUsize,
    refused: [AtomicU64; Limit::ALL.len()],
}

impl Default for SharedLimits {
    /// No limit on what queries hold together.
    fn default() -> SharedLimits {
        SharedLimits::new(usize::MAX)
    }
}

impl SharedLimits {
    /// Queries may hold so many bytes together.
    #[must_use]
    pub fn new(bytes_max: usize) -> SharedLimits {
        SharedLimits {
            bytes_max,
            bytes: AtomicUsize::new(0),
            bytes_peak: AtomicUsize::new(0),
            refused: Default::default(),
        }
    }

    /// Most bytes that queries may hold together.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Bytes that queries hold now, in whole pieces.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Most bytes that queries ever held.
    #[must_use]
    pub fn bytes_peak(&self) -> usize {
        self.bytes_peak.load(Ordering::Relaxed)
    }

    /// How often something was refused for a limit.
    #[must_use]
    pub fn refused(&self, limit: Limit) -> u64 {
        self.refused[limit as usize].load(Ordering::Relaxed)
    }

    /// Counts a refusal.
    pub fn count(&self, limit: Limit) {
        self.refused[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How far one who already holds `own` bytes may fill the memory.
    fn reach(&self, share: Share, own: usize) -> usize {
        match share {
            Share::Rules => self.bytes_max,
            Share::Interactive if own <= self.bytes_max / 64 => {
                self.bytes_max - self.bytes_max / 16
            }
            Share::Interactive => self.bytes_max - self.bytes_max / 8,
        }
    }

    fn take(&self, more: usize, own: usize, share: Share) -> Result<(), QueryError> {
        let wanted = own.saturating_add(more);
        let reach = self.reach(share, wanted);
        if wanted > reach {
            // It would not fit if it were alone.
            return Err(QueryError::TooMuchMemory { limit: reach, wanted });
        }
        let taken = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| {
            bytes.checked_add(more).filter(|sum| *sum <= reach)
        });
        match taken {
            Ok(before) => {
                self.bytes_peak.fetch_max(before + more, Ordering::Relaxed);
                Ok(())
            }
            Err(bytes) => Err(QueryError::MemoryInUse {
                wanted: more,
                in_use: bytes,
                others: bytes.saturating_sub(own),
                limit: self.bytes_max,
            }),
        }
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

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
}

impl Reservation {
    /// Nothing held yet, and never more than `bytes_max`.
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
        }
    }

    /// Counts bytes that are about to be allocated.
    pub fn charge(&self, bytes: usize) -> Result<(), QueryError> {
        let before = self.bytes.load(Ordering::Relaxed);
        let too_much = |wanted| QueryError::TooMuchMemory { limit: self.bytes_max, wanted };
        if bytes > self.bytes_max {
            return Err(too_much(before.saturating_add(bytes)));
        }
        let sum = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let covered = match sum {
            _ if sum > self.bytes_max => Err(too_much(sum)),
            _ if sum > self.covered.load(Ordering::Relaxed) => self.cover(sum),
            _ => Ok(()),
        };
        match covered {
            Ok(()) => {
                self.bytes_peak.fetch_max(sum, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
                Err(error)
            }
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
        let held = self.bytes.load(Ordering::Relaxed);
        if self.covered.load(Ordering::Relaxed).saturating_sub(held) > IDLE_BYTES_MAX {
            self.settle();
        }
    }

    /// Gives back what is held no more.
    pub fn settle(&self) {
        let mut taken = self.taken.lock();
        let needed = whole_pieces(self.bytes.load(Ordering::Relaxed));
        if needed < *taken {
            self.shared.give_back(*taken - needed);
            *taken = needed;
            self.covered.store(covered_by(needed), Ordering::Relaxed);
        }
    }

    /// Bytes held now.
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
