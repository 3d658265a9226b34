//! When a target is scraped: every interval, each target at a moment of its own.

use std::time::Duration;

use common_model::TimestampMs;

/// A tick that comes late by no more than this is stamped with the time it was due: regular
/// timestamps compress to almost nothing. Upstream's `scrape.timestamp-tolerance`.
const ALIGN_TOLERANCE_MS: i64 = 2;

/// How long to wait from `now_ms` until the first scrape of a target: its share of the interval is
/// decided by `hash`, so that targets spread evenly and keep their moment over restarts.
pub(crate) fn first_wait(now_ms: TimestampMs, interval: Duration, hash: u64) -> Duration {
    let interval_ms = interval_ms(interval);
    let due = (hash % interval_ms as u64) as i64;
    Duration::from_millis((due - now_ms).rem_euclid(interval_ms) as u64)
}

/// The timestamp for a scrape that began at `now`, when it was due at `due`: the due time when it
/// is near enough, otherwise the truth.
pub(crate) fn stamp(now: TimestampMs, due: TimestampMs, interval: Duration) -> TimestampMs {
    let tolerance = ALIGN_TOLERANCE_MS.min(interval_ms(interval) / 100);
    if (now - due).abs() <= tolerance { due } else { now }
}

/// The tick after `due` that still lies in the future: ticks that were missed are left out.
pub(crate) fn next_due(now: TimestampMs, due: TimestampMs, interval: Duration) -> TimestampMs {
    let interval_ms = interval_ms(interval);
    let missed = (now - due).max(0) / interval_ms;
    due + (missed + 1) * interval_ms
}

fn interval_ms(interval: Duration) -> i64 {
    i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S15: Duration = Duration::from_secs(15);

    #[test]
    fn the_first_scrape_comes_at_the_targets_own_moment() {
        for (now, hash, wait) in
            [(0, 0, 0), (0, 4_000, 4_000), (5_000, 4_000, 14_000), (15_000 * 7 + 1, 1, 0)]
        {
            assert_eq!(first_wait(now, S15, hash), Duration::from_millis(wait), "{now} {hash}");
        }
    }

    #[test]
    fn stamps_are_regular_unless_a_scrape_is_late() {
        for (now, due, stamped) in
            [(100, 100, 100), (102, 100, 100), (99, 100, 100), (103, 100, 103)]
        {
            assert_eq!(stamp(now, due, S15), stamped);
        }
        assert_eq!(stamp(101, 100, Duration::from_millis(50)), 101);
    }

    #[test]
    fn missed_ticks_are_left_out() {
        for (now, due, next) in
            [(10, 0, 15_000), (15_000, 0, 30_000), (100_000, 0, 105_000), (0, 10_000, 25_000)]
        {
            assert_eq!(next_due(now, due, S15), next, "{now} {due}");
        }
    }
}
