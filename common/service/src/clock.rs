//! What time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common_model::TimestampMs;
use rustix::time::{ClockId, clock_gettime};

/// Tells the time. Handed to whatever depends on it, so that tests can turn it by hand.
pub trait Clock: Send + Sync {
    /// Wall clock: milliseconds since the Unix epoch. May jump.
    fn now_ms(&self) -> TimestampMs;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock; its monotonic time is that of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The wall clock at its full resolution, for what shows the time itself.
#[must_use]
pub fn system_time() -> SystemTime {
    SystemTime::now()
}

impl Clock for SystemClock {
    fn now_ms(&self) -> TimestampMs {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_millis() as TimestampMs,
            Err(before) => -(before.duration().as_millis() as TimestampMs),
        }
    }

    fn monotonic(&self) -> Duration {
        let now = clock_gettime(ClockId::Monotonic);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    }
}
