//! What the kernel says of this process, under the names of the Go client library.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common_instrument::{CollectError, Collector, Family, Samples};
use rustix::process::Resource;

const CPU: Family = Family::counter(
    "process_cpu_seconds_total",
    "Total user and system CPU time spent in seconds.",
);
const FDS_MAX: Family =
    Family::gauge("process_max_fds", "Maximum number of open file descriptors.");
const FDS: Family = Family::gauge("process_open_fds", "Number of open file descriptors.");
const RESIDENT: Family =
    Family::gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
const VIRTUAL: Family =
    Family::gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
const VIRTUAL_MAX: Family = Family::gauge(
    "process_virtual_memory_max_bytes",
    "Maximum amount of virtual memory available in bytes.",
);
const START: Family = Family::gauge(
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
);
const RECEIVED: Family = Family::counter(
    "process_network_receive_bytes_total",
    "Number of bytes received by the process over the network.",
);
const SENT: Family = Family::counter(
    "process_network_transmit_bytes_total",
    "Number of bytes sent by the process over the network.",
);

/// Clock ticks in a second: the kernel's unit towards programs, whatever its own timer does.
const TICKS_PER_SECOND: f64 = 100.0;

/// Collector of the `process_*` metrics.
#[derive(Debug)]
pub struct ProcessCollector {
    proc: PathBuf,
    /// Seconds since the epoch; asked for once, because `stat` of a big machine is long.
    started: OnceLock<f64>,
}

impl ProcessCollector {
    /// Reads `self/` and `stat` below `proc`, usually `/proc`.
    #[must_use]
    pub fn new(proc: impl Into<PathBuf>) -> ProcessCollector {
        ProcessCollector { proc: proc.into(), started: OnceLock::new() }
    }

    fn read(&self, name: &str) -> Result<String, CollectError> {
        read(&self.proc.join(name))
    }

    fn started(&self, stat: &Stat) -> Result<f64, CollectError> {
        if let Some(started) = self.started.get() {
            return Ok(*started);
        }
        let boot = parse_boot_time(&self.read("stat")?).ok_or_else(|| malformed("stat"))?;
        let started = boot + stat.start_ticks as f64 / TICKS_PER_SECOND;
        Ok(*self.started.get_or_init(|| started))
    }

    /// Open files: since Linux 6.2 the size of their folder, before that its entries.
    fn open_files(&self) -> Result<f64, CollectError> {
        let folder = self.proc.join("self/fd");
        let failed = |error| CollectError::failed(folder.display(), error);
        let count = folder.metadata().map_err(failed)?.len();
        if count > 0 {
            return Ok(count as f64);
        }
        let entries = std::fs::read_dir(&folder).map_err(failed)?;
        // One of them is the folder that is being read.
        Ok(entries.count().saturating_sub(1) as f64)
    }
}

impl Collector for ProcessCollector {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let stat = self.read("self/stat")?;
        let stat = parse_stat(&stat).ok_or_else(|| malformed("self/stat"))?;
        samples.push(&CPU, &[], stat.cpu_ticks as f64 / TICKS_PER_SECOND);
        let page_size = rustix::param::page_size() as f64;
        samples.push(&RESIDENT, &[], stat.resident_pages as f64 * page_size);
        samples.push(&VIRTUAL, &[], stat.virtual_bytes as f64);
        samples.push(&START, &[], self.started(&stat)?);
        samples.push(&FDS_MAX, &[], limit(Resource::Nofile));
        samples.push(&VIRTUAL_MAX, &[], limit(Resource::As));
        samples.push(&FDS, &[], self.open_files()?);

        let netstat = self.read("self/net/netstat")?;
        let octets = |name| parse_netstat(&netstat, "IpExt:", name);
        if let (Some(received), Some(sent)) = (octets("InOctets"), octets("OutOctets")) {
            samples.push(&RECEIVED, &[], received);
            samples.push(&SENT, &[], sent);
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, CollectError> {
    std::fs::read_to_string(path).map_err(|e| CollectError::failed(path.display(), e))
}

fn malformed(file: &str) -> CollectError {
    CollectError::failed(file, "not in the form that proc(5) describes")
}

#[derive(Debug, PartialEq)]
struct Stat {
    cpu_ticks: u64,
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

/// Fields of `/proc/PID/stat`, see proc(5). The command may hold spaces and brackets, so counting
/// starts behind the last bracket, where field 3 follows.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        cpu_ticks: field(14)?.checked_add(field(15)?)?,
        start_ticks: field(22)?,
        virtual_bytes: field(23)?,
        resident_pages: field(24)?,
    })
}

/// Seconds since the epoch at which the machine started, of `/proc/stat`.
fn parse_boot_time(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

/// Lets this process have as many open files as it is allowed to ask for, as Go programs do at
/// their start: the usual soft limit of 1024 is meant for `select(2)`, which nobody calls here.
pub fn raise_file_limit() {
    let mut limits = rustix::process::getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, limits) {
        tracing::debug!(err = %error, "The limit of open files stays");
    }
}

/// A soft limit of this process; what is unlimited counts as 2^64-1, as in Go.
fn limit(resource: Resource) -> f64 {
    rustix::process::getrlimit(resource).current.unwrap_or(u64::MAX) as f64
}

/// A value of `/proc/net/netstat`: a line of names, then a line of numbers.
fn parse_netstat(text: &str, section: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(section));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let at = names.split_ascii_whitespace().position(|n| n == name)?;
    numbers.split_ascii_whitespace().nth(at)?.parse().ok()
}

/// This host's name, as uname(2) knows it.
#[must_use]
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_with_brackets_do_not_confuse() {
        let fields: Vec<String> = (3..=52).map(|n| n.to_string()).collect();
        let text = format!("7 (a) b) c) {}\n", fields.join(" "));
        let expected =
            Stat { cpu_ticks: 14 + 15, start_ticks: 22, virtual_bytes: 23, resident_pages: 24 };
        assert_eq!(parse_stat(&text), Some(expected));
        assert_eq!(parse_stat("7 (a) S 1 2"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn this_process_has_all_metrics() {
        let mut samples = Samples::default();
        ProcessCollector::new("/proc").collect(&mut samples).unwrap();
        let names: Vec<&str> = samples.families().map(|family| family.name()).collect();
        let expected = [CPU, FDS_MAX, RECEIVED, SENT, FDS, RESIDENT, START, VIRTUAL, VIRTUAL_MAX];
        assert_eq!(names, expected.map(|family| family.name));
        let collector = ProcessCollector::new("/proc");
        let entries = std::fs::read_dir("/proc/self/fd").unwrap().count() as f64;
        let open = collector.open_files().unwrap();
        assert!((open - entries).abs() <= 8.0, "{open} of about {entries}, as other tests run");
    }
}
