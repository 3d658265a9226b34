//! When a group is evaluated: every interval, each group at a moment of its own.

use std::time::Duration;

use common_model::Labels;

/// The number that decides about a group's moment.
pub(crate) fn moment(file: &str, name: &str) -> u64 {
    Labels::from_pairs([("file", file), ("name", name)]).hash64()
}

/// The last moment of a group that is not after `now_ms`. Evaluations are stamped with these
/// times, however late they run.
pub(crate) fn slot(now_ms: i64, interval: Duration, moment: u64) -> i64 {
    let interval_ms = millis(interval).max(1);
    let offset = (moment % interval_ms.unsigned_abs()).cast_signed();
    now_ms - (now_ms - offset).rem_euclid(interval_ms)
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
        for (now, moment, slotted) in
            [(0, 0, 0), (59_999, 0, 0), (60_000, 0, 60_000), (60_000, 7, 7), (3, 7, -59_993)]
        {
            assert_eq!(slot(now, Duration::from_secs(60), moment), slotted, "{now} {moment}");
        }
    }
}
