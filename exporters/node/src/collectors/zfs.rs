//! ZFS: statistics of the module, of pools and of datasets in `/proc/spl/kstat/zfs`.
//! `include/os/linux/spl/sys/kstat.h` of OpenZFS.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::{Context, Entry};
use crate::named::{NameCache, Named, sanitize};
use crate::parse::{ParseError, lines, signed, text, unsigned, words};
use crate::source::{KernelFile, directories_in, names_in, read_file};

pub(super) const ENTRY: Entry = Entry {
    name: "zfs",
    about: "ZFS statistics of /proc/spl/kstat/zfs.",
    on_by_default: true,
    may_block: true,
    flags: &[],
    build: |context| Ok(Box::new(Zfs::new(context))),
};

/// Files of the module and what their metrics' names begin with. No version of ZFS has all of them.
const TABLES: [(&str, &str); 11] = [
    ("abdstats", "node_zfs_abd"),
    ("arcstats", "node_zfs_arc"),
    ("dbufstats", "node_zfs_dbuf"),
    ("dmu_tx", "node_zfs_dmu_tx"),
    ("dnodestats", "node_zfs_dnode"),
    ("fm", "node_zfs_fm"),
    ("vdev_cache_stats", "node_zfs_vdev_cache"),
    ("vdev_mirror_stats", "node_zfs_vdev_mirror"),
    ("xuio_stats", "node_zfs_xuio"),
    ("zfetchstats", "node_zfs_zfetch"),
    ("zil", "node_zfs_zil"),
];
const POOL_PREFIX: &str = "node_zfs_zpool";
const DATASET_PREFIX: &str = "node_zfs_zpool_dataset";

const STATE: Family = Family::gauge("node_zfs_zpool_state", "kstat.zfs.misc.state");
const STATES: [&str; 7] =
    ["online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"];

/// Types of values, as the second column says them; those of the others are texts.
const INT64: &[u8] = b"3";
const UINT64: &[u8] = b"4";

/// The headings of the `io` file of a pool begin with this one, and there are as many.
const IO_FIRST_HEADING: &[u8] = b"nread";
const IO_HEADINGS_MIN: usize = 12;

struct Zfs {
    directory: PathBuf,
    tables: Vec<Table>,
    names: Mutex<PoolNames>,
}

/// One file of the module.
struct Table {
    file: KernelFile,
    /// `arcstats`
    title: &'static str,
    /// `node_zfs_arc`
    prefix: &'static str,
    names: Mutex<NameCache>,
}

#[derive(Default)]
struct PoolNames {
    io: NameCache,
    datasets: NameCache,
}

/// The name and help of a field of a file.
fn name(prefix: &str, title: &str, field: &[u8]) -> Named {
    let field = text(field);
    let help = format!("kstat.zfs.misc.{title}.{field}");
    let last = field.rsplit('.').next().unwrap_or_default();
    Named { name: format!("{prefix}_{}", sanitize(last)), help }
}

/// Calls `each(field, value)` for every number in a file of named values, and `each_text` for the
/// other values. A number that is none is the error, but those behind it are called for all the same.
fn walk_named<'a>(
    content: &'a [u8],
    mut each: impl FnMut(&'a [u8], f64),
    mut each_text: impl FnMut(&'a [u8], &'a [u8]),
) -> Result<(), ParseError> {
    const HEADINGS: [&[u8]; 3] = [b"name", b"type", b"data"];
    let mut lines = lines(content).skip_while(|(_, line)| !words(line).eq(HEADINGS));
    if lines.next().is_none() {
        return Err(ParseError::new(1, "the headings name, type and data below", content));
    }
    let mut outcome = Ok(());
    for (number, line) in lines {
        let Some((field, rest)) = split_word(line.trim_ascii()) else { continue };
        let Some((kind, value)) = split_word(rest) else { continue };
        let parsed = match kind {
            INT64 => signed(value).map(|value| value as f64),
            UINT64 => unsigned(value).map(|value| value as f64),
            _ => {
                each_text(field, value);
                continue;
            }
        };
        match parsed {
            Some(value) => each(field, value),
            None => outcome = outcome.and(Err(ParseError::new(number, "an integer", value))),
        }
    }
    outcome
}

