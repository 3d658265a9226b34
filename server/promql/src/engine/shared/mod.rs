//! What all queries of a process share: memory, and the counts of what was refused.

mod governor;
mod heap;
mod reservation;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::QueryError;
use governor::Governor;

pub use heap::Heap;
pub use reservation::Reservation;

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
    governor: Option<Governor>,
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
            governor: None,
        }
    }

    /// The same with an eye on what really is in memory: what a query's threads allocate counts
    /// even where nobody charges it, and what the allocator keeps back counts, too.
    #[must_use]
    pub fn with_heap(self, heap: Arc<dyn Heap>) -> SharedLimits {
        SharedLimits { governor: Some(Governor::new(heap)), ..self }
    }

    fn heap(&self) -> Option<&dyn Heap> {
        self.governor.as_ref().map(Governor::heap)
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
        let in_use = |in_use: usize| QueryError::MemoryInUse {
            wanted: more,
            in_use,
            others: in_use.saturating_sub(own),
            limit: self.bytes_max,
        };
        let before = taken.map_err(in_use)?;
        if let Some(governor) = &self.governor {
            governor.admit(before, more, self.bytes_max).map_err(|resident| {
                self.give_back(more);
                in_use(resident)
            })?;
        }
        self.bytes_peak.fetch_max(before + more, Ordering::Relaxed);
        Ok(())
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
