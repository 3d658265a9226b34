//! Pressure stall information: `/proc/pressure`.

use std::io;

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, lines, unsigned, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "pressure",
    about: "Pressure stall information of /proc/pressure.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let file = |resource: &Resource| {
            KernelFile::new(context.roots().proc("pressure").join(resource.name))
        };
        Ok(Box::new(Pressure { files: RESOURCES.each_ref().map(file) }))
    },
};

/// A resource and the families of its two lines, where they are exported.
struct Resource {
    name: &'static str,
    some: Option<Family>,
    full: Option<Family>,
}

const RESOURCES: [Resource; 4] = [
    Resource {
        name: "cpu",
        some: Some(Family::counter(
            "node_pressure_cpu_waiting_seconds_total",
            "Total time in seconds that processes have waited for CPU time",
        )),
        full: None,
    },
    Resource {
        name: "io",
        some: Some(Family::counter(
            "node_pressure_io_waiting_seconds_total",
            "Total time in seconds that processes have waited due to IO congestion",
        )),
        full: Some(Family::counter(
            "node_pressure_io_stalled_seconds_total",
            "Total time in seconds no process could make progress due to IO congestion",
        )),
    },
    Resource {
        name: "memory",
        some: Some(Family::counter(
            "node_pressure_memory_waiting_seconds_total",
            "Total time in seconds that processes have waited for memory",
        )),
        full: Some(Family::counter(
            "node_pressure_memory_stalled_seconds_total",
            "Total time in seconds no process could make progress due to memory congestion",
        )),
    },
    Resource {
        name: "irq",
        some: None,
        full: Some(Family::counter(
            "node_pressure_irq_stalled_seconds_total",
            "Total time in seconds no process could make progress due to IRQ congestion",
        )),
    },
];

struct Pressure {
    files: [KernelFile; RESOURCES.len()],
}

/// Total stall times in µs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stalls {
    some_us: Option<u64>,
    full_us: Option<u64>,
}

fn parse(text: &[u8]) -> Result<Stalls, ParseError> {
    let mut stalls = Stalls::default();
    for (number, line) in lines(text) {
        let mut words = words(line);
        let kind = words.next();
        let total = words.find_map(|word| word.strip_prefix(b"total="));
        let total = total.and_then(unsigned);
        let total = total.ok_or_else(|| ParseError::new(number, "total=<microseconds>", line))?;
        match kind {
            Some(b"some") => stalls.some_us = Some(total),
            Some(b"full") => stalls.full_us = Some(total),
            _ => {}
        }
    }
    Ok(stalls)
}

impl Collector for Pressure {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for (resource, file) in RESOURCES.iter().zip(&self.files) {
            let text = match file.read() {
                Ok(text) => text,
                // Kernels without interrupt time accounting have no pressure/irq.
                Err(error) if error.kind() == io::ErrorKind::NotFound && resource.name == "irq" => {
                    continue;
                }
                Err(error) if is_switched_off(&error) => {
                    return Err(CollectError::Absent(format!("pressure information: {error}")));
                }
                Err(error) => return Err(file.failed(error)),
            };
            let stalls = parse(&text).map_err(|error| file.failed(error))?;
            for (family, total_us) in
                [(&resource.some, stalls.some_us), (&resource.full, stalls.full_us)]
            {
                if let (Some(family), Some(total_us)) = (family, total_us) {
                    samples.push(family, &[], total_us as f64 / 1000.0 / 1000.0);
                }
            }
        }
        Ok(())
    }
}

/// Before Linux 4.20 the files do not exist; with `psi=0` reading them is not supported.
fn is_switched_off(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::OPNOTSUPP.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_of_both_lines_are_read_in_whatever_order() {
        fn check(text: &str, expected: Result<(Option<u64>, Option<u64>), &str>) {
            let found = parse(text.as_bytes()).map(|stalls| (stalls.some_us, stalls.full_us));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        let some = "some avg10=0.18 avg60=0.34 avg300=0.10 total=159886802";
        let full = "full avg10=0.00 avg60=0.00 avg300=0.00 total=8494";
        check(some, Ok((Some(159886802), None)));
        check(full, Ok((None, Some(8494))));
        check(&format!("{full}\n{some}\n"), Ok((Some(159886802), Some(8494))));
        check("", Ok((None, None)));
        check("some avg10=0", Err("line 1: expected total=<microseconds>, found \"some avg10=0\""));
    }
}
