//! Swap areas: `/proc/swaps`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, lines, signed, text, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "swap",
    about: "Swap areas of /proc/swaps.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| Ok(Box::new(Swap { file: KernelFile::new(context.roots().proc("swaps")) })),
};

const SIZE: Family = Family::gauge("node_swap_size_bytes", "Swap device size in bytes.");
const USED: Family = Family::gauge("node_swap_used_bytes", "Swap device used in bytes.");
const PRIORITY: Family = Family::gauge("node_swap_priority", "Swap device priority.");

/// Sizes are told in KiB. `mm/swapfile.c`.
const UNIT_BYTES: f64 = 1024.0;

struct Swap {
    file: KernelFile,
}

/// One swap area: its file, with blanks as `\040`, whether that is a partition, sizes in KiB.
#[derive(Debug, PartialEq, Eq)]
struct Area<'a> {
    device: &'a [u8],
    kind: &'a [u8],
    size: i64,
    used: i64,
    priority: i64,
}

fn parse_line(number: usize, line: &[u8]) -> Result<Area<'_>, ParseError> {
    let mut words = words(line);
    let mut next = || words.next().ok_or_else(|| ParseError::new(number, "5 columns", line));
    let (device, kind) = (next()?, next()?);
    let mut next = || {
        let word = next()?;
        signed(word).ok_or_else(|| ParseError::new(number, "a number", word))
    };
    Ok(Area { device, kind, size: next()?, used: next()?, priority: next()? })
}

impl Collector for Swap {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        for (number, line) in lines(&content).skip(1) {
            let area = parse_line(number, line).map_err(|error| self.file.failed(error))?;
            let (device, kind) = (text(area.device), text(area.kind));
            let labels = [("device", &*device), ("swap_type", &*kind)];
            samples.push(&SIZE, &labels, area.size as f64 * UNIT_BYTES);
            samples.push(&USED, &labels, area.used as f64 * UNIT_BYTES);
            samples.push(&PRIORITY, &labels, area.priority as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_has_five_columns() {
        fn check(line: &str, expected: Result<(&str, &str, i64, i64, i64), &str>) {
            let found = parse_line(2, line.as_bytes()).map_err(|error| error.to_string());
            let expected = expected.map(|(device, kind, size, used, priority)| Area {
                device: device.as_bytes(),
                kind: kind.as_bytes(),
                size,
                used,
                priority,
            });
            assert_eq!(found, expected.map_err(str::to_owned), "{line}");
        }
        check(
            "/swap\\040file  file\t\t8388604\t\t76\t\t-2",
            Ok(("/swap\\040file", "file", 8388604, 76, -2)),
        );
        check(
            "/dev/zram0 partition 1 2",
            Err("line 2: expected 5 columns, found \"/dev/zram0 partition 1 2\""),
        );
        check("/dev/zram0 partition x 2 3", Err("line 2: expected a number, found \"x\""));
    }
}
