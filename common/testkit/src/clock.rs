//! A clock that stands still until a test turns it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use common_model::TimestampMs;
use common_service::Clock;

/// Wall clock and monotonic time in one; clones share the hands.
#[derive(Clone, Debug)]
pub struct HandClock {
    start_ms: TimestampMs,
    now_ms: Arc<AtomicI64>,
}

impl HandClock {
    /// A clock that shows `now_ms`.
    #[must_use]
    pub fn new(now_ms: TimestampMs) -> HandClock {
        HandClock { start_ms: now_ms, now_ms: Arc::new(AtomicI64::new(now_ms)) }
    }

    /// Turns it forward.
    pub fn advance(&self, by: Duration) {
        self.now_ms.fetch_add(by.as_millis() as i64, SeqCst);
    }

    /// Turns it to a moment, also back: monotonic time then stands still until it is passed.
    pub fn set(&self, now_ms: TimestampMs) {
        self.now_ms.store(now_ms, SeqCst);
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> TimestampMs {
        self.now_ms.load(SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(self.start_ms).max(0) as u64)
    }
}
