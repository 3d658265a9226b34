//! Connection tracking: table size and per-CPU counters, added up.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, hex, lines, unsigned, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "conntrack",
    about: "Entries and counters of connection tracking.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let file = |name: &str| KernelFile::new(context.roots().proc(name));
        Ok(Box::new(Conntrack {
            count: file("sys/net/netfilter/nf_conntrack_count"),
            limit: file("sys/net/netfilter/nf_conntrack_max"),
            stat: file("net/stat/nf_conntrack"),
        }))
    },
};

const ENTRIES: Family = Family::gauge(
    "node_nf_conntrack_entries",
    "Number of currently allocated flow entries for connection tracking.",
);
const LIMIT: Family =
    Family::gauge("node_nf_conntrack_entries_limit", "Maximum size of connection tracking table.");

/// Column headings and families: gauges, though they count, as in the original.
const COLUMNS: [(&[u8], Family); 8] = [
    (
        b"found",
        Family::gauge(
            "node_nf_conntrack_stat_found",
            "Number of searched entries which were successful.",
        ),
    ),
    (
        b"invalid",
        Family::gauge(
            "node_nf_conntrack_stat_invalid",
            "Number of packets seen which can not be tracked.",
        ),
    ),
    (
        b"ignore",
        Family::gauge(
            "node_nf_conntrack_stat_ignore",
            "Number of packets seen which are already connected to a conntrack entry.",
        ),
    ),
    (
        b"insert",
        Family::gauge("node_nf_conntrack_stat_insert", "Number of entries inserted into the list."),
    ),
    (
        b"insert_failed",
        Family::gauge(
            "node_nf_conntrack_stat_insert_failed",
            "Number of entries for which list insertion was attempted but failed.",
        ),
    ),
    (
        b"drop",
        Family::gauge(
            "node_nf_conntrack_stat_drop",
            "Number of packets dropped due to conntrack failure.",
        ),
    ),
    (
        b"early_drop",
        Family::gauge(
            "node_nf_conntrack_stat_early_drop",
            "Number of dropped conntrack entries to make room for new ones, if maximum table size \
             was reached.",
        ),
    ),
    (
        b"search_restart",
        Family::gauge(
            "node_nf_conntrack_stat_search_restart",
            "Number of conntrack table lookups which had to be restarted due to hashtable resizes.",
        ),
    ),
];

struct Conntrack {
    count: KernelFile,
    limit: KernelFile,
    stat: KernelFile,
}

/// Sums over the CPUs, in the order of [`COLUMNS`]; the first line holds the headings.
fn parse(text: &[u8]) -> Result<[u64; COLUMNS.len()], ParseError> {
    let mut sums = [0u64; COLUMNS.len()];
    let mut lines = lines(text);
    let (_, headings) = lines.next().unwrap_or((1, b""));
    for (number, line) in lines {
        for (heading, word) in words(headings).zip(words(line)) {
            let Some(at) = COLUMNS.iter().position(|(name, _)| *name == heading) else { continue };
            let value =
                hex(word).ok_or_else(|| ParseError::new(number, "a hexadecimal number", word))?;
            sums[at] = sums[at].saturating_add(value);
        }
    }
    Ok(sums)
}

impl Collector for Conntrack {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for (file, family) in [(&self.count, &ENTRIES), (&self.limit, &LIMIT)] {
            let text = file.collect_or_absent()?;
            let value = unsigned(text.trim_ascii()).ok_or_else(|| file.failed("not a number"))?;
            samples.push(family, &[], value as f64);
        }
        let sums = parse(&self.stat.collect_or_absent()?);
        let sums = sums.map_err(|error| self.stat.failed(error))?;
        for ((_, family), sum) in COLUMNS.iter().zip(sums) {
            samples.push(family, &[], sum as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_headings_and_added_up() {
        fn check(text: &str, expected: Result<[u64; 8], &str>) {
            let found = parse(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check(
            "entries drop found search_restart\n01 02 0a 3\n01 01 0a 4\n",
            Ok([20, 0, 0, 0, 0, 3, 0, 7]),
        );
        check("found\nx\n", Err("line 2: expected a hexadecimal number, found \"x\""));
        check("", Ok([0; 8]));
    }
}
