//! Open files of the whole system: `/proc/sys/fs/file-nr`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, number, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "filefd",
    about: "File handles in use and their limit.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Filefd { file: KernelFile::new(context.roots().proc("sys/fs/file-nr")) }))
    },
};

const ALLOCATED: Family =
    Family::gauge("node_filefd_allocated", "File descriptor statistics: allocated.");
const MAXIMUM: Family =
    Family::gauge("node_filefd_maximum", "File descriptor statistics: maximum.");

struct Filefd {
    file: KernelFile,
}

/// Allocated and maximum; the number between them is always 0 since Linux 2.6.
fn parse(text: &[u8]) -> Result<(f64, f64), ParseError> {
    let mut words = words(text);
    let mut next = |expected| {
        let word = words.next().unwrap_or_default();
        number(word).ok_or_else(|| ParseError::new(1, expected, word))
    };
    let allocated = next("the number of open files")?;
    next("the number of free handles")?;
    Ok((allocated, next("the limit of open files")?))
}

impl Collector for Filefd {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let parsed = parse(&self.file.collect()?);
        let (allocated, maximum) = parsed.map_err(|error| self.file.failed(error))?;
        samples.push(&ALLOCATED, &[], allocated);
        samples.push(&MAXIMUM, &[], maximum);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_third_number_count() {
        fn check(text: &str, expected: Result<(f64, f64), &str>) {
            let found = parse(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("1024\t0\t1631329\n", Ok((1024.0, 1631329.0)));
        check("1024\t0\n", Err("line 1: expected the limit of open files, found \"\""));
    }
}
