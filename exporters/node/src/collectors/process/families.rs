//! The families of process-exporter, and what of a group goes into which.

use common_instrument::{Family, Samples};

use super::counts::{
    Counts, MAJOR, MINOR, NONVOLUNTARY, READ, STATES, SYSTEM, USER, VOLUNTARY, WRITTEN,
};
use super::group::Group;
use super::read::Wanted;
use crate::pids::TICKS_PER_SECOND;

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help)
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help)
}

const PROCESSES: Family =
    gauge("namedprocess_namegroup_num_procs", "number of processes in this group");
const CPU: Family =
    counter("namedprocess_namegroup_cpu_seconds_total", "Cpu user usage in seconds");
const MEMORY: Family =
    gauge("namedprocess_namegroup_memory_bytes", "number of bytes of memory in use");
const START: Family = gauge(
    "namedprocess_namegroup_oldest_start_time_seconds",
    "start time in seconds since 1970/01/01 of oldest process in group",
);
const FILES: Family =
    gauge("namedprocess_namegroup_open_filedesc", "number of open file descriptors for this group");
const FILES_RATIO: Family = gauge(
    "namedprocess_namegroup_worst_fd_ratio",
    "the worst (closest to 1) ratio between open fds and max fds among all procs in this group",
);
const SWITCHES: Family =
    counter("namedprocess_namegroup_context_switches_total", "Context switches");
const THREADS: Family = gauge("namedprocess_namegroup_num_threads", "Number of threads");
const IN_STATE: Family = gauge(
    "namedprocess_namegroup_states",
    "Number of processes in states Running, Sleeping, Waiting, Zombie, or Other",
);
const WAITING: Family = gauge(
    "namedprocess_namegroup_threads_wchan",
    "Number of threads in this group waiting on each wchan",
);
const THREAD_COUNT: Family = gauge(
    "namedprocess_namegroup_thread_count",
    "Number of threads in this group with same threadname",
);
const THREAD_CPU: Family =
    counter("namedprocess_namegroup_thread_cpu_seconds_total", "Cpu user/system usage in seconds");
const THREAD_IO: Family = counter(
    "namedprocess_namegroup_thread_io_bytes_total",
    "number of bytes read/written by these threads",
);
const THREAD_SWITCHES: Family = counter(
    "namedprocess_namegroup_thread_context_switches_total",
    "Context switches for these threads",
);

/// Counters without labels of their own.
const COUNTERS: [(usize, Family); 4] = [
    (
        READ,
        counter("namedprocess_namegroup_read_bytes_total", "number of bytes read by this group"),
    ),
    (
        WRITTEN,
        counter(
            "namedprocess_namegroup_write_bytes_total",
            "number of bytes written by this group",
        ),
    ),
    (MAJOR, counter("namedprocess_namegroup_major_page_faults_total", "Major page faults")),
    (MINOR, counter("namedprocess_namegroup_minor_page_faults_total", "Minor page faults")),
];

const THREAD_COUNTERS: [(usize, Family); 2] = [
    (
        MAJOR,
        counter(
            "namedprocess_namegroup_thread_major_page_faults_total",
            "Major page faults for these threads",
        ),
    ),
    (
        MINOR,
        counter(
            "namedprocess_namegroup_thread_minor_page_faults_total",
            "Minor page faults for these threads",
        ),
    ),
];

const MODES: [(&str, usize); 2] = [("user", USER), ("system", SYSTEM)];
const IO_MODES: [(&str, usize); 2] = [("read", READ), ("write", WRITTEN)];
const SWITCH_TYPES: [(&str, usize); 2] = [("voluntary", VOLUNTARY), ("nonvoluntary", NONVOLUNTARY)];

/// Pushes a group; `boot` is when the machine was started, in seconds since 1970.
pub(super) fn push(group: &Group, wanted: Wanted, boot: u64, samples: &mut Samples) {
    let name = ("groupname", &*group.name);
    let now = &group.now;
    samples.push(&PROCESSES, &[name], f64::from(now.processes));
    let mut memory = |kind, bytes: u64| {
        samples.push(&MEMORY, &[name, ("memtype", kind)], bytes as f64);
    };
    memory("resident", now.resident);
    memory("virtual", now.virtual_size);
    memory("swapped", now.swapped);
    if wanted.shares {
        memory("proportionalResident", now.shares[0]);
        memory("proportionalSwapped", now.shares[1]);
    }
    // A group without processes did not start at any time.
    if let Some(start) = now.oldest_start {
        let start = boot as f64 + (start as f64 / TICKS_PER_SECOND).floor();
        samples.push(&START, &[name], start);
    }
    samples.push(&FILES, &[name], now.files as f64);
    samples.push(&FILES_RATIO, &[name], now.worst_files_ratio);
    samples.push(&THREADS, &[name], now.threads as f64);
    for (state, count) in STATES.iter().zip(now.states) {
        samples.push(&IN_STATE, &[name, ("state", state)], f64::from(count));
    }
    for (mode, at) in MODES {
        samples.push(&CPU, &[name, ("mode", mode)], seconds(&group.counts, at));
    }
    for (at, family) in &COUNTERS {
        samples.push(family, &[name], group.counts.0[*at] as f64);
    }
    for (kind, at) in SWITCH_TYPES {
        let labels = [name, ("ctxswitchtype", kind)];
        samples.push(&SWITCHES, &labels, group.counts.0[at] as f64);
    }
    for (place, count) in &group.waiting {
        samples.push(&WAITING, &[name, ("wchan", place)], f64::from(*count));
    }
    if wanted.threads {
        push_threads(group, samples);
    }
}

fn push_threads(group: &Group, samples: &mut Samples) {
    let name = ("groupname", &*group.name);
    for (thread, threads) in &group.threads {
        let thread = ("threadname", &**thread);
        let counts = &threads.counts;
        samples.push(&THREAD_COUNT, &[name, thread], f64::from(threads.count));
        for (mode, at) in MODES {
            samples.push(&THREAD_CPU, &[name, thread, ("mode", mode)], seconds(counts, at));
        }
        for (mode, at) in IO_MODES {
            let labels = [name, thread, ("iomode", mode)];
            samples.push(&THREAD_IO, &labels, counts.0[at] as f64);
        }
        for (at, family) in &THREAD_COUNTERS {
            samples.push(family, &[name, thread], counts.0[*at] as f64);
        }
        for (kind, at) in SWITCH_TYPES {
            let labels = [name, thread, ("ctxswitchtype", kind)];
            samples.push(&THREAD_SWITCHES, &labels, counts.0[at] as f64);
        }
    }
}

fn seconds(counts: &Counts, at: usize) -> f64 {
    counts.0[at] as f64 / TICKS_PER_SECOND
}
