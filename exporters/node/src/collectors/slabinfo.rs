//! Caches of the kernel's allocator: `/proc/slabinfo`, which only root may read.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, lines, signed, text};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

const INCLUDE: Flag = flag::text(
    "collector.slabinfo.slabs-include",
    "Regexp of slabs to include in slabinfo collector.",
    ".*",
);
const EXCLUDE: Flag = flag::text(
    "collector.slabinfo.slabs-exclude",
    "Regexp of slabs to exclude in slabinfo collector.",
    "",
);

pub(super) const ENTRY: Entry = Entry {
    name: "slabinfo",
    about: "Allocator caches of /proc/slabinfo.",
    on_by_default: false,
    may_block: false,
    flags: &[INCLUDE, EXCLUDE],
    build: |context| {
        let settings = context.settings();
        // What matches everything need not be asked.
        let include = match settings.text(&INCLUDE) {
            ".*" => "",
            pattern => pattern,
        };
        let filter = Filter::new((&EXCLUDE, settings.text(&EXCLUDE)), (&INCLUDE, include))?;
        let file = KernelFile::new(context.roots().proc("slabinfo"));
        Ok(Box::new(Slabinfo { file, filter }))
    },
};

/// The families, in the order of the columns behind the name.
const FAMILIES: [Family; 5] = [
    Family::gauge(
        "node_slabinfo_active_objects",
        "The number of objects that are currently active (i.e., in use).",
    ),
    Family::gauge(
        "node_slabinfo_objects",
        "The total number of allocated objects (i.e., objects that are both in use and not in use).",
    ),
    Family::gauge("node_slabinfo_object_size_bytes", "The size of objects in this slab, in bytes."),
    Family::gauge("node_slabinfo_objects_per_slab", "The number of objects stored in each slab."),
    Family::gauge("node_slabinfo_pages_per_slab", "The number of pages allocated for each slab."),
];

/// Words behind the name in version 2.1, which all kernels since 2.6.10 have.
const WORDS_BEHIND_NAME: usize = 15;

struct Slabinfo {
    file: KernelFile,
    filter: Filter,
}

type Slab<'a> = (&'a [u8], [i64; FAMILIES.len()]);

/// One cache; `None` for the two lines of headings. The columns are counted from the end, because
/// modules may name a cache as they like, blanks included.
fn parse_line(number: usize, line: &[u8]) -> Result<Option<Slab<'_>>, ParseError> {
    if line.starts_with(b"slabinfo -") || line.starts_with(b"# name") {
        return Ok(None);
    }
    let short = || ParseError::new(number, "a name and 15 columns", line);
    let mut values = [0; FAMILIES.len()];
    let mut name = line;
    for column in (0..WORDS_BEHIND_NAME).rev() {
        let (rest, word) = split_last_word(name).ok_or_else(short)?;
        if let Some(value) = values.get_mut(column) {
            *value = signed(word).ok_or_else(|| ParseError::new(number, "a number", word))?;
        }
        name = rest;
    }
    let name = name.trim_ascii();
    if name.is_empty() { Err(short()) } else { Ok(Some((name, values))) }
}

/// The last word, and what stands before the blank before it.
fn split_last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_end();
    let blank = text.iter().rposition(u8::is_ascii_whitespace)?;
    Some((&text[..blank], &text[blank + 1..]))
}

impl Collector for Slabinfo {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        for (number, line) in lines(&content) {
            let parsed = parse_line(number, line).map_err(|error| self.file.failed(error))?;
            let Some((name, values)) = parsed else { continue };
            let name = text(name);
            if self.filter.ignores(&name) {
                continue;
            }
            for (family, value) in FAMILIES.iter().zip(values) {
                samples.push(family, &[("slab", &name)], value as f64);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_from_the_end() {
        fn check(line: &str, expected: Result<Option<(&str, [i64; 5])>, &str>) {
            let found = parse_line(3, line.as_bytes()).map_err(|error| error.to_string());
            let expected =
                expected.map(|slab| slab.map(|(name, values)| (name.as_bytes(), values)));
            assert_eq!(found, expected.map_err(str::to_owned), "{line}");
        }
        let rest = ": tunables    0    0    0 : slabdata     27     27      0";
        check(
            &format!("tw_sock_TCP  704  864  256  32  2 {rest}"),
            Ok(Some(("tw_sock_TCP", [704, 864, 256, 32, 2]))),
        );
        check(
            &format!("my own cache 1 2 3 4 5 {rest}"),
            Ok(Some(("my own cache", [1, 2, 3, 4, 5]))),
        );
        check("slabinfo - version: 2.1", Ok(None));
        check("# name            <active_objs>", Ok(None));
        check("x 1 2", Err("line 3: expected a name and 15 columns, found \"x 1 2\""));
        check(&format!("x 1 y 3 4 5 {rest}"), Err("line 3: expected a number, found \"y\""));
    }
}
