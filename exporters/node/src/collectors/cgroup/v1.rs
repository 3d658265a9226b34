//! The files of the first version. `Documentation/admin-guide/cgroup-v1/`

use crate::parse::signed;
use crate::pids::TICKS_PER_SECOND;

use super::families::Field;
use super::stats::{Files, Key, NANOSECONDS, parse_blkio};

const CPU_STAT: [Key; 5] = [
    (b"nr_periods", Field::CfsPeriods, 1.0),
    (b"nr_throttled", Field::CfsThrottledPeriods, 1.0),
    (b"throttled_time", Field::CfsThrottledTime, NANOSECONDS),
    (b"nr_bursts", Field::CfsBurstPeriods, 1.0),
    (b"burst_time", Field::CfsBurstTime, NANOSECONDS),
];

const CPUACCT_STAT: [Key; 2] =
    [(b"user", Field::CpuUser, TICKS_PER_SECOND), (b"system", Field::CpuSystem, TICKS_PER_SECOND)];

/// What begins with `total` counts the cgroups below as well.
const MEMORY_STAT: [Key; 10] = [
    (b"pgfault", Field::OwnFaults, 1.0),
    (b"pgmajfault", Field::OwnMajorFaults, 1.0),
    (b"total_cache", Field::Cache, 1.0),
    (b"total_rss", Field::Rss, 1.0),
    (b"total_mapped_file", Field::MappedFile, 1.0),
    (b"total_swap", Field::Swap, 1.0),
    (b"total_inactive_file", Field::InactiveFile, 1.0),
    (b"total_active_file", Field::ActiveFile, 1.0),
    (b"total_pgfault", Field::Faults, 1.0),
    (b"total_pgmajfault", Field::MajorFaults, 1.0),
];

const OOM_CONTROL: [Key; 1] = [(b"oom_kill", Field::OomEvents, 1.0)];

pub(super) fn read_cpu(files: &mut Files<'_>) {
    files.keyed("cpu.stat", &CPU_STAT);
    files.number("cpu.shares", Field::SpecShares, 1.0);
    files.number("cpu.cfs_period_us", Field::SpecPeriod, 1.0);
    files.with("cpu.cfs_quota_us", |content, stats| {
        // -1 is none.
        if let Some(quota) = signed(content.trim_ascii()).filter(|quota| *quota > 0) {
            stats.set(Field::SpecQuota, quota as f64);
        }
    });
}

pub(super) fn read_cpuacct(files: &mut Files<'_>) {
    files.number("cpuacct.usage", Field::CpuUsage, NANOSECONDS);
    files.keyed("cpuacct.stat", &CPUACCT_STAT);
}

pub(super) fn read_memory(files: &mut Files<'_>) {
    files.number("memory.usage_in_bytes", Field::Usage, 1.0);
    files.number("memory.max_usage_in_bytes", Field::UsageMax, 1.0);
    files.number("memory.failcnt", Field::FailCount, 1.0);
    files.number("memory.kmem.usage_in_bytes", Field::Kernel, 1.0);
    files.keyed("memory.stat", &MEMORY_STAT);
    files.keyed("memory.oom_control", &OOM_CONTROL);
    files.limit("memory.limit_in_bytes", Field::SpecMemory);
    files.limit("memory.soft_limit_in_bytes", Field::SpecReservation);
    files.limit("memory.memsw.limit_in_bytes", Field::SpecSwap);
}

pub(super) fn read_blkio(files: &mut Files<'_>) {
    let bytes = ["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"];
    let operations = ["blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"];
    // Kernels before 5.0 have only the second.
    let mut first = |names: [&str; 2], part: fn(&mut super::stats::Device) -> &mut [u64; 3]| {
        names
            .iter()
            .any(|name| files.with(name, |content, stats| parse_blkio(content, stats, part)))
    };
    first(bytes, |device| &mut device.bytes);
    first(operations, |device| &mut device.operations);
}

pub(super) fn read_pids(files: &mut Files<'_>) {
    if files.number("pids.current", Field::Threads, 1.0) {
        files.limit("pids.max", Field::ThreadsMax);
    }
}
