//! Counters of the processor and of the kernel per CPU: `perf_event_open(2)`. They are opened once,
//! count from then on, and are exported as they are: not scaled up where the processor's counters
//! had to take turns. What a machine cannot count is left out.

mod events;

use common_instrument::{CollectError, Collector, Samples};
use common_model::MetricType;
use parking_lot::Mutex;
use perf_event::events::Software;
use perf_event::{Builder, Counter, ReadFormat};

use self::events::{CACHE, Event, HARDWARE, SOFTWARE, Tracepoint};
use super::{Context, Entry};
use crate::Error;
use crate::named::Named;
use crate::settings::{Flag, flag};

pub(super) const ENTRY: Entry = Entry {
    name: "perf",
    about: "Counters of the processor, of the kernel and of tracepoints.",
    on_by_default: false,
    may_block: false,
    flags: &[
        CPUS,
        TRACEPOINT,
        NO_HARDWARE,
        HARDWARE_ONLY,
        NO_SOFTWARE,
        SOFTWARE_ONLY,
        NO_CACHE,
        CACHE_ONLY,
    ],
    build: |context| Ok(Box::new(Perf::new(context)?)),
};

const CPUS: Flag = flag::text(
    "collector.perf.cpus",
    "List of CPUs from which perf metrics should be collected",
    "",
);
const TRACEPOINT: Flag =
    flag::texts("collector.perf.tracepoint", "perf tracepoint that should be collected");
const NO_HARDWARE: Flag = flag::switch(
    "collector.perf.disable-hardware-profilers",
    "disable perf hardware profilers",
    false,
);
const HARDWARE_ONLY: Flag = flag::texts(
    "collector.perf.hardware-profilers",
    "perf hardware profilers that should be collected",
);
const NO_SOFTWARE: Flag = flag::switch(
    "collector.perf.disable-software-profilers",
    "disable perf software profilers",
    false,
);
const SOFTWARE_ONLY: Flag = flag::texts(
    "collector.perf.software-profilers",
    "perf software profilers that should be collected",
);
const NO_CACHE: Flag =
    flag::switch("collector.perf.disable-cache-profilers", "disable perf cache profilers", false);
const CACHE_ONLY: Flag =
    flag::texts("collector.perf.cache-profilers", "perf cache profilers that should be collected");

/// `enum perf_type_id`: tracepoints.
const TYPE_TRACEPOINT: u32 = 2;

/// No machine has more.
const CPUS_MAX: u32 = 65_536;

struct Perf {
    /// Names of the tracepoints, in the order of the counters.
    tracepoints: Vec<Named>,
    cpus: Mutex<Vec<Cpu>>,
}