/// The first word and what follows it.
fn split_word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line.iter().position(u8::is_ascii_whitespace)?;
    Some((&line[..end], line[end..].trim_ascii_start()))
}

/// Calls `each(field, value)` for every column of a pool's `io` file. Newer versions of ZFS have none.
fn walk_io<'a>(content: &'a [u8], mut each: impl FnMut(&'a [u8], f64)) -> Result<(), ParseError> {
    let is_heading = |line: &[u8]| {
        words(line).next() == Some(IO_FIRST_HEADING) && words(line).count() >= IO_HEADINGS_MIN
    };
    let mut lines = lines(content).skip_while(|(_, line)| !is_heading(line));
    let Some((_, headings)) = lines.next() else { return Ok(()) };
    for (number, line) in lines {
        for (heading, word) in words(headings).zip(words(line)) {
            let value =
                unsigned(word).ok_or_else(|| ParseError::new(number, "an integer", word))?;
            each(heading, value as f64);
        }
    }
    Ok(())
}

impl Zfs {
    fn new(context: &Context<'_>) -> Zfs {
        let directory = context.roots().proc("spl/kstat/zfs");
        let table = |(title, prefix): (&'static str, _)| Table {
            file: KernelFile::new(directory.join(title)),
            title,
            prefix,
            names: Mutex::default(),
        };
        let tables = TABLES.into_iter().map(table).collect();
        Zfs { directory, tables, names: Mutex::default() }
    }
}

impl Table {
    fn push(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = match self.file.read() {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.file.failed(error)),
        };
        let mut names = self.names.lock();
        names.rewind();
        let each = |field: &[u8], value| {
            let build = |field: &[u8]| Some(name(self.prefix, self.title, field));
            if let Some(Named { name, help }) = names.get(field, build) {
                samples.push_named(name, help, MetricType::Unknown, &[], value);
            }
        };
        walk_named(&content, each, |_, _| {}).map_err(|error| self.file.failed(error))
    }
}

impl PoolNames {
    fn push_io(
        &mut self,
        pool: &str,
        content: &[u8],
        samples: &mut Samples,
    ) -> Result<(), ParseError> {
        self.io.rewind();
        walk_io(content, |field, value| {
            let build = |field: &[u8]| Some(name(POOL_PREFIX, "io", field));
            if let Some(Named { name, help }) = self.io.get(field, build) {
                samples.push_named(name, help, MetricType::Unknown, &[("zpool", pool)], value);
            }
        })
    }

    fn push_dataset(
        &mut self,
        pool: &str,
        content: &[u8],
        samples: &mut Samples,
    ) -> Result<(), ParseError> {
        self.datasets.rewind();
        let mut dataset = Cow::Borrowed("");
        let mut numbers = Vec::new();
        let result = walk_named(
            content,
            |field, value| numbers.push((field, value)),
            |field, value| {
                if field == b"dataset_name" {
                    dataset = text(value);
                }
            },
        );
        let labels = [("zpool", pool), ("dataset", &*dataset)];
        for (field, value) in numbers {
            let build = |field: &[u8]| Some(name(DATASET_PREFIX, "objset", field));
            if let Some(Named { name, help }) = self.datasets.get(field, build) {
                samples.push_named(name, help, MetricType::Unknown, &labels, value);
            }
        }
        result
    }

    /// Pushes what one file of a pool says.
    fn push_file(
        &mut self,
        pool: &str,
        file: &str,
        path: &Path,
        samples: &mut Samples,
    ) -> Result<(), CollectError> {
        if !matches!(file, "io" | "state") && !file.starts_with("objset-") {
            return Ok(());
        }
        let content = match read_file(path) {
            Ok(content) => content,
            // The pool is being exported.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(CollectError::failed(path.display(), error)),
        };
        let result = match file {
            "io" => self.push_io(pool, &content, samples),
            "state" => {
                push_state(pool, &content, samples);
                Ok(())
            }
            _ => self.push_dataset(pool, &content, samples),
        };
        result.map_err(|error| CollectError::failed(path.display(), error))
    }
}

