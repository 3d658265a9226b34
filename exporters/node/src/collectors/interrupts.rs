//! Interrupts per CPU and source: `/proc/interrupts`.

use std::fmt::Write;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{ParseError, lines, number, signed, text, words};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

const INCLUDE: Flag = flag::text(
    "collector.interrupts.name-include",
    "Regexp of interrupts name to include (mutually exclusive to \
     --collector.interrupts.name-exclude).",
    "",
);
const EXCLUDE: Flag = flag::text(
    "collector.interrupts.name-exclude",
    "Regexp of interrupts name to exclude (mutually exclusive to \
     --collector.interrupts.name-include).",
    "",
);
const ZEROS: Flag = flag::switch(
    "collector.interrupts.include-zeros",
    "Include interrupts that have a zero value",
    true,
);

pub(super) const ENTRY: Entry = Entry {
    name: "interrupts",
    about: "Interrupts per CPU of /proc/interrupts.",
    on_by_default: false,
    may_block: false,
    flags: &[INCLUDE, EXCLUDE, ZEROS],
    build: |context| {
        let settings = context.settings();
        // Together they are no error here, unlike those of other collectors: both count.
        let exclude = (&EXCLUDE, settings.text(&EXCLUDE));
        let filter = Filter::new(exclude, (&INCLUDE, settings.text(&INCLUDE)))?;
        Ok(Box::new(Interrupts {
            file: KernelFile::new(context.roots().proc("interrupts")),
            filter,
            with_zeros: settings.switch(&ZEROS),
            texts: Mutex::default(),
        }))
    },
};

const INTERRUPTS: Family = Family::counter("node_interrupts_total", "Interrupt details.");

struct Interrupts {
    file: KernelFile,
    filter: Filter,
    with_zeros: bool,
    texts: Mutex<Texts>,
}

/// Label values under construction, kept for their memory.
#[derive(Default)]
struct Texts {
    /// The number of each column.
    cpus: Vec<String>,
    info: String,
    devices: String,
    /// What the filters see: `name;info;devices`.
    filtered: String,
}

/// A line: name and everything behind the colon. Sources that are not counted per CPU, such as
/// ERR, have fewer columns than there are CPUs and are left out.
fn parse_line(line: &[u8], cpus: usize) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, rest) = (line[..colon].trim_ascii_start(), &line[colon + 1..]);
    (words(rest).count() > cpus).then_some((name, rest))
}

/// What stands behind the counts: of a numbered interrupt the first word says what kind it is and
/// the rest who uses it, of others all is a description.
fn describe(name: &[u8], rest: &[u8], cpus: usize, texts: &mut Texts) {
    let Texts { info, devices, filtered, .. } = texts;
    info.clear();
    devices.clear();
    filtered.clear();
    let is_numbered = signed(name).is_some();
    for (at, word) in words(rest).skip(cpus).enumerate() {
        let into = if is_numbered && at > 0 { &mut *devices } else { &mut *info };
        if !into.is_empty() {
            into.push(' ');
        }
        into.push_str(&text(word));
    }
    // Writing to a String cannot fail.
    let _ = write!(filtered, "{};{info};{devices}", text(name));
}

impl Collector for Interrupts {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        let mut lines = lines(&content);
        let Some((_, headings)) = lines.next() else {
            return Err(self.file.failed("expected a line of headings"));
        };
        let cpus = words(headings).count();
        let texts = &mut *self.texts.lock();
        for cpu in texts.cpus.len()..cpus {
            texts.cpus.push(cpu.to_string());
        }
        for (number_of_line, line) in lines {
            let Some((name, rest)) = parse_line(line, cpus) else { continue };
            describe(name, rest, cpus, texts);
            if self.filter.ignores(&texts.filtered) {
                continue;
            }
            let name = text(name);
            for (word, cpu) in words(rest).zip(&texts.cpus[..cpus]) {
                let value = number(word).ok_or_else(|| {
                    self.file.failed(ParseError::new(number_of_line, "a number", word))
                })?;
                if value == 0.0 && !self.with_zeros {
                    continue;
                }
                let labels = [
                    ("cpu", cpu.as_str()),
                    ("devices", &texts.devices),
                    ("info", &texts.info),
                    ("type", &name),
                ];
                samples.push(&INTERRUPTS, &labels, value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_counts_is_kind_and_users_or_a_description() {
        fn check(line: &str, expected: Option<(&str, &str, &str)>) {
            let mut texts = Texts::default();
            let found = parse_line(line.as_bytes(), 2).map(|(name, rest)| {
                describe(name, rest, 2, &mut texts);
                (text(name).into_owned(), texts.info.clone(), texts.devices.clone())
            });
            let expected = expected.map(|(n, i, d)| (n.to_owned(), i.to_owned(), d.to_owned()));
            assert_eq!(found, expected, "{line}");
        }
        check(
            " 24:   1  0  IO-APIC   5-edge      ACPI:Ged",
            Some(("24", "IO-APIC", "5-edge ACPI:Ged")),
        );
        check("NMI: 0 0   Non-maskable  interrupts", Some(("NMI", "Non-maskable interrupts", "")));
        check(" IPI0:1 2 Rescheduling", Some(("IPI0", "Rescheduling", "")));
        check("ERR:          0", None);
        check("MIS: 0 0", None);
        check("no colon 1 2 3", None);
    }
}