/// The open counters of one CPU.
struct Cpu {
    label: String,
    counters: Vec<(&'static Event, Counter)>,
    tracepoints: Vec<Counter>,
}

impl Perf {
    fn new(context: &Context<'_>) -> Result<Perf, Error> {
        let settings = context.settings();
        let wrong = |flag: &Flag, expected, found: String| Error::Value {
            flag: flag.name,
            expected,
            found,
        };
        let cpus = match settings.text(&CPUS) {
            "" => (0..cpu_count()).collect(),
            list => parse_cpus(list)
                .ok_or_else(|| wrong(&CPUS, "CPUs such as 0,2-4,8-16:2", list.to_owned()))?,
        };
        let tracepoints = settings.texts(&TRACEPOINT).iter();
        let tracepoints = tracepoints.map(|name| {
            Tracepoint::find(context.roots(), name).map_err(|problem| {
                wrong(&TRACEPOINT, "SUBSYSTEM:EVENT that the kernel has", problem)
            })
        });
        let tracepoints = tracepoints.collect::<Result<Vec<Tracepoint>, Error>>()?;
        let groups = [
            (&NO_HARDWARE, &HARDWARE_ONLY, HARDWARE),
            (&NO_SOFTWARE, &SOFTWARE_ONLY, SOFTWARE),
            (&NO_CACHE, &CACHE_ONLY, CACHE),
        ];
        let mut wanted = Vec::new();
        for (disabled, only, events) in groups {
            if !settings.switch(disabled) {
                wanted.extend(events::select(events, settings.texts(only)));
            }
        }
        let open = |cpu: u32| {
            let tracepoints = open_tracepoints(cpu, &tracepoints).map_err(|error| {
                wrong(&TRACEPOINT, "tracepoints that may be counted", error.to_string())
            })?;
            let counters = wanted.iter().filter_map(|event| Some((*event, open(cpu, event)?)));
            Ok(Cpu { label: cpu.to_string(), counters: counters.collect(), tracepoints })
        };
        let cpus = cpus.into_iter().map(open).collect::<Result<Vec<Cpu>, Error>>()?;
        let tracepoints = tracepoints.into_iter().map(|tracepoint| tracepoint.named).collect();
        Ok(Perf { tracepoints, cpus: Mutex::new(cpus) })
    }
}

/// How many CPUs this process may use.
fn cpu_count() -> u32 {
    let set = rustix::thread::sched_getaffinity(None);
    set.map_or(1, |set| set.count()).min(CPUS_MAX)
}

/// CPUs and ranges of them, the latter with a step if one is given: `0,2-4,8-16:2`.
fn parse_cpus(list: &str) -> Option<Vec<u32>> {
    let number = |text: &str| text.parse().ok().filter(|&number| number < CPUS_MAX);
    let mut cpus = Vec::new();
    for part in list.split(',') {
        let Some((first, rest)) = part.split_once('-') else {
            cpus.push(number(part)?);
            continue;
        };
        let (last, step) = rest.split_once(':').unwrap_or((rest, "1"));
        let step = number(step).filter(|&step| step > 0)?;
        cpus.extend((number(first)?..=number(last)?).step_by(step as usize));
    }
    cpus.sort_unstable();
    cpus.dedup();
    Some(cpus)
}

/// Everything that runs on a CPU, kernel included.
fn builder<'a>(cpu: u32, kind: u32, config: u64) -> Builder<'a> {
    let mut builder = Builder::new(Software::DUMMY);
    let attributes = builder.attrs_mut();
    attributes.type_ = kind;
    attributes.config = config;
    builder.any_pid().one_cpu(cpu as usize).exclude_kernel(false);
    builder
}

/// A running counter; `None` if this machine, or its owner, does not allow it.
fn open(cpu: u32, event: &Event) -> Option<Counter> {
    let opened = builder(cpu, event.kind, event.config).inherit(true).build();
    let started = opened.and_then(|mut counter| counter.enable().map(|()| counter));
    if let Err(error) = &started {
        tracing::debug!(cpu, event = event.name, err = %error, "Failed to setup profiler");
    }
    started.ok()
}

/// Running counters of all tracepoints, as one group: they count at the same times.
fn open_tracepoints(cpu: u32, tracepoints: &[Tracepoint]) -> std::io::Result<Vec<Counter>> {
    let Some((first, others)) = tracepoints.split_first() else { return Ok(Vec::new()) };
    let times = ReadFormat::TOTAL_TIME_ENABLED | ReadFormat::TOTAL_TIME_RUNNING;
    let mut leader = builder(cpu, TYPE_TRACEPOINT, first.id);
    let mut counters = vec![leader.read_format(ReadFormat::GROUP | times).build()?];
    for tracepoint in others {
        let member = builder(cpu, TYPE_TRACEPOINT, tracepoint.id);
        let counter = member.build_with_group(&mut counters[0])?;
        counters.push(counter);
    }
    counters[0].enable_group()?;
    Ok(counters)
}

impl Collector for Perf {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for Cpu { label, counters, tracepoints } in &mut *self.cpus.lock() {
            let labels = [("cpu", label.as_str())];
            let failed = |error| CollectError::failed(format_args!("CPU {label}"), error);
            for (event, counter) in counters {
                samples.push(&event.family, &labels, counter.read().map_err(failed)? as f64);
            }
            let Some(leader) = tracepoints.first_mut() else { continue };
            let values = leader.read_group().map_err(failed)?;
            for (counter, named) in tracepoints.iter().zip(&self.tracepoints) {
                let value = values.get(counter).map_or(0, |entry| entry.value());
                let (name, help) = (&named.name, &named.help);
                samples.push_named(name, help, MetricType::Counter, &labels, value as f64);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_have_ranges_with_steps() {
        fn check(list: &str, expected: Option<&[u32]>) {
            assert_eq!(parse_cpus(list).as_deref(), expected, "{list}");
        }
        check("1", Some(&[1]));
        check("1,2,5", Some(&[1, 2, 5]));
        check("1-5", Some(&[1, 2, 3, 4, 5]));
        check("1-10:5", Some(&[1, 6]));
        check("5,1-3,2", Some(&[1, 2, 3, 5]));
        check("5-1", Some(&[]));
        check("1-5:0", None);
        check("0-65536", None);
        check("-1", None);
        check("1-", None);
        check("a", None);
        check("1,", None);
    }

    #[test]
    fn a_cpu_that_does_not_exist_counts_nothing() {
        assert!(SOFTWARE.iter().all(|event| open(CPUS_MAX - 1, event).is_none()));
    }

    #[test]
    fn a_counter_never_goes_down() {
        let switches = &SOFTWARE[1];
        assert_eq!(switches.name, "ContextSwitch");
        // Where the kernel does not allow it there is nothing to count.
        let Some(mut counter) = open(0, switches) else { return };
        let first = counter.read().unwrap();
        std::thread::yield_now();
        assert!(counter.read().unwrap() >= first);
    }
}
