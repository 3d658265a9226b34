//! Block devices cached on others by bcache: `/sys/fs/bcache/UUID`.
//! `Documentation/admin-guide/bcache.rst`.

use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{ParseError, lines, unsigned, words};
use crate::settings::{Flag, flag};
use crate::source::{Attributes, names_in};
use crate::tree::TreeReader;

const PRIORITY_STATS: Flag =
    flag::switch("collector.bcache.priorityStats", "Expose expensive priority stats.", false);

pub(super) const ENTRY: Entry = Entry {
    name: "bcache",
    about: "Caches and backing devices of /sys/fs/bcache.",
    on_by_default: true,
    may_block: true,
    flags: &[PRIORITY_STATS],
    build: |context| {
        Ok(Box::new(Bcache {
            directory: context.roots().sys("fs/bcache"),
            with_priorities: context.settings().switch(&PRIORITY_STATS),
            attributes: Mutex::new(Attributes::new()),
        }))
    },
};

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help)
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help)
}

/// Files of a set of caches and what is in them.
#[rustfmt::skip]
const SET: [(&str, Family); 9] = [
    ("average_key_size", gauge(
        "node_bcache_average_key_size_sectors",
        "Average data per key in the btree (sectors).",
    )),
    ("btree_cache_size", gauge(
        "node_bcache_btree_cache_size_bytes",
        "Amount of memory currently used by the btree cache.",
    )),
    ("cache_available_percent", gauge(
        "node_bcache_cache_available_percent",
        "Percentage of cache device without dirty data, usable for writeback (may contain clean \
         cached data).",
    )),
    ("congested", gauge("node_bcache_congested", "Congestion.")),
    ("root_usage_percent", gauge(
        "node_bcache_root_usage_percent",
        "Percentage of the root btree node in use (tree depth increases if too high).",
    )),
    ("tree_depth", gauge("node_bcache_tree_depth", "Depth of the btree.")),
    ("internal/active_journal_entries", gauge(
        "node_bcache_active_journal_entries",
        "Number of journal entries that are newer than the index.",
    )),
    ("internal/btree_nodes", gauge("node_bcache_btree_nodes", "Total nodes in the btree.")),
    ("internal/cache_read_races", counter(
        "node_bcache_cache_read_races_total",
        "Counts instances where while data was being read from the cache, the bucket was reused and \
         invalidated - i.e. where the pointer was stale after the read completed.",
    )),
];

/// Its name says µs, but dashboards have always been given it as nanoseconds.
const READ_DURATION_FILE: &str = "internal/btree_read_average_duration_us";
const NANOSECOND: f64 = 1e-9;
const READ_DURATION: Family =
    gauge("node_bcache_btree_read_average_duration_seconds", "Average btree read duration.");

/// Files of a backing device.
#[rustfmt::skip]
const BACKING: [(&str, Family); 7] = [
    ("dirty_data", gauge(
        "node_bcache_dirty_data_bytes",
        "Amount of dirty data for this backing device in the cache.",
    )),
    ("stats_total/bypassed", counter(
        "node_bcache_bypassed_bytes_total",
        "Amount of IO (both reads and writes) that has bypassed the cache.",
    )),
    ("stats_total/cache_hits", counter(
        "node_bcache_cache_hits_total",
        "Hits counted per individual IO as bcache sees them.",
    )),
    ("stats_total/cache_misses", counter(
        "node_bcache_cache_misses_total",
        "Misses counted per individual IO as bcache sees them.",
    )),
    ("stats_total/cache_bypass_hits", counter(
        "node_bcache_cache_bypass_hits_total",
        "Hits for IO intended to skip the cache.",
    )),
    ("stats_total/cache_bypass_misses", counter(
        "node_bcache_cache_bypass_misses_total",
        "Misses for IO intended to skip the cache.",
    )),
    ("stats_total/cache_miss_collisions", counter(
        "node_bcache_cache_miss_collisions_total",
        "Instances where data insertion from cache miss raced with write (data already present).",
    )),
];

/// Newer kernels do not count it any more, and some of them show a constant 0.
const READAHEADS_FILE: &str = "stats_total/cache_readaheads";
const READAHEADS: Family =
    counter("node_bcache_cache_readaheads_total", "Count of times readahead occurred.");

