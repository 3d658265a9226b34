//! The families of cAdvisor, and what of a cgroup goes into which.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use common_instrument::{Family, Samples};

use super::name::container_name;
use super::stats::{Device, Stats};
use crate::parse::{lines, text};

/// The values of a cgroup that are told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    CpuUser,
    CpuSystem,
    CfsPeriods,
    CfsThrottledPeriods,
    CfsThrottledTime,
    CfsBurstPeriods,
    CfsBurstTime,
    Cache,
    Rss,
    Kernel,
    MappedFile,
    Swap,
    FailCount,
    Usage,
    UsageMax,
    ActiveFile,
    InactiveFile,
    EventsHigh,
    EventsMax,
    OomEvents,
    Threads,
    ThreadsMax,
    CpuStalled,
    CpuWaiting,
    MemoryStalled,
    MemoryWaiting,
    IoStalled,
    IoWaiting,
    SpecPeriod,
    SpecQuota,
    SpecShares,
    SpecMemory,
    SpecSwap,
    SpecReservation,
    // Those from here on have labels of their own.
    CpuUsage,
    Faults,
    MajorFaults,
    OwnFaults,
    OwnMajorFaults,
}

impl Field {
    pub(super) const COUNT: usize = Field::OwnMajorFaults as usize + 1;
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help)
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help)
}

/// Families whose labels only say which cgroup.
#[rustfmt::skip]
const PLAIN: [(Field, Family); 34] = [
    (Field::CpuUser, counter("container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds.")),
    (Field::CpuSystem, counter("container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds.")),
    (Field::CfsPeriods, counter("container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals.")),
    (Field::CfsThrottledPeriods, counter("container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals.")),
    (Field::CfsThrottledTime, counter("container_cpu_cfs_throttled_seconds_total", "Total time duration the container has been throttled.")),
    (Field::CfsBurstPeriods, counter("container_cpu_cfs_burst_periods_total", "Number of periods when burst occurs.")),
    (Field::CfsBurstTime, counter("container_cpu_cfs_burst_seconds_total", "Total time duration the container has been bursted.")),
    (Field::Cache, gauge("container_memory_cache", "Number of bytes of page cache memory.")),
    (Field::Rss, gauge("container_memory_rss", "Size of RSS in bytes.")),
    (Field::Kernel, gauge("container_memory_kernel_usage", "Size of kernel memory allocated in bytes.")),
    (Field::MappedFile, gauge("container_memory_mapped_file", "Size of memory mapped files in bytes.")),
    (Field::Swap, gauge("container_memory_swap", "Container swap usage in bytes.")),
    (Field::FailCount, counter("container_memory_failcnt", "Number of memory usage hits limits")),
    (Field::Usage, gauge("container_memory_usage_bytes", "Current memory usage in bytes, including all memory regardless of when it was accessed")),
    (Field::UsageMax, gauge("container_memory_max_usage_bytes", "Maximum memory usage recorded in bytes")),
    (Field::ActiveFile, gauge("container_memory_total_active_file_bytes", "Current total active file in bytes.")),
    (Field::InactiveFile, gauge("container_memory_total_inactive_file_bytes", "Current total inactive file in bytes.")),
    (Field::EventsHigh, counter("container_memory_events_high_total", "Cumulative count of memory.high throttle events for the container")),
    (Field::EventsMax, counter("container_memory_events_max_total", "Cumulative count of memory.max limit hit events for the container")),
    (Field::OomEvents, counter("container_oom_events_total", "Count of out of memory events observed for the container")),
    (Field::Threads, gauge("container_threads", "Number of threads running inside the container")),
    (Field::ThreadsMax, gauge("container_threads_max", "Maximum number of threads allowed inside the container, infinity if value is zero")),
    (Field::CpuStalled, counter("container_pressure_cpu_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to CPU congestion.")),
    (Field::CpuWaiting, counter("container_pressure_cpu_waiting_seconds_total", "Total time duration tasks in the container have waited due to CPU congestion.")),
    (Field::MemoryStalled, counter("container_pressure_memory_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to memory congestion.")),
    (Field::MemoryWaiting, counter("container_pressure_memory_waiting_seconds_total", "Total time duration tasks in the container have waited due to memory congestion.")),
    (Field::IoStalled, counter("container_pressure_io_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to IO congestion.")),
    (Field::IoWaiting, counter("container_pressure_io_waiting_seconds_total", "Total time duration tasks in the container have waited due to IO congestion.")),
    (Field::SpecPeriod, gauge("container_spec_cpu_period", "CPU period of the container.")),
    (Field::SpecQuota, gauge("container_spec_cpu_quota", "CPU quota of the container.")),
    (Field::SpecShares, gauge("container_spec_cpu_shares", "CPU share of the container.")),
    (Field::SpecMemory, gauge("container_spec_memory_limit_bytes", "Memory limit for the container.")),
    (Field::SpecSwap, gauge("container_spec_memory_swap_limit_bytes", "Memory swap limit for the container.")),
    (Field::SpecReservation, gauge("container_spec_memory_reservation_limit_bytes", "Memory reservation limit for the container.")),
];

/// Told only of cgroups that have a quota.
const WITH_QUOTA: [Field; 5] = [
    Field::CfsPeriods,
    Field::CfsThrottledPeriods,
    Field::CfsThrottledTime,
    Field::CfsBurstPeriods,
    Field::CfsBurstTime,
];

const LAST_SEEN: Family =
    gauge("container_last_seen", "Last time a container was seen by the exporter");
const CPU_USAGE: Family =
    counter("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.");
