//! Time per CPU and mode of `/proc/stat`, with what sysfs says of throttling and isolation.

use std::collections::BTreeSet;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::diskstats::label;
use super::{Context, Entry};
use crate::Error;
use crate::cpuinfo::{CpuInfo, FLAGS as INFO_FLAGS};
use crate::parse::{ParseError, cpu_list, lines, unsigned, words};
use crate::settings::{Flag, flag};
use crate::source::{Attributes, KernelFile, read_file};

const GUEST: Flag =
    flag::switch("collector.cpu.guest", "Enables metric node_cpu_guest_seconds_total", true);

pub(super) const ENTRY: Entry = Entry {
    name: "cpu",
    about: "Time that each CPU spent in each mode.",
    on_by_default: true,
    may_block: false,
    flags: &[GUEST, INFO_FLAGS[0], INFO_FLAGS[1], INFO_FLAGS[2]],
    build: |context| Ok(Box::new(Cpu::new(context)?)),
};

const SECONDS: Family =
    Family::counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.");
const GUEST_SECONDS: Family = Family::counter(
    "node_cpu_guest_seconds_total",
    "Seconds the CPUs spent in guests (VMs) for each mode.",
);
const CORE_THROTTLES: Family = Family::counter(
    "node_cpu_core_throttles_total",
    "Number of times this CPU core has been throttled.",
);
const PACKAGE_THROTTLES: Family = Family::counter(
    "node_cpu_package_throttles_total",
    "Number of times this CPU package has been throttled.",
);
const ISOLATED: Family = Family::gauge(
    "node_cpu_isolated",
    "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.",
);
const ONLINE: Family =
    Family::gauge("node_cpu_online", "CPUs that are online and being scheduled.");

/// The columns of a `cpuN` line, the last two being guests. `Documentation/filesystems/proc.rst`.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST_MODES: [&str; 2] = ["user", "nice"];
const COLUMNS: usize = MODES.len() + GUEST_MODES.len();
const IDLE: usize = 3;

/// `/proc/stat` counts in hundredths of a second on every architecture that matters.
const TICKS_PER_SECOND: f64 = 100.0;

/// When idle time falls by as much, the CPU was taken out and put back, and counts from zero.
const IDLE_RESET_TICKS: u64 = 300;

struct Cpu {
    file: KernelFile,
    with_guest: bool,
    info: Option<CpuInfo>,
    isolated: Vec<u32>,
    directory: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// Highest values so far, by CPU.
    times: Vec<Times>,
    /// What to read of each CPU in sysfs; found anew when CPUs come or go.
    places: Vec<Place>,
    attributes: Attributes,
}

/// The counters of one CPU, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    cpu: u32,
    ticks: [u64; COLUMNS],
    seen: bool,
}

/// A CPU in sysfs.
struct Place {
    cpu: String,
    /// Opened anew each time: kept open, they would be too many on a host of a thousand CPUs.
    online: Option<PathBuf>,
    /// Of the first CPU of each core: package, core, and the file that all its CPUs show.
    core_throttles: Option<(u64, u64, PathBuf)>,
    /// Likewise of the first CPU of each package.
    package_throttles: Option<(u64, PathBuf)>,
}

impl Cpu {
    fn new(context: &Context<'_>) -> Result<Cpu, Error> {
        let directory = context.roots().sys("devices/system/cpu");
        let isolated = read_file(&directory.join("isolated")).ok();
        Ok(Cpu {
            file: KernelFile::new(context.roots().proc("stat")),
            with_guest: context.settings().switch(&GUEST),
            info: CpuInfo::new(context)?,
            isolated: isolated.and_then(|list| cpu_list(&list)).unwrap_or_default(),
            directory,
            state: Mutex::new(State {
                times: Vec::new(),
                places: Vec::new(),
                attributes: Attributes::new(),
            }),
        })
    }

