//! A bucket that fills with one token per interval.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

pub(super) struct RateLimiter {
    interval: Duration,
    burst: f64,
    state: Mutex<Option<(Instant, f64)>>,
}

impl RateLimiter {
    pub(super) fn new(interval: Duration, burst: u32) -> RateLimiter {
        RateLimiter { interval, burst: f64::from(burst), state: Mutex::new(None) }
    }

    /// Takes a token, where there is one. Without an interval there is no limit.
    pub(super) fn admit(&self, now: Instant) -> bool {
        if self.interval.is_zero() {
            return true;
        }
        let mut state = self.state.lock();
        let (since, tokens) = state.unwrap_or((now, self.burst));
        let filled =
            now.saturating_duration_since(since).as_secs_f64() / self.interval.as_secs_f64();
        let tokens = (tokens + filled).min(self.burst);
        let admitted = tokens >= 1.0;
        *state = Some((now, if admitted { tokens - 1.0 } else { tokens }));
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_with_time() {
        let limiter = RateLimiter::new(Duration::from_secs(1), 2);
        let start = Instant::now();
        let check = |after_ms: u64, admitted: bool| {
            let now = start + Duration::from_millis(after_ms);
            assert_eq!(limiter.admit(now), admitted, "{after_ms}");
        };
        check(0, true);
        check(0, true);
        check(0, false);
        check(500, false);
        check(1000, true);
        check(1000, false);
        check(60_000, true);
        check(60_000, true);
        check(60_000, false);
    }
}