const WORKING_SET: Family =
    gauge("container_memory_working_set_bytes", "Current working set in bytes.");
const FAILURES: Family =
    counter("container_memory_failures_total", "Cumulative count of memory allocation failures.");
const DEVICE_USAGE: Family =
    counter("container_blkio_device_usage_total", "Blkio Device bytes usage");

/// Bytes and operations, read and written.
const DEVICE: [[Family; 2]; 2] = [
    [
        counter("container_fs_reads_bytes_total", "Cumulative count of bytes read"),
        counter("container_fs_writes_bytes_total", "Cumulative count of bytes written"),
    ],
    [
        counter("container_fs_reads_total", "Cumulative count of reads completed"),
        counter("container_fs_writes_total", "Cumulative count of writes completed"),
    ],
];

/// What `operation` is called, in the order of [`Device::bytes`].
const OPERATIONS: [&str; 3] = ["Read", "Write", "Discard"];

/// Page faults: how cAdvisor calls them, and where they were counted: here and below, here only.
const FAULTS: [(&str, Field, Field); 2] = [
    ("pgfault", Field::Faults, Field::OwnFaults),
    ("pgmajfault", Field::MajorFaults, Field::OwnMajorFaults),
];

/// Pushes one cgroup after the other.
pub(super) struct Pusher<'a> {
    devices: &'a Path,
    /// Seconds since 1970.
    seen: u64,
    samples: &'a mut Samples,
    /// Names of devices by their numbers, of this scrape only: numbers are given again.
    names: HashMap<(u32, u32), String>,
}

/// The labels that say which cgroup, and others behind them.
struct Labels<'a> {
    all: [(&'a str, &'a str); Labels::MAX],
    own: usize,
}

impl<'a> Labels<'a> {
    const MAX: usize = 6;

    /// An empty name is no label.
    fn new(id: &'a str, name: &'a str) -> Labels<'a> {
        let mut all = [("", ""); Labels::MAX];
        all[0] = ("id", id);
        all[1] = ("name", name);
        Labels { all, own: if name.is_empty() { 1 } else { 2 } }
    }

    fn own(&self) -> &[(&'a str, &'a str)] {
        &self.all[..self.own]
    }

    /// With at most four more.
    fn with<'b>(&self, more: &[(&'b str, &'b str)]) -> Labels<'b>
    where
        'a: 'b,
    {
        let mut labels = Labels { all: self.all, own: self.own };
        for (place, label) in labels.all[self.own..].iter_mut().zip(more) {
            *place = *label;
            labels.own += 1;
        }
        labels
    }
}

impl<'a> Pusher<'a> {
    /// `devices` is `/sys/dev/block`.
    pub(super) fn new(devices: &'a Path, seen: u64, samples: &'a mut Samples) -> Pusher<'a> {
        Pusher { devices, seen, samples, names: HashMap::new() }
    }

    /// Pushes what is known of one cgroup.
    pub(super) fn push(&mut self, id: &str, stats: &Stats) {
        let name = container_name(id);
        let labels = Labels::new(id, &name);
        self.samples.push(&LAST_SEEN, labels.own(), self.seen as f64);
        let has_quota = stats.get(Field::SpecQuota).is_some();
        for (field, family) in &PLAIN {
            if let Some(value) = stats.get(*field)
                && (has_quota || !WITH_QUOTA.contains(field))
            {
                self.samples.push(family, labels.own(), value);
            }
        }
        if let Some(working_set) = stats.working_set() {
            self.samples.push(&WORKING_SET, labels.own(), working_set);
        }
        if let Some(usage) = stats.get(Field::CpuUsage) {
            self.samples.push(&CPU_USAGE, labels.with(&[("cpu", "total")]).own(), usage);
        }
        for (kind, all, own) in FAULTS {
            let Some(all) = stats.get(all) else { continue };
            // The second version does not tell them apart.
            let own = stats.get(own).unwrap_or(all);
            for (scope, value) in [("container", own), ("hierarchy", all)] {
                let labels = labels.with(&[("failure_type", kind), ("scope", scope)]);
                self.samples.push(&FAILURES, labels.own(), value);
            }
        }
        for device in &stats.devices {
            self.push_device(&labels, device);
        }
    }

    fn push_device(&mut self, labels: &Labels<'_>, device: &Device) {
        let Device { major, minor, .. } = *device;
        let path = self.devices;
        let name = self.names.entry((major, minor)).or_insert_with(|| device_name(path, device));
        let mut numbers = String::new();
        // Writing to a String cannot fail.
        let _ = write!(numbers, "{major}:{minor}");
        let (major, minor) = numbers.split_once(':').unwrap_or_default();
        for (families, values) in DEVICE.iter().zip([&device.bytes, &device.operations]) {
            for (family, value) in families.iter().zip(values) {
                let labels = labels.with(&[("device", name)]);
                self.samples.push(family, labels.own(), *value as f64);
            }
        }
        for (operation, value) in OPERATIONS.iter().zip(device.bytes) {
            let labels = labels.with(&[
                ("device", name),
                ("major", major),
                ("minor", minor),
                ("operation", operation),
            ]);
            self.samples.push(&DEVICE_USAGE, labels.own(), value as f64);
        }
    }
}

/// `/dev/sda`; empty if the device is not known.
fn device_name(devices: &Path, device: &Device) -> String {
    let path = devices.join(format!("{}:{}/uevent", device.major, device.minor));
    let content = crate::source::read_file(&path).unwrap_or_default();
    let name = lines(&content).find_map(|(_, line)| line.strip_prefix(b"DEVNAME="));
    name.map_or_else(String::new, |name| format!("/dev/{}", text(name)))
}
