//! Keeps an eye on what really lies in memory while queries take what they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Heap;

/// The allocator is asked when queries have taken this much since it was last asked.
const LOOK_BYTES: usize = 2 << 20;
/// So much may lie idle that did not before, until it is given back for a new beginning.
const IDLE_MORE_MAX: usize = 2 << 20;

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
            self.begin();
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
    fn begin(&self) {
        self.since_beginning.store(0, Ordering::Relaxed);
        if self.idle() > IDLE_MORE_MAX {
            self.heap.give_back();
        }
        self.idle_before.store(self.heap.idle_bytes(), Ordering::Relaxed);
    }

    /// What lies idle since queries hold something.
    fn idle(&self) -> usize {
        self.heap.idle_bytes().saturating_sub(self.idle_before.load(Ordering::Relaxed))
    }
}
