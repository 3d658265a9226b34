//! The fields of `/proc/meminfo` that the original exports; it ignores those it does not know.

use common_instrument::{CollectError, Collector, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::Entry;
use crate::named::{NameCache, Named, sanitize};
use crate::parse::{ParseError, lines, number, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "meminfo",
    about: "Memory statistics of /proc/meminfo.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let file = KernelFile::new(context.roots().proc("meminfo"));
        Ok(Box::new(Meminfo { file, names: Mutex::default() }))
    },
};

/// The fields in kB.
const KIB_FIELDS: [&str; 47] = [
    "Active",
    "Active(anon)",
    "Active(file)",
    "AnonHugePages",
    "AnonPages",
    "Bounce",
    "Buffers",
    "Cached",
    "CmaFree",
    "CmaTotal",
    "CommitLimit",
    "Committed_AS",
    "DirectMap1G",
    "DirectMap2M",
    "DirectMap4k",
    "Dirty",
    "HardwareCorrupted",
    "Hugepagesize",
    "Inactive",
    "Inactive(anon)",
    "Inactive(file)",
    "KernelStack",
    "Mapped",
    "MemAvailable",
    "MemFree",
    "MemTotal",
    "Mlocked",
    "NFS_Unstable",
    "PageTables",
    "Percpu",
    "SReclaimable",
    "SUnreclaim",
    "Shmem",
    "ShmemHugePages",
    "ShmemPmdMapped",
    "Slab",
    "SwapCached",
    "SwapFree",
    "SwapTotal",
    "Unevictable",
    "VmallocChunk",
    "VmallocTotal",
    "VmallocUsed",
    "Writeback",
    "WritebackTmp",
    "Zswap",
    "Zswapped",
];

/// The fields that are counts.
const COUNT_FIELDS: [&str; 4] =
    ["HugePages_Free", "HugePages_Rsvd", "HugePages_Surp", "HugePages_Total"];

struct Meminfo {
    file: KernelFile,
    names: Mutex<NameCache>,
}

fn name(field: &[u8]) -> Option<Named> {
    let field = std::str::from_utf8(field).ok()?;
    let shown = if KIB_FIELDS.contains(&field) {
        // `Active(anon)` is shown as `Active_anon`.
        format!("{}_bytes", sanitize(field.trim_end_matches(')')))
    } else if COUNT_FIELDS.contains(&field) {
        field.to_owned()
    } else {
        return None;
    };
    Some(Named {
        name: format!("node_memory_{shown}"),
        help: format!("Memory information field {shown}."),
    })
}

/// Field and value in bytes, or as it stands where there is no unit.
pub(super) fn parse_line(
    number_of_line: usize,
    line: &[u8],
) -> Result<Option<(&[u8], f64)>, ParseError> {
    let mut words = words(line);
    let Some(field) = words.next() else { return Ok(None) };
    let field = field.strip_suffix(b":").unwrap_or(field);
    let word = words.next().unwrap_or_default();
    let value = number(word).ok_or_else(|| ParseError::new(number_of_line, "a number", word))?;
    match words.next() {
        None => Ok(Some((field, value))),
        Some(b"kB") => Ok(Some((field, value * 1024.0))),
        Some(unit) => Err(ParseError::new(number_of_line, "the unit kB", unit)),
    }
}

impl Collector for Meminfo {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let text = self.file.collect()?;
        let mut names = self.names.lock();
        names.rewind();
        for (number, line) in lines(&text) {
            let parsed = parse_line(number, line).map_err(|error| self.file.failed(error))?;
            let Some((field, value)) = parsed else { continue };
            if let Some(named) = names.get(field, name) {
                samples.push_named(&named.name, &named.help, MetricType::Gauge, &[], value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_field_a_number_and_perhaps_a_unit() {
        fn check(line: &str, expected: Result<Option<(&str, f64)>, &str>) {
            let found = parse_line(3, line.as_bytes()).map_err(|error| error.to_string());
            let expected =
                expected.map(|some| some.map(|(field, value)| (field.as_bytes(), value)));
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("MemFree:   16 kB", Ok(Some(("MemFree", 16384.0))));
        check("HugePages_Free: 2", Ok(Some(("HugePages_Free", 2.0))));
        check("", Ok(None));
        check("MemFree: 16 MB", Err("line 3: expected the unit kB, found \"MB\""));
        check("MemFree:", Err("line 3: expected a number, found \"\""));
    }

    #[test]
    fn only_known_fields_have_names() {
        fn check(field: &str, expected: Option<&str>) {
            assert_eq!(name(field.as_bytes()).map(|named| named.name).as_deref(), expected);
        }
        check("Active(anon)", Some("node_memory_Active_anon_bytes"));
        check("HugePages_Total", Some("node_memory_HugePages_Total"));
        check("Balloon", None);
    }
}
