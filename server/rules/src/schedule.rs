//! When a group is evaluated: every interval, each group at a moment of its own.

use std::time::Duration;

use common_model::Labels;

const NANOS_IN_MS: i128 = 1_000_000;

/// The number that decides about a group's moment.
pub(crate) fn moment(file: &str, name: &str) -> u64 {
    Labels::from_pairs([("file", file), ("name", name)]).hash64()
}

/// The last moment of a group that is not after `now_ms`. Evaluations are stamped with these
/// times, however late they run. As in Prometheus the interval is divided into nanoseconds, so that
/// a group has the same moments in both.
pub(crate) fn slot(now_ms: i64, interval: Duration, moment: u64) -> i64 {
    let interval_ns = i128::from(millis(interval).max(1)) * NANOS_IN_MS;
    let offset = i128::from(moment) % interval_ns;
    let now_ns = i128::from(now_ms) * NANOS_IN_MS;
    let slot_ns = now_ns - (now_ns - offset).rem_euclid(interval_ns);
    // It lies within an interval of `now_ms`, which may be at the edge of what can be said.
    i64::try_from(slot_ns.div_euclid(NANOS_IN_MS)).unwrap_or(i64::MIN)
}

/// Milliseconds of a duration.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_its_own_moment_in_every_interval() {
        for (now, moment, slotted) in [
            (0, 0, 0),
            (59_999, 0, 0),
            (60_000, 0, 60_000),
            (60_000, 7_000_000, 7),
            (3, 7_000_000, -59_993),
            (i64::MIN, 7, i64::MIN),
        ] {
            assert_eq!(slot(now, Duration::from_secs(60), moment), slotted, "{now} {moment}");
        }
    }
}
