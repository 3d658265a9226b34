//! The kernel's clock discipline: `adjtimex(2)`.

use std::io;

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::adjtimex;

pub(super) const ENTRY: Entry = Entry {
    name: "timex",
    about: "Offset, error and state of the kernel's clock.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |_| Ok(Box::new(Timex)),
};

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help)
}

const FAMILIES: [Family; 17] = [
    gauge(
        "node_timex_sync_status",
        "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
    ),
    gauge("node_timex_offset_seconds", "Time offset in between local system and reference clock."),
    gauge("node_timex_frequency_adjustment_ratio", "Local clock frequency adjustment."),
    gauge("node_timex_maxerror_seconds", "Maximum error in seconds."),
    gauge("node_timex_estimated_error_seconds", "Estimated error in seconds."),
    gauge("node_timex_status", "Value of the status array bits."),
    gauge("node_timex_loop_time_constant", "Phase-locked loop time constant."),
    gauge("node_timex_tick_seconds", "Seconds between clock ticks."),
    gauge("node_timex_pps_frequency_hertz", "Pulse per second frequency."),
    gauge("node_timex_pps_jitter_seconds", "Pulse per second jitter."),
    gauge("node_timex_pps_shift_seconds", "Pulse per second interval duration."),
    gauge(
        "node_timex_pps_stability_hertz",
        "Pulse per second stability, average of recent frequency changes.",
    ),
    Family::counter(
        "node_timex_pps_jitter_total",
        "Pulse per second count of jitter limit exceeded events.",
    ),
    Family::counter(
        "node_timex_pps_calibration_total",
        "Pulse per second count of calibration intervals.",
    ),
    Family::counter("node_timex_pps_error_total", "Pulse per second count of calibration errors."),
    Family::counter(
        "node_timex_pps_stability_exceeded_total",
        "Pulse per second count of stability limit exceeded events.",
    ),
    gauge("node_timex_tai_offset_seconds", "International Atomic Time (TAI) offset."),
];

/// Offset and jitter are in ns if this status bit is set, else in µs.
const STATUS_NANO: i32 = 0x2000;
/// Frequencies are in parts per million with 16 bits behind the point.
const FREQUENCY_SCALE: f64 = 1e6 * 65536.0;
const MICRO: f64 = 1e6;

struct Timex;

/// The values in the order of [`FAMILIES`].
fn values(is_synchronized: bool, timex: &libc::timex) -> [f64; FAMILIES.len()] {
    let fine = if timex.status & STATUS_NANO != 0 { 1e9 } else { MICRO };
    [
        if is_synchronized { 1.0 } else { 0.0 },
        timex.offset as f64 / fine,
        1.0 + timex.freq as f64 / FREQUENCY_SCALE,
        timex.maxerror as f64 / MICRO,
        timex.esterror as f64 / MICRO,
        f64::from(timex.status),
        timex.constant as f64,
        timex.tick as f64 / MICRO,
        timex.ppsfreq as f64 / FREQUENCY_SCALE,
        timex.jitter as f64 / fine,
        f64::from(timex.shift),
        timex.stabil as f64 / FREQUENCY_SCALE,
        timex.jitcnt as f64,
        timex.calcnt as f64,
        timex.errcnt as f64,
        timex.stbcnt as f64,
        f64::from(timex.tai),
    ]
}

impl Collector for Timex {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let state = adjtimex::read().map_err(|error| match error.kind() {
            // Sandboxes forbid the call.
            io::ErrorKind::PermissionDenied => CollectError::Absent(format!("adjtimex: {error}")),
            _ => CollectError::failed("adjtimex", error),
        })?;
        for (family, value) in FAMILIES.iter().zip(values(state.is_synchronized, &state.timex)) {
            samples.push(family, &[], value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_in_what_unit_offsets_are() {
        fn check(status: i32, expected: [f64; 3]) {
            let mut timex = adjtimex::read().unwrap().timex;
            (timex.status, timex.offset, timex.jitter, timex.freq) =
                (status, 3_000_000, 2000, 65536);
            let found = values(true, &timex);
            assert_eq!([found[1], found[2], found[9]], expected);
        }
        check(0, [3.0, 1.000001, 0.002]);
        check(STATUS_NANO, [0.003, 1.000001, 0.000002]);
    }
}