/// First words of lines of a backing device's `writeback_rate_debug`.
#[rustfmt::skip]
const WRITEBACK: [(&[u8], Family); 5] = [
    (b"target:", gauge(
        "node_bcache_dirty_target_bytes",
        "Current dirty data target threshold for this backing device in bytes.",
    )),
    (b"rate:", gauge(
        "node_bcache_writeback_rate",
        "Current writeback rate for this backing device in bytes.",
    )),
    (b"proportional:", gauge(
        "node_bcache_writeback_rate_proportional_term",
        "Current result of proportional controller, part of writeback rate",
    )),
    (b"integral:", gauge(
        "node_bcache_writeback_rate_integral_term",
        "Current result of integral controller, part of writeback rate",
    )),
    (b"change:", gauge(
        "node_bcache_writeback_change",
        "Last writeback rate change step for this backing device.",
    )),
];

/// Files of a cache device.
#[rustfmt::skip]
const CACHE: [(&str, Family); 3] = [
    ("io_errors", gauge(
        "node_bcache_io_errors",
        "Number of errors that have occurred, decayed by io_error_halflife.",
    )),
    ("metadata_written", counter(
        "node_bcache_metadata_written_bytes_total",
        "Sum of all non data writes (btree writes and all other metadata).",
    )),
    ("written", counter(
        "node_bcache_written_bytes_total",
        "Sum of all data that has been written to the cache.",
    )),
];

/// First words of lines of a cache device's `priority_stats`.
#[rustfmt::skip]
const PRIORITIES: [(&[u8], Family); 2] = [
    (b"Unused:", gauge(
        "node_bcache_priority_stats_unused_percent",
        "The percentage of the cache that doesn't contain any data.",
    )),
    (b"Metadata:", gauge(
        "node_bcache_priority_stats_metadata_percent",
        "Bcache's metadata overhead.",
    )),
];

/// Letters of 1024, 1024², ... as `bch_hprint` of `drivers/md/bcache/util.c` writes them.
const UNITS: &[u8] = b"kMGTPEZY";

/// Behind the point the kernel writes the remainder, 0 to 1023, divided by 100: `.1` is less than
/// `.10`, which follows `.9`.
const REMAINDER_DIVISOR: f64 = 10.24;

struct Bcache {
    directory: PathBuf,
    with_priorities: bool,
    attributes: Mutex<Attributes>,
}

/// A number that the kernel has rounded for people: `17`, `-1.9k`, `427.10M`.
fn parse_rounded(word: &[u8]) -> Option<f64> {
    let (sign, word) = match word.strip_prefix(b"-") {
        Some(rest) => (-1.0, rest),
        None => (1.0, word),
    };
    let unit = word.last().and_then(|last| UNITS.iter().position(|unit| unit == last));
    let Some(unit) = unit else { return Some(sign * unsigned(word)? as f64) };
    let digits = &word[..word.len() - 1];
    let point = digits.iter().position(|&byte| byte == b'.').unwrap_or(digits.len());
    let (whole, remainder) = digits.split_at(point);
    let remainder = match remainder {
        [] => 0.0,
        [_, remainder @ ..] => unsigned(remainder)? as f64 / REMAINDER_DIVISOR,
    };
    let factor = 1024f64.powi(unit as i32 + 1);
    Some(sign * ((unsigned(whole)? as f64 + remainder) * factor).trunc())
}

/// The value behind `label` in a line such as `change:  -3.1k/sec`.
fn parse_line(line: &[u8], label: &[u8], unit: &[u8]) -> Option<f64> {
    let word = words(line.strip_prefix(label)?).last()?;
    parse_rounded(word.strip_suffix(unit).unwrap_or(word))
}

/// Calls `each` for the lines that are known.
fn walk(
    text: &[u8],
    families: &'static [(&[u8], Family)],
    unit: &[u8],
    mut each: impl FnMut(&'static Family, f64),
) -> Result<(), ParseError> {
    for (number, line) in lines(text) {
        let known = families.iter().find(|(label, _)| line.starts_with(label));
        let Some((label, family)) = known else { continue };
        let value = parse_line(line, label, unit);
        each(family, value.ok_or_else(|| ParseError::new(number, "a number", line))?);
    }
    Ok(())
}

/// Pushes one file after the other.
struct Pusher<'a> {
    reader: TreeReader<'a>,
    samples: &'a mut Samples,
}

