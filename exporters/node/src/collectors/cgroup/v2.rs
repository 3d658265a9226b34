//! The files of the second version. `Documentation/admin-guide/cgroup-v2.rst`

use crate::parse::{unsigned, words};

use super::families::Field;
use super::stats::{Files, Key, MICROSECONDS, Stats, parse_io_stat, parse_pressure};

const CPU_STAT: [Key; 8] = [
    (b"usage_usec", Field::CpuUsage, MICROSECONDS),
    (b"user_usec", Field::CpuUser, MICROSECONDS),
    (b"system_usec", Field::CpuSystem, MICROSECONDS),
    (b"nr_periods", Field::CfsPeriods, 1.0),
    (b"nr_throttled", Field::CfsThrottledPeriods, 1.0),
    (b"throttled_usec", Field::CfsThrottledTime, MICROSECONDS),
    (b"nr_bursts", Field::CfsBurstPeriods, 1.0),
    (b"burst_usec", Field::CfsBurstTime, MICROSECONDS),
];

const MEMORY_STAT: [Key; 8] = [
    (b"anon", Field::Rss, 1.0),
    (b"file", Field::Cache, 1.0),
    (b"kernel", Field::Kernel, 1.0),
    (b"file_mapped", Field::MappedFile, 1.0),
    (b"inactive_file", Field::InactiveFile, 1.0),
    (b"active_file", Field::ActiveFile, 1.0),
    (b"pgfault", Field::Faults, 1.0),
    (b"pgmajfault", Field::MajorFaults, 1.0),
];

const MEMORY_EVENTS: [Key; 3] = [
    (b"high", Field::EventsHigh, 1.0),
    (b"max", Field::EventsMax, 1.0),
    (b"oom_kill", Field::OomEvents, 1.0),
];

/// Reads a cgroup. Files of a controller that is not on here do not exist: one of them tells.
pub(super) fn read(files: &mut Files<'_>) {
    files.keyed("cpu.stat", &CPU_STAT);
    if files.with("cpu.max", parse_cpu_max) {
        files.with("cpu.weight", |content, stats| {
            if let Some(shares) = unsigned(content.trim_ascii()).and_then(shares) {
                stats.set(Field::SpecShares, shares as f64);
            }
        });
    }
    pressure(files, "cpu.pressure", Field::CpuWaiting, Field::CpuStalled);
    let is_limited = files.number("memory.current", Field::Usage, 1.0);
    files.keyed("memory.stat", &MEMORY_STAT);
    if is_limited {
        files.number("memory.peak", Field::UsageMax, 1.0);
        files.keyed("memory.events", &MEMORY_EVENTS);
        files.number("memory.swap.current", Field::Swap, 1.0);
        files.limit("memory.max", Field::SpecMemory);
        files.limit("memory.high", Field::SpecReservation);
        files.limit("memory.swap.max", Field::SpecSwap);
        if let Some(events) = files.stats.get(Field::EventsMax) {
            files.stats.set(Field::FailCount, events);
        }
    }
    // The root has a file with the pressure of the whole machine.
    pressure(files, "memory.pressure", Field::MemoryWaiting, Field::MemoryStalled);
    files.with("io.stat", parse_io_stat);
    pressure(files, "io.pressure", Field::IoWaiting, Field::IoStalled);
    if files.number("pids.current", Field::Threads, 1.0) {
        files.limit("pids.max", Field::ThreadsMax);
    }
}

fn pressure(files: &mut Files<'_>, file: &str, some: Field, full: Field) {
    files.with(file, |content, stats| parse_pressure(content, some, full, stats));
}

/// `max 100000` or `50000 100000`: quota and period in microseconds.
fn parse_cpu_max(content: &[u8], stats: &mut Stats) {
    let mut words = words(content);
    if let Some(quota) = words.next().and_then(unsigned) {
        stats.set(Field::SpecQuota, quota as f64);
    }
    if let Some(period) = words.next().and_then(unsigned) {
        stats.set(Field::SpecPeriod, period as f64);
    }
}

/// A weight, 1 to 10000, as shares of the first version, 2 to 262144: as container engines convert.
fn shares(weight: u64) -> Option<u64> {
    (1..=10_000).contains(&weight).then(|| 2 + (weight - 1) * 262_142 / 9_999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_shares() {
        fn check(weight: u64, expected: Option<u64>) {
            assert_eq!(shares(weight), expected);
        }
        check(0, None);
        check(1, Some(2));
        check(100, Some(2597));
        check(10_000, Some(262_144));
        check(10_001, None);
    }

    #[test]
    fn a_quota_of_max_is_none() {
        fn check(content: &str, quota: Option<f64>, period: Option<f64>) {
            let mut stats = Stats::default();
            parse_cpu_max(content.as_bytes(), &mut stats);
            let found = (stats.get(Field::SpecQuota), stats.get(Field::SpecPeriod));
            assert_eq!(found, (quota, period));
        }
        check("max 100000\n", None, Some(100_000.0));
        check("50000 100000\n", Some(50_000.0), Some(100_000.0));
        check("", None, None);
    }
}
