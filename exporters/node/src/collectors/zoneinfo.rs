//! Memory zones: `/proc/zoneinfo`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{lines, signed, text, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "zoneinfo",
    about: "Watermarks and page counts of memory zones of /proc/zoneinfo.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Zoneinfo { file: KernelFile::new(context.roots().proc("zoneinfo")) }))
    },
};

/// Field and family, in the order of the original. What concerns the whole node stands in its first
/// zone only. `mm/vmstat.c`.
const FIELDS: [(&[u8], Family); 34] = [
    (
        b"nr_free_pages",
        Family::gauge("node_zoneinfo_nr_free_pages", "Total number of free pages in the zone"),
    ),
    (b"min", Family::gauge("node_zoneinfo_min_pages", "Zone watermark pages_min")),
    (b"low", Family::gauge("node_zoneinfo_low_pages", "Zone watermark pages_low")),
    (b"high", Family::gauge("node_zoneinfo_high_pages", "Zone watermark pages_high")),
    (b"scanned", Family::gauge("node_zoneinfo_scanned_pages", "Pages scanned since last reclaim")),
    (
        b"spanned",
        Family::gauge(
            "node_zoneinfo_spanned_pages",
            "Total pages spanned by the zone, including holes",
        ),
    ),
    (
        b"present",
        Family::gauge("node_zoneinfo_present_pages", "Physical pages existing within the zone"),
    ),
    (
        b"managed",
        Family::gauge("node_zoneinfo_managed_pages", "Present pages managed by the buddy system"),
    ),
    (
        b"nr_active_anon",
        Family::gauge(
            "node_zoneinfo_nr_active_anon_pages",
            "Number of anonymous pages recently more used",
        ),
    ),
    (
        b"nr_inactive_anon",
        Family::gauge(
            "node_zoneinfo_nr_inactive_anon_pages",
            "Number of anonymous pages recently less used",
        ),
    ),
    (
        b"nr_isolated_anon",
        Family::gauge(
            "node_zoneinfo_nr_isolated_anon_pages",
            "Temporary isolated pages from anon lru",
        ),
    ),
    (
        b"nr_anon_pages",
        Family::gauge(
            "node_zoneinfo_nr_anon_pages",
            "Number of anonymous pages currently used by the system",
        ),
    ),
    (
        b"nr_anon_transparent_hugepages",
        Family::gauge(
            "node_zoneinfo_nr_anon_transparent_hugepages",
            "Number of anonymous transparent huge pages currently used by the system",
        ),
    ),
    (
        b"nr_active_file",
        Family::gauge(
            "node_zoneinfo_nr_active_file_pages",
            "Number of active pages with file-backing",
        ),
    ),
    (
        b"nr_inactive_file",
        Family::gauge(
            "node_zoneinfo_nr_inactive_file_pages",
            "Number of inactive pages with file-backing",
        ),
    ),
    (
        b"nr_isolated_file",
        Family::gauge(
            "node_zoneinfo_nr_isolated_file_pages",
            "Temporary isolated pages from file lru",
        ),
    ),
    (b"nr_file_pages", Family::gauge("node_zoneinfo_nr_file_pages", "Number of file pages")),
    (
        b"nr_slab_reclaimable",
        Family::gauge(
            "node_zoneinfo_nr_slab_reclaimable_pages",
            "Number of reclaimable slab pages",
        ),
    ),
    (
        b"nr_slab_unreclaimable",
        Family::gauge(
            "node_zoneinfo_nr_slab_unreclaimable_pages",
            "Number of unreclaimable slab pages",
        ),
    ),
    (
        b"nr_mlock_stack",
        Family::gauge(
            "node_zoneinfo_nr_mlock_stack_pages",
            "mlock()ed pages found and moved off LRU",
        ),
    ),
    (
        b"nr_kernel_stack",
        Family::gauge("node_zoneinfo_nr_kernel_stacks", "Number of kernel stacks"),
    ),
    (b"nr_mapped", Family::gauge("node_zoneinfo_nr_mapped_pages", "Number of mapped pages")),
    (b"nr_dirty", Family::gauge("node_zoneinfo_nr_dirty_pages", "Number of dirty pages")),
    (
        b"nr_writeback",
        Family::gauge("node_zoneinfo_nr_writeback_pages", "Number of writeback pages"),
    ),
    (
        b"nr_unevictable",
        Family::gauge("node_zoneinfo_nr_unevictable_pages", "Number of unevictable pages"),
    ),
    (
        b"nr_shmem",
        Family::gauge(
            "node_zoneinfo_nr_shmem_pages",
            "Number of shmem pages (included tmpfs/GEM pages)",
        ),
    ),
    (
        b"nr_dirtied",
        Family::counter("node_zoneinfo_nr_dirtied_total", "Page dirtyings since bootup"),
    ),
    (
        b"nr_written",
        Family::counter("node_zoneinfo_nr_written_total", "Page writings since bootup"),
    ),
    (b"numa_hit", Family::counter("node_zoneinfo_numa_hit_total", "Allocated in intended node")),
    (
        b"numa_miss",
        Family::counter("node_zoneinfo_numa_miss_total", "Allocated in non intended node"),
    ),
    (
        b"numa_foreign",
        Family::counter("node_zoneinfo_numa_foreign_total", "Was intended here, hit elsewhere"),
    ),
    (
        b"numa_interleave",
        Family::counter("node_zoneinfo_numa_interleave_total", "Interleaver preferred this zone"),
    ),
    (
        b"numa_local",
        Family::counter("node_zoneinfo_numa_local_total", "Allocation from local node"),
    ),
    (
        b"numa_other",
        Family::counter("node_zoneinfo_numa_other_total", "Allocation from other node"),
    ),
];

