//! How many cgroups each controller of the first version has: `/proc/cgroups`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, lines, text, unsigned, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "cgroups",
    about: "Numbers of cgroups by controller, of /proc/cgroups.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Cgroups { file: KernelFile::new(context.roots().proc("cgroups")) }))
    },
};

const CGROUPS: Family =
    Family::gauge("node_cgroups_cgroups", "Current cgroup number of the subsystem.");
const ENABLED: Family =
    Family::gauge("node_cgroups_enabled", "Current cgroup number of the subsystem.");

struct Cgroups {
    file: KernelFile,
}

/// Controller, number of cgroups, whether it is enabled.
fn parse_line(number: usize, line: &[u8]) -> Result<(&[u8], u64, u64), ParseError> {
    let mut words = words(line);
    let (Some(name), _, Some(cgroups), Some(enabled)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(ParseError::new(number, "four fields", line));
    };
    let value = |word| unsigned(word).ok_or_else(|| ParseError::new(number, "a number", word));
    Ok((name, value(cgroups)?, value(enabled)?))
}

impl Collector for Cgroups {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        let is_data = |(_, line): &(usize, &[u8])| !line.starts_with(b"#") && !line.is_empty();
        for (number, line) in lines(&content).filter(is_data) {
            let (name, cgroups, enabled) =
                parse_line(number, line).map_err(|error| self.file.failed(error))?;
            let name = text(name);
            let labels = [("subsys_name", &*name)];
            samples.push(&CGROUPS, &labels, cgroups as f64);
            samples.push(&ENABLED, &labels, enabled as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_four_fields() {
        fn check(line: &str, expected: Result<(&str, u64, u64), &str>) {
            let found = parse_line(2, line.as_bytes());
            let found =
                found.map(|(name, cgroups, enabled)| (text(name).into_owned(), cgroups, enabled));
            let expected =
                expected.map(|(name, cgroups, enabled)| (name.to_owned(), cgroups, enabled));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        check("cpu\t3\t172\t1", Ok(("cpu", 172, 1)));
        check("cpu\t3\t172", Err("line 2: expected four fields, found \"cpu\\t3\\t172\""));
        check("cpu\t3\tx\t1", Err("line 2: expected a number, found \"x\""));
    }
}
