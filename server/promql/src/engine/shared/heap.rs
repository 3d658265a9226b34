//! What the allocator knows: how much the threads of a query really hold, and how much of what
//! they gave back is still in memory.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The allocator of the program, which this crate does not choose.
pub trait Heap: fmt::Debug + Send + Sync {
    /// Bytes the calling thread has allocated so far less those it has freed. Negative where it
    /// freed what others allocated. Asked often: must cost next to nothing.
    fn thread_bytes(&self) -> i64;

    /// Bytes in memory that nobody holds: freed and not yet given back, and what lies between.
    fn idle_bytes(&self) -> usize;

    /// Gives back to the kernel what nobody holds.
    fn give_back(&self);

    /// Gives back what the calling thread keeps for its next allocations.
    fn give_back_of_thread(&self);
}

/// What the threads of one query hold: the sum of what each took while it worked for the query.
#[derive(Debug)]
pub(super) struct Meter {
    id: u64,
    bytes: AtomicI64,
}

thread_local! {
    /// For whom this thread works, and what it held when somebody last looked.
    static LAST: Cell<(u64, i64)> = const { Cell::new((0, 0)) };
}

impl Meter {
    /// Counts from now on, on this thread; on another one from when it first looks.
    pub(super) fn start(heap: &dyn Heap) -> Meter {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let meter = Meter { id: NEXT.fetch_add(1, Ordering::Relaxed), bytes: AtomicI64::new(0) };
        meter.look(heap);
        meter
    }

    /// Adds what the calling thread took since it last looked; what all of them hold.
    pub(super) fn look(&self, heap: &dyn Heap) -> usize {
        let now = heap.thread_bytes();
        let (id, before) = LAST.replace((self.id, now));
        let more = if id == self.id { now - before } else { 0 };
        let bytes = match more {
            0 => self.bytes.load(Ordering::Relaxed),
            more => self.bytes.fetch_add(more, Ordering::Relaxed) + more,
        };
        usize::try_from(bytes).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    thread_local! {
        static HELD: Cell<i64> = const { Cell::new(0) };
    }

    #[derive(Debug)]
    struct Counted;

    impl Heap for Counted {
        fn thread_bytes(&self) -> i64 {
            HELD.get()
        }

        fn idle_bytes(&self) -> usize {
            0
        }

        fn give_back(&self) {}

        fn give_back_of_thread(&self) {}
    }

    #[test]
    fn threads_of_a_query_are_added_up_and_those_of_others_are_not() {
        HELD.set(1000);
        let meter = Meter::start(&Counted);
        HELD.set(1500);
        assert_eq!(meter.look(&Counted), 500);
        let helper = || {
            HELD.set(70);
            assert_eq!(meter.look(&Counted), 500, "what it held before it helped");
            HELD.set(100);
            meter.look(&Counted)
        };
        let seen = std::thread::scope(|scope| scope.spawn(helper).join().unwrap());
        assert_eq!(seen, 530);
        // What the helper took, this thread frees.
        HELD.set(1470);
        assert_eq!(meter.look(&Counted), 500);
        let other = Meter::start(&Counted);
        HELD.set(2470);
        assert_eq!((other.look(&Counted), meter.look(&Counted)), (1000, 500));
        HELD.set(0);
        assert_eq!(meter.look(&Counted), 0, "never less than nothing");
    }
}