    /// Takes in the lines of all CPUs; says whether CPUs came or went.
    fn read_times(&self, times: &mut Vec<Times>) -> Result<bool, CollectError> {
        let text = self.file.collect()?;
        let before = times.len();
        times.iter_mut().for_each(|times| times.seen = false);
        let mut expected = 0;
        for (number, line) in lines(&text) {
            let parsed = parse_line(number, line).map_err(|error| self.file.failed(error))?;
            let Some(new) = parsed else { continue };
            // The lines stand as they stood before; only where a CPU came or went is it looked for.
            let is_expected = times.get(expected).is_some_and(|times| times.cpu == new.cpu);
            let known = if is_expected { Some(expected) } else { position(times, new.cpu) };
            match known {
                Some(at) => advance(&mut times[at], &new.ticks),
                None => times.push(new),
            }
            expected = known.map_or(times.len(), |at| at + 1);
        }
        let added = times.len() != before;
        let known = times.len();
        times.retain(|times| times.seen);
        Ok(added || times.len() != known)
    }

    /// Looks up the CPUs in sysfs.
    fn find_places(&self, attributes: &mut Attributes) -> Vec<Place> {
        let names = crate::source::names_in(&self.directory).unwrap_or_default();
        let numbers = names.iter().filter_map(|name| name.strip_prefix("cpu"));
        let numbers = numbers.filter(|number| unsigned(number.as_bytes()).is_some());
        let file = |path: PathBuf| path.exists().then_some(path);
        let (mut cores, mut packages) = (BTreeSet::new(), BTreeSet::new());
        let places = numbers.map(|number| {
            let cpu = self.directory.join(format!("cpu{number}"));
            let package = attributes.unsigned(&cpu.join("topology/physical_package_id"));
            let core = attributes.unsigned(&cpu.join("topology/core_id"));
            let place = package.zip(core);
            let core = place.filter(|core| !cores.contains(core));
            let core_throttles = core.and_then(|core| {
                let path = file(cpu.join("thermal_throttle/core_throttle_count"))?;
                cores.insert(core);
                Some((core.0, core.1, path))
            });
            let package = place.map(|place| place.0).filter(|package| !packages.contains(package));
            let package_throttles = package.and_then(|package| {
                let path = file(cpu.join("thermal_throttle/package_throttle_count"))?;
                packages.insert(package);
                Some((package, path))
            });
            Place {
                cpu: number.to_owned(),
                online: file(cpu.join("online")),
                core_throttles,
                package_throttles,
            }
        });
        places.collect()
    }

    fn push_times(&self, times: &[Times], samples: &mut Samples) {
        let mut buffer = String::new();
        for times in times {
            let cpu = label(&mut buffer, times.cpu);
            for (mode, ticks) in MODES.iter().zip(times.ticks) {
                let seconds = ticks as f64 / TICKS_PER_SECOND;
                samples.push(&SECONDS, &[("cpu", cpu), ("mode", mode)], seconds);
            }
        }
        for times in times.iter().filter(|_| self.with_guest) {
            let cpu = label(&mut buffer, times.cpu);
            for (mode, ticks) in GUEST_MODES.iter().zip(&times.ticks[MODES.len()..]) {
                let seconds = *ticks as f64 / TICKS_PER_SECOND;
                samples.push(&GUEST_SECONDS, &[("cpu", cpu), ("mode", mode)], seconds);
            }
        }
    }
}

/// The times of a `cpuN` line, `None` for all others. Old kernels have fewer columns.
fn parse_line(number: usize, line: &[u8]) -> Result<Option<Times>, ParseError> {
    let mut words = words(line);
    let digits = words.next().and_then(|word| word.strip_prefix(b"cpu"));
    let Some(cpu) = digits.filter(|digits| !digits.is_empty()) else { return Ok(None) };
    let wrong = |word| ParseError::new(number, "a number", word);
    let cpu = unsigned(cpu).and_then(|cpu| u32::try_from(cpu).ok()).ok_or_else(|| wrong(cpu))?;
    let mut ticks = [0; COLUMNS];
    for (column, word) in ticks.iter_mut().zip(words) {
        *column = unsigned(word).ok_or_else(|| wrong(word))?;
    }
    Ok(Some(Times { cpu, ticks, seen: true }))
}