impl Pusher<'_> {
    fn push_numbers(
        &mut self,
        directory: &Path,
        files: &[(&str, Family)],
        labels: &[(&str, &str)],
    ) {
        for (file, family) in files {
            if let Some(value) = self.reader.number(&directory.join(file), parse_rounded) {
                self.samples.push(family, labels, value);
            }
        }
    }

    fn push_lines(
        &mut self,
        path: &Path,
        families: &'static [(&[u8], Family)],
        unit: &[u8],
        labels: &[(&str, &str)],
    ) {
        let each = |family: &Family, value| self.samples.push(family, labels, value);
        self.reader.read(path, |text| walk(text, families, unit, each));
    }

    fn push_set(&mut self, directory: &Path, labels: &[(&str, &str)]) {
        self.push_numbers(directory, &SET, labels);
        let path = directory.join(READ_DURATION_FILE);
        if let Some(nanoseconds) = self.reader.number(&path, parse_rounded) {
            self.samples.push(&READ_DURATION, labels, nanoseconds * NANOSECOND);
        }
    }

    fn push_backing(&mut self, directory: &Path, labels: &[(&str, &str)]) {
        self.push_numbers(directory, &BACKING, labels);
        self.push_lines(&directory.join("writeback_rate_debug"), &WRITEBACK, b"/sec", labels);
        let readaheads = self.reader.number(&directory.join(READAHEADS_FILE), parse_rounded);
        if let Some(count) = readaheads.filter(|count| *count > 0.0) {
            self.samples.push(&READAHEADS, labels, count);
        }
    }
}

/// Whether a name is `kind` and a number: `cache0`, not `cache_available_percent`.
fn is_numbered(name: &str, kind: &str) -> bool {
    name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

impl Collector for Bcache {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let attributes = &mut *self.attributes.lock();
        let mut pusher = Pusher { reader: TreeReader::new(attributes), samples };
        // Without the module there is no directory; the files in it have no dash.
        let names = pusher.reader.list(&self.directory, names_in);
        for uuid in names.iter().filter(|name| name.contains('-')) {
            let set = self.directory.join(uuid);
            let of_set = ("uuid", &**uuid);
            pusher.push_set(&set, &[of_set]);
            for name in pusher.reader.list(&set, names_in) {
                let directory = set.join(&name);
                if is_numbered(&name, "bdev") {
                    pusher.push_backing(&directory, &[of_set, ("backing_device", &name)]);
                } else if is_numbered(&name, "cache") {
                    let labels = [of_set, ("cache_device", &*name)];
                    pusher.push_numbers(&directory, &CACHE, &labels);
                    if self.with_priorities {
                        let path = directory.join("priority_stats");
                        pusher.push_lines(&path, &PRIORITIES, b"%", &labels);
                    }
                }
            }
        }
        pusher.reader.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_numbers_count_in_steps_of_1024() {
        fn check(word: &str, expected: Option<f64>) {
            assert_eq!(parse_rounded(word.as_bytes()), expected);
        }
        check("0", Some(0.0));
        check("17", Some(17.0));
        check("-3", Some(-3.0));
        check("512k", Some(524_288.0));
        check("1.9k", Some(1924.0));
        check("1.10k", Some(2024.0));
        check("-1.5k", Some(-1524.0));
        check("20.4G", Some(21_894_266_880.0));
        check("1Y", Some(1_208_925_819_614_629_174_706_176.0));
        check("18446744073709551615", Some(u64::MAX as f64));
        check("", None);
        check("k", None);
        check("-", None);
        check("1.k", None);
        check("1.5", None);
        check("5%", None);
        check("1.1.1k", None);
        check("3q", None);
    }

    #[test]
    fn lines_are_known_by_their_labels() {
        fn check(text: &str, expected: Result<&[(&str, f64)], &str>) {
            let mut found = Vec::new();
            let each = |family: &'static Family, value| found.push((family.name, value));
            let result = walk(text.as_bytes(), &WRITEBACK, b"/sec", each);
            let found = result.map(|()| &*found).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check(
            "rate:\t\t1k/sec\ndirty:\t\t2M\nchange:\t\t-1.5k/sec\nnext io:\t17ms\n",
            Ok(&[
                ("node_bcache_writeback_rate", 1024.0),
                ("node_bcache_writeback_change", -1524.0),
            ]),
        );
        check("target:", Err("line 1: expected a number, found \"target:\""));
        check("\nrate: 1x/sec\n", Err("line 2: expected a number, found \"rate: 1x/sec\""));
        check("", Ok(&[]));
    }

    #[test]
    fn devices_have_numbers() {
        fn check(name: &str, expected: bool) {
            assert_eq!(is_numbered(name, "cache"), expected);
        }
        check("cache0", true);
        check("cache12", true);
        check("cache_available_percent", false);
        check("cache", false);
        check("bdev0", false);
    }
}
