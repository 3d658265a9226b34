//! Block devices cached on others by bcache: `/sys/fs/bcache/UUID`.
//! `Documentation/admin-guide/bcache.rst`.

mod tables;

use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{ParseError, lines, unsigned, words};
use crate::settings::{Flag, flag};
use crate::source::{Attributes, names_in};
use crate::tree::TreeReader;

use tables::{
    BACKING, CACHE, NANOSECOND, PRIORITIES, READ_DURATION, READ_DURATION_FILE, READAHEADS,
    READAHEADS_FILE, SET, WRITEBACK,
};

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
