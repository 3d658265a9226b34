//! The load averages of `/proc/loadavg`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::{Context, Entry};
use crate::parse::{ParseError, number, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "loadavg",
    about: "The load averages of 1, 5 and 15 minutes.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| Ok(Box::new(Loadavg { file: file(context) })),
};

const FAMILIES: [Family; 3] = [
    Family::gauge("node_load1", "1m load average."),
    Family::gauge("node_load5", "5m load average."),
    Family::gauge("node_load15", "15m load average."),
];

struct Loadavg {
    file: KernelFile,
}

fn file(context: &Context<'_>) -> KernelFile {
    KernelFile::new(context.roots().proc("loadavg"))
}

fn parse(text: &[u8]) -> Result<[f64; 3], ParseError> {
    let mut words = words(text);
    let mut averages = [0.0; 3];
    let expected = ["the 1-minute average", "the 5-minute average", "the 15-minute average"];
    for (average, expected) in averages.iter_mut().zip(expected) {
        let word = words.next().unwrap_or_default();
        *average = number(word).ok_or_else(|| ParseError::new(1, expected, word))?;
    }
    Ok(averages)
}

impl Collector for Loadavg {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let averages = parse(&self.file.collect()?).map_err(|error| self.file.failed(error))?;
        for (family, average) in FAMILIES.iter().zip(averages) {
            samples.push(family, &[], average);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_averages_stand_first() {
        fn check(text: &str, expected: Result<[f64; 3], &str>) {
            let found = parse(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("0.21 0.37 0.39 1/719 19737\n", Ok([0.21, 0.37, 0.39]));
        check("0.21 0.37", Err("line 1: expected the 15-minute average, found \"\""));
        check("x 0.37 0.39", Err("line 1: expected the 1-minute average, found \"x\""));
        check("", Err("line 1: expected the 1-minute average, found \"\""));
    }
}