/// Counters that the kernel lets fall, as it does with idle and iowait, stay where they were.
fn advance(known: &mut Times, ticks: &[u64; COLUMNS]) {
    if known.ticks[IDLE].saturating_sub(ticks[IDLE]) >= IDLE_RESET_TICKS {
        known.ticks = [0; COLUMNS];
    }
    for (old, new) in known.ticks.iter_mut().zip(ticks) {
        *old = (*old).max(*new);
    }
    known.seen = true;
}

/// Where among the known is this CPU?
fn position(times: &[Times], cpu: u32) -> Option<usize> {
    times.iter().position(|times| times.cpu == cpu)
}

fn push_places(places: &[Place], attributes: &mut Attributes, samples: &mut Samples) {
    let (mut package_label, mut core_label) = (String::new(), String::new());
    // Where the first CPU cannot be switched off there is nothing to tell of the others either.
    let has_online = places.first().is_some_and(|place| place.online.is_some());
    for place in places {
        if has_online {
            let online = place.online.as_ref().and_then(|path| attributes.unsigned(path));
            let online = if online == Some(1) { 1.0 } else { 0.0 };
            samples.push(&ONLINE, &[("cpu", &place.cpu)], online);
        }
        if let Some((package, core, path)) = &place.core_throttles
            && let Some(count) = attributes.unsigned(path)
        {
            let package = label(&mut package_label, package);
            let labels = [("package", package), ("core", label(&mut core_label, core))];
            samples.push(&CORE_THROTTLES, &labels, count as f64);
        }
        if let Some((package, path)) = &place.package_throttles
            && let Some(count) = attributes.unsigned(path)
        {
            let labels = [("package", label(&mut package_label, package))];
            samples.push(&PACKAGE_THROTTLES, &labels, count as f64);
        }
    }
}

impl Collector for Cpu {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        if let Some(info) = &self.info {
            info.collect(samples)?;
        }
        let state = &mut *self.state.lock();
        if self.read_times(&mut state.times)? {
            state.places = self.find_places(&mut state.attributes);
        }
        self.push_times(&state.times, samples);
        let mut buffer = String::new();
        for cpu in &self.isolated {
            samples.push(&ISOLATED, &[("cpu", label(&mut buffer, cpu))], 1.0);
        }
        push_places(&state.places, &mut state.attributes, samples);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_never_fall_unless_idle_shows_a_new_cpu() {
        fn check(old: [u64; 2], new: [u64; 2], expected: [u64; 2]) {
            let ticks = |[user, idle]: [u64; 2]| {
                let mut ticks = [0; COLUMNS];
                (ticks[0], ticks[IDLE]) = (user, idle);
                ticks
            };
            let mut known = Times { cpu: 0, ticks: ticks(old), seen: false };
            advance(&mut known, &ticks(new));
            assert_eq!(known, Times { cpu: 0, ticks: ticks(expected), seen: true });
        }
        check([1, 1000], [2, 1001], [2, 1001]);
        check([5, 1000], [4, 999], [5, 1000]);
        check([5, 1000], [4, 701], [5, 1000]);
        check([5, 1000], [4, 700], [4, 700]);
    }

    #[test]
    fn only_lines_of_single_cpus_count() {
        fn check(line: &str, expected: Result<Option<(u32, u64)>, &str>) {
            let found = parse_line(1, line.as_bytes());
            let found = found.map(|times| times.map(|times| (times.cpu, times.ticks.iter().sum())));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        check("cpu  1 2 3", Ok(None));
        check("intr 1", Ok(None));
        check("cpu12 1 2 3 4", Ok(Some((12, 10))));
        check("cpu12 1 x", Err("line 1: expected a number, found \"x\""));
        check("cpux 1", Err("line 1: expected a number, found \"x\""));
    }
}
