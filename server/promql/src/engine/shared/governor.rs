//! Keeps an eye on what really lies in memory while queries take what they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Heap;

/// The allocator is asked when queries have taken this much since it was last asked.
const LOOK_BYTES: usize = 2 << 20;
/// So much may lie idle that did not before, until it is given back for a new beginning, ...
const IDLE_BYTES_MAX: usize = 2 << 20;
/// ... or what queries share divided by this, where that is more: with less every query of a dashboard
/// fetches the same pages from the kernel again.
const IDLE_PART_MAX: usize = 32;

/// Adds what the allocator keeps back to what queries hold.
#[derive(Debug)]
pub(super) struct Governor {
    heap: Arc<dyn Heap>,
    /// What lay idle when no query held anything: not theirs.
    idle_before: AtomicUsize,
    /// Taken since the allocator was last asked.
    unseen: AtomicUsize,
    /// Taken since no query held anything and somebody looked.
    since_beginning: AtomicUsize,
}

impl Governor {
    pub(super) fn new(heap: Arc<dyn Heap>) -> Governor {
        Governor {
            heap,
            idle_before: AtomicUsize::new(0),
            unseen: AtomicUsize::new(0),
            since_beginning: AtomicUsize::new(LOOK_BYTES),
        }
    }

    pub(super) fn heap(&self) -> &dyn Heap {
        &*self.heap
    }

    /// Whether `more` bytes fit beside the `before` that queries hold and what lies idle for their
    /// sake; otherwise how much all that is. What lies idle is given back before anybody is refused,
    /// and an eighth above `bytes_max` is let pass: a part of it serves the next allocation.
    pub(super) fn admit(&self, before: usize, more: usize, bytes_max: usize) -> Result<(), usize> {
        self.unseen.fetch_add(more, Ordering::Relaxed);
        self.since_beginning.fetch_add(more, Ordering::Relaxed);
        if before == 0 && self.since_beginning.load(Ordering::Relaxed) >= LOOK_BYTES {
            self.begin(bytes_max);
        }
        if self.unseen.load(Ordering::Relaxed) < LOOK_BYTES {
            return Ok(());
        }
        self.unseen.store(0, Ordering::Relaxed);
        let held = before.saturating_add(more);
        if held.saturating_add(self.idle()) <= bytes_max {
            return Ok(());
        }
        self.heap.give_back();
        let resident = held.saturating_add(self.idle());
        if resident <= bytes_max.saturating_add(bytes_max / 8) { Ok(()) } else { Err(resident) }
    }

    /// No query holds anything.
    fn begin(&self, bytes_max: usize) {
        self.since_beginning.store(0, Ordering::Relaxed);
        if self.idle() > IDLE_BYTES_MAX.max(bytes_max / IDLE_PART_MAX) {
            self.heap.give_back();
        }
        self.idle_before.store(self.heap.idle_bytes(), Ordering::Relaxed);
    }

    /// What lies idle since queries hold something.
    fn idle(&self) -> usize {
        self.heap.idle_bytes().saturating_sub(self.idle_before.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// So much lies idle, of which so much cannot be given back.
    #[derive(Debug, Default)]
    struct Idle {
        bytes: AtomicUsize,
        stuck: AtomicUsize,
        given_back: AtomicUsize,
    }

    impl Idle {
        fn set(&self, bytes: usize, stuck: usize) {
            self.bytes.store(bytes, Ordering::Relaxed);
            self.stuck.store(stuck, Ordering::Relaxed);
        }

        fn given_back(&self) -> usize {
            self.given_back.load(Ordering::Relaxed)
        }
    }

    impl Heap for Idle {
        fn thread_bytes(&self) -> i64 {
            0
        }

        fn idle_bytes(&self) -> usize {
            self.bytes.load(Ordering::Relaxed)
        }

        fn give_back(&self) {
            self.given_back.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_min(self.stuck.load(Ordering::Relaxed), Ordering::Relaxed);
        }

        fn give_back_of_thread(&self) {}
    }

    #[test]
    fn a_little_may_lie_idle_from_one_query_to_the_next() {
        for (idle, bytes_max, given_back) in
            [(2, 32, 0), (3, 32, 1), (8, 256, 0), (9, 256, 1), (3, 256, 0)]
        {
            let heap = Arc::new(Idle::default());
            heap.set(idle * MIB, 0);
            let governor = Governor::new(heap.clone());
            assert_eq!(governor.admit(0, MIB, bytes_max * MIB), Ok(()));
            assert_eq!(heap.given_back(), given_back, "{idle} of {bytes_max}");
        }
    }

    #[test]
    fn what_lies_idle_is_given_back_before_anybody_is_refused() {
        let heap = Arc::new(Idle::default());
        let governor = Governor::new(heap.clone());
        heap.set(10 * MIB, 10 * MIB);
        assert_eq!(
            governor.admit(0, 40 * MIB, 64 * MIB),
            Ok(()),
            "what lay idle before is no query's"
        );
        assert_eq!(heap.given_back(), 1, "to know what cannot be given back");
        heap.set(50 * MIB, 12 * MIB);
        assert_eq!(governor.admit(40 * MIB, MIB, 64 * MIB), Ok(()), "nobody looks at every piece");
        assert_eq!(heap.given_back(), 1);
        assert_eq!(governor.admit(41 * MIB, MIB, 64 * MIB), Ok(()));
        assert_eq!(heap.given_back(), 2);
        heap.set(50 * MIB, 45 * MIB);
        assert_eq!(governor.admit(42 * MIB, 4 * MIB, 64 * MIB), Err(81 * MIB));
        heap.set(35 * MIB, 35 * MIB);
        assert_eq!(governor.admit(42 * MIB, 4 * MIB, 64 * MIB), Ok(()), "an eighth is let pass");
    }
}
