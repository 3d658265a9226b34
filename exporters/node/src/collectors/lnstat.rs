//! Counters of kernel network caches per CPU: the files of `/proc/net/stat`.

use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::Entry;
use super::diskstats::label;
use crate::named::{NameCache, Named, sanitize};
use crate::parse::{ParseError, hex, lines, text, words};
use crate::source::{KernelFile, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "lnstat",
    about: "Counters of network caches per CPU of /proc/net/stat.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        let directory = context.roots().proc("net/stat");
        Ok(Box::new(Lnstat { directory, subsystems: Mutex::default() }))
    },
};

const HELP: &str = "linux network cache stats";

struct Lnstat {
    directory: PathBuf,
    subsystems: Mutex<Vec<Subsystem>>,
}

/// One file: headings in its first line, then a line of hexadecimal numbers for each CPU.
struct Subsystem {
    name: String,
    file: KernelFile,
    columns: NameCache,
}

impl Subsystem {
    fn collect(&mut self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        let mut lines = lines(&content);
        let (_, headings) = lines.next().unwrap_or_default();
        let mut buffer = String::new();
        for (cpu, (number, line)) in lines.enumerate() {
            let labels = [("subsystem", &*self.name), ("cpu", label(&mut buffer, cpu))];
            self.columns.rewind();
            for cell in cells(number, headings, line) {
                let (heading, value) = cell.map_err(|error| self.file.failed(error))?;
                if let Some(Named { name, help }) = self.columns.get(heading, name) {
                    samples.push_named(name, help, MetricType::Counter, &labels, value as f64);
                }
            }
        }
        Ok(())
    }
}

fn name(heading: &[u8]) -> Option<Named> {
    let name = format!("node_lnstat_{}_total", sanitize(&text(heading)));
    Some(Named { name, help: HELP.to_owned() })
}

/// Headings with the numbers below them.
fn cells<'a>(
    number: usize,
    headings: &'a [u8],
    line: &'a [u8],
) -> impl Iterator<Item = Result<(&'a [u8], u64), ParseError>> {
    words(headings).zip(words(line)).map(move |(heading, word)| {
        let value = hex(word);
        let wrong = || ParseError::new(number, "a hexadecimal number", word);
        Ok((heading, value.ok_or_else(wrong)?))
    })
}

impl Collector for Lnstat {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        // A kernel without any of these caches has no directory.
        let names = names_in(&self.directory).unwrap_or_default();
        let mut subsystems = self.subsystems.lock();
        subsystems.retain(|subsystem| names.contains(&subsystem.name));
        for name in names {
            if subsystems.iter().all(|subsystem| subsystem.name != name) {
                let file = KernelFile::new(self.directory.join(&name));
                subsystems.push(Subsystem { name, file, columns: NameCache::default() });
            }
        }
        subsystems.iter_mut().try_for_each(|subsystem| subsystem.collect(samples))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_below_their_headings() {
        fn check(headings: &str, line: &str, expected: Result<&[(&str, u64)], &str>) {
            let found: Result<Vec<_>, _> = cells(2, headings.as_bytes(), line.as_bytes()).collect();
            let found = found.map_err(|error| error.to_string());
            let expected = expected
                .map(|cells| cells.iter().map(|(name, value)| (name.as_bytes(), *value)).collect());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("entries  allocs", "00000014\t0000000d", Ok(&[("entries", 20), ("allocs", 13)]));
        check("entries", "1 2 3", Ok(&[("entries", 1)]));
        check("entries allocs", "1", Ok(&[("entries", 1)]));
        check("", "1", Ok(&[]));
        check("entries", "g", Err("line 2: expected a hexadecimal number, found \"g\""));
    }
}