/// Pages that a zone keeps from allocations that could use a higher one: a value for each zone that
/// a kernel can have.
const PROTECTION: [Family; 6] = [
    Family::gauge("node_zoneinfo_protection_0", "Protection array 0. field"),
    Family::gauge("node_zoneinfo_protection_1", "Protection array 1. field"),
    Family::gauge("node_zoneinfo_protection_2", "Protection array 2. field"),
    Family::gauge("node_zoneinfo_protection_3", "Protection array 3. field"),
    Family::gauge("node_zoneinfo_protection_4", "Protection array 4. field"),
    Family::gauge("node_zoneinfo_protection_5", "Protection array 5. field"),
];

struct Zoneinfo {
    file: KernelFile,
}

/// One zone; what the kernel does not tell, or not as a number, is `None`.
#[derive(Debug, PartialEq)]
struct Zone<'a> {
    node: &'a [u8],
    name: &'a [u8],
    fields: [Option<i64>; FIELDS.len()],
    protection: [Option<i64>; PROTECTION.len()],
}

impl<'a> Zone<'a> {
    /// `Node 0, zone      DMA`
    fn begin(line: &'a [u8]) -> Option<Zone<'a>> {
        let mut words = words(line.strip_prefix(b"Node")?);
        let (node, word, name) = (words.next()?, words.next()?, words.next()?);
        let node = node.strip_suffix(b",")?;
        (word == b"zone").then_some(Zone {
            node,
            name,
            fields: [None; FIELDS.len()],
            protection: [None; PROTECTION.len()],
        })
    }

    /// One more line of the zone.
    fn read(&mut self, line: &[u8]) {
        let mut words = words(line);
        let Some(field) = words.next() else { return };
        if field == b"protection:" {
            for (value, word) in self.protection.iter_mut().zip(words) {
                *value = signed(without_brackets(word));
            }
        } else if !field.ends_with(b":") {
            // What ends with a colon is of one CPU: most of the file on large machines.
            let Some(at) = FIELDS.iter().position(|(name, _)| *name == field) else { return };
            self.fields[at] = words.next().and_then(signed);
        }
    }

    fn push(&self, samples: &mut Samples) {
        let (node, zone) = (text(self.node), text(self.name));
        let labels = [("node", &*node), ("zone", &*zone)];
        let fields = FIELDS.iter().map(|(_, family)| family).zip(self.fields);
        for (family, value) in fields.chain(PROTECTION.iter().zip(self.protection)) {
            if let Some(value) = value {
                samples.push(family, &labels, value as f64);
            }
        }
    }
}

/// The number of `(0,`, `31932,` and `31932)`.
fn without_brackets(word: &[u8]) -> &[u8] {
    let word = word.strip_prefix(b"(").unwrap_or(word);
    word.strip_suffix(b",").or_else(|| word.strip_suffix(b")")).unwrap_or(word)
}

/// Hands over one zone after the other; what stands before the first is left out.
fn parse<'a>(text: &'a [u8], mut found: impl FnMut(&Zone<'a>)) {
    let mut zone: Option<Zone<'a>> = None;
    for (_, line) in lines(text) {
        if let Some(next) = Zone::begin(line) {
            if let Some(done) = zone.replace(next) {
                found(&done);
            }
        } else if let Some(zone) = &mut zone {
            zone.read(line);
        }
    }
    if let Some(last) = zone {
        found(&last);
    }
}

impl Collector for Zoneinfo {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        parse(&self.file.collect()?, |zone| zone.push(samples));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_what_stands_between_its_line_and_the_next() {
        /// Node, zone, free pages, high watermark, protection.
        type Told<'a> = (&'a str, &'a str, Option<i64>, Option<i64>, [Option<i64>; 3]);
        fn check(text: &str, expected: &[Told<'_>]) {
            let mut zones = Vec::new();
            parse(text.as_bytes(), |zone| {
                let texts = [zone.node, zone.name].map(|b| String::from_utf8_lossy(b).into_owned());
                let [a, b, c, ..] = zone.protection;
                zones.push((texts, zone.fields[0], zone.fields[3], [a, b, c]));
            });
            let expected: Vec<_> = expected
                .iter()
                .map(|(node, name, free, high, rest)| {
                    ([(*node).to_owned(), (*name).to_owned()], *free, *high, *rest)
                })
                .collect();
            assert_eq!(zones, expected);
        }
        check("", &[]);
        check("nr_free_pages 3\n", &[]);
        check(
            "Node 0, zone  DMA\n  pages free 9\n  high -5\n  nr_free_pages 3\n  high: 8\n\
             Node 1, zone Device\n  protection: (0, 12)\n  nr_free_pages x\n",
            &[
                ("0", "DMA", Some(3), Some(-5), [None; 3]),
                ("1", "Device", None, None, [Some(0), Some(12), None]),
            ],
        );
        check("Node 0, zone N\nprotection: (7)", &[("0", "N", None, None, [Some(7), None, None])]);
    }
}
