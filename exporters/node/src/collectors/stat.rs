//! The counters of `/proc/stat` that are not about single CPUs.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, lines, number, words};
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

const SOFTIRQ: Flag =
    flag::switch("collector.stat.softirq", "Export softirq calls per vector", false);

pub(super) const ENTRY: Entry = Entry {
    name: "stat",
    about: "Interrupts, context switches, forks, boot time and processes of /proc/stat.",
    on_by_default: true,
    may_block: false,
    flags: &[SOFTIRQ],
    build: |context| {
        let file = KernelFile::new(context.roots().proc("stat"));
        Ok(Box::new(Stat { file, with_softirqs: context.settings().switch(&SOFTIRQ) }))
    },
};

const FIELDS: [(&[u8], Family); 6] = [
    (b"intr", Family::counter("node_intr_total", "Total number of interrupts serviced.")),
    (b"ctxt", Family::counter("node_context_switches_total", "Total number of context switches.")),
    (b"processes", Family::counter("node_forks_total", "Total number of forks.")),
    (b"btime", Family::gauge("node_boot_time_seconds", "Node boot time, in unixtime.")),
    (
        b"procs_running",
        Family::gauge("node_procs_running", "Number of processes in runnable state."),
    ),
    (
        b"procs_blocked",
        Family::gauge(
            "node_procs_blocked",
            "Number of processes blocked waiting for I/O to complete.",
        ),
    ),
];

const SOFTIRQS: Family = Family::counter("node_softirqs_total", "Number of softirq calls.");

/// Vectors in the order of the `softirq` line, after its total. `linux/interrupt.h`.
const VECTORS: [&str; 10] = [
    "hi",
    "timer",
    "net_tx",
    "net_rx",
    "block",
    "block_iopoll",
    "tasklet",
    "sched",
    "hrtimer",
    "rcu",
];

struct Stat {
    file: KernelFile,
    with_softirqs: bool,
}

#[derive(Debug, Default, PartialEq)]
struct Totals {
    /// In the order of [`FIELDS`].
    fields: [Option<f64>; FIELDS.len()],
    /// In the order of [`VECTORS`].
    softirqs: Option<[f64; VECTORS.len()]>,
}

fn parse(text: &[u8]) -> Result<Totals, ParseError> {
    let mut totals = Totals::default();
    for (number_of_line, line) in lines(text) {
        if line.starts_with(b"cpu") {
            continue;
        }
        let mut words = words(line);
        let Some(key) = words.next() else { continue };
        let mut next = || {
            let word = words.next().unwrap_or_default();
            number(word).ok_or_else(|| ParseError::new(number_of_line, "a number", word))
        };
        if key == b"softirq" {
            next()?;
            let mut softirqs = [0.0; VECTORS.len()];
            for count in &mut softirqs {
                *count = next()?;
            }
            totals.softirqs = Some(softirqs);
        } else if let Some(at) = FIELDS.iter().position(|(name, _)| *name == key) {
            totals.fields[at] = Some(next()?);
        }
    }
    Ok(totals)
}

impl Collector for Stat {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let totals = parse(&self.file.collect()?).map_err(|error| self.file.failed(error))?;
        for ((_, family), value) in FIELDS.iter().zip(totals.fields) {
            samples.push(family, &[], value.unwrap_or(0.0));
        }
        if let (true, Some(softirqs)) = (self.with_softirqs, totals.softirqs) {
            for (vector, count) in VECTORS.iter().zip(softirqs) {
                samples.push(&SOFTIRQS, &[("vector", vector)], count);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_lines_are_passed_over() {
        fn check(text: &str, expected: Result<([Option<f64>; 6], Option<f64>), &str>) {
            let found = parse(text.as_bytes()).map(|totals| {
                (totals.fields, totals.softirqs.map(|softirqs| softirqs.iter().sum()))
            });
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        let all = "cpu  1 2\ncpu0 1 2\nintr 8 1 7\nctxt 9\nbtime 10\nprocesses 11\nprocs_running 2\n\
                   procs_blocked 0\nsoftirq 55 1 2 3 4 5 6 7 8 9 10\nnew 1\n";
        let fields = [Some(8.0), Some(9.0), Some(11.0), Some(10.0), Some(2.0), Some(0.0)];
        check(all, Ok((fields, Some(55.0))));
        check("", Ok(([None; 6], None)));
        check("ctxt x", Err("line 1: expected a number, found \"x\""));
        check("softirq 1 2", Err("line 1: expected a number, found \"\""));
    }
}
