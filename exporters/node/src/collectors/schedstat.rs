//! Time that tasks ran and waited, per CPU: `/proc/schedstat`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, lines, text, unsigned, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "schedstat",
    about: "Scheduler statistics per CPU of /proc/schedstat.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Schedstat { file: KernelFile::new(context.roots().proc("schedstat")) }))
    },
};

const RUNNING: Family = Family::counter(
    "node_schedstat_running_seconds_total",
    "Number of seconds CPU spent running a process.",
);
const WAITING: Family = Family::counter(
    "node_schedstat_waiting_seconds_total",
    "Number of seconds spent by processing waiting for this CPU.",
);
const TIMESLICES: Family =
    Family::counter("node_schedstat_timeslices_total", "Number of timeslices executed by CPU.");

struct Schedstat {
    file: KernelFile,
}

/// The last three of the nine counters of a `cpuN` line, times in ns.
/// `Documentation/scheduler/sched-stats.rst`.
#[derive(Debug, PartialEq, Eq)]
struct Cpu<'a> {
    number: &'a [u8],
    running_ns: u64,
    waiting_ns: u64,
    timeslices: u64,
}

fn parse_line(number_of_line: usize, line: &[u8]) -> Result<Option<Cpu<'_>>, ParseError> {
    let mut words = words(line);
    let Some(number) = words.next().and_then(|word| word.strip_prefix(b"cpu")) else {
        return Ok(None);
    };
    let mut words = words.skip(6);
    let mut next = || {
        let word = words.next().unwrap_or_default();
        unsigned(word).ok_or_else(|| ParseError::new(number_of_line, "a number", word))
    };
    Ok(Some(Cpu { number, running_ns: next()?, waiting_ns: next()?, timeslices: next()? }))
}

impl Collector for Schedstat {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect_or_absent()?;
        for (number, line) in lines(&content) {
            let parsed = parse_line(number, line).map_err(|error| self.file.failed(error))?;
            let Some(cpu) = parsed else { continue };
            let number = text(cpu.number);
            let labels = [("cpu", &*number)];
            samples.push(&RUNNING, &labels, cpu.running_ns as f64 / 1e9);
            samples.push(&WAITING, &labels, cpu.waiting_ns as f64 / 1e9);
            samples.push(&TIMESLICES, &labels, cpu.timeslices as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_three_of_nine_counters_are_read() {
        fn check(line: &str, expected: Result<Option<(&str, u64, u64, u64)>, &str>) {
            let found = parse_line(2, line.as_bytes()).map_err(|error| error.to_string());
            let expected = expected.map(|cpu| {
                cpu.map(|(number, running_ns, waiting_ns, timeslices)| Cpu {
                    number: number.as_bytes(),
                    running_ns,
                    waiting_ns,
                    timeslices,
                })
            });
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("version 15", Ok(None));
        check("domain0 00000003 1 2", Ok(None));
        check("cpu1 1 2 3 4 5 6 7 8 9", Ok(Some(("1", 7, 8, 9))));
        check("cpu1 1 2 3 4 5 6 7 8", Err("line 2: expected a number, found \"\""));
    }
}