fn push_state(pool: &str, content: &[u8], samples: &mut Samples) {
    for state in STATES {
        let is_active = content.trim_ascii().eq_ignore_ascii_case(state.as_bytes());
        let labels = [("zpool", pool), ("state", state)];
        samples.push(&STATE, &labels, if is_active { 1.0 } else { 0.0 });
    }
}

impl Collector for Zfs {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let pools = directories_in(&self.directory).map_err(|error| {
            CollectError::Absent(format!("{}: {error}", self.directory.display()))
        })?;
        let mut outcome = Ok(());
        for table in &self.tables {
            outcome = outcome.and(table.push(samples));
        }
        let mut names = self.names.lock();
        for pool in &pools {
            let directory = self.directory.join(pool);
            for file in names_in(&directory).unwrap_or_default() {
                let path = directory.join(&file);
                outcome = outcome.and(names.push_file(pool, &file, &path, samples));
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_values_are_numbers_or_texts() {
        fn check(content: &str, expected: &[(&str, &str)], complaint: Option<&str>) {
            let found = std::cell::RefCell::new(Vec::new());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let result = walk_named(
                content.as_bytes(),
                |field, value| found.borrow_mut().push((text(field), value.to_string())),
                |field, value| found.borrow_mut().push((text(field), text(value))),
            );
            let expected: Vec<_> =
                expected.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect();
            assert_eq!(found.into_inner(), expected);
            assert_eq!(result.err().map(|error| error.to_string()).as_deref(), complaint);
        }
        const HEAD: &str = "5 1 0x01 1 48 1 1\nname   type data\n";
        check(
            &format!("{HEAD}hits  4  17\nfree  3  -5\n"),
            &[("hits", "17"), ("free", "-5")],
            None,
        );
        check(
            &format!("{HEAD}dataset_name  7    data/my  disk \n"),
            &[("dataset_name", "data/my  disk")],
            None,
        );
        check(&format!("{HEAD}\nhits\nhits 4\n"), &[], None);
        let complaint = "line 3: expected an integer, found \"-1\"";
        check(&format!("{HEAD}a 4 -1\nb 4 2\n"), &[("b", "2")], Some(complaint));
        let complaint =
            "line 1: expected the headings name, type and data below, found \"hits 4 1\"";
        check("hits 4 1", &[], Some(complaint));
    }

    #[test]
    fn columns_of_io_have_headings() {
        fn check(content: &str, expected: Result<usize, &str>) {
            let mut count = 0;
            let result = walk_io(content.as_bytes(), |_, _| count += 1);
            let found = result.map(|()| count).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        const HEAD: &str = "12 3 0x00 1 80 1 1\nnread b c d e f g h i j k l\n";
        check(&format!("{HEAD}1 2 3 4 5 6 7 8 9 10 11 12\n"), Ok(12));
        check(&format!("{HEAD}1 2 3\n"), Ok(3));
        check(&format!("{HEAD}1 x 3\n"), Err("line 3: expected an integer, found \"x\""));
        check("nread b c\n1 2 3\n", Ok(0));
        check("", Ok(0));
    }

    #[test]
    fn names_end_behind_the_last_dot() {
        fn check(field: &str, expected: (&str, &str)) {
            let Named { name, help } = name("node_zfs_fm", "fm", field.as_bytes());
            assert_eq!((&*name, &*help), expected);
        }
        check("erpt-dropped", ("node_zfs_fm_erpt_dropped", "kstat.zfs.misc.fm.erpt-dropped"));
        check("a.b", ("node_zfs_fm_b", "kstat.zfs.misc.fm.a.b"));
    }
}
