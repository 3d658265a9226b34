//! Free blocks of memory by size: `/proc/buddyinfo`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use super::diskstats::label;
use crate::parse::{ParseError, lines, number, text, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "buddyinfo",
    about: "Free blocks of memory by zone and size of /proc/buddyinfo.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Buddyinfo { file: KernelFile::new(context.roots().proc("buddyinfo")) }))
    },
};

const BLOCKS: Family =
    Family::gauge("node_buddyinfo_blocks", "Count of free blocks according to size.");

struct Buddyinfo {
    file: KernelFile,
}

/// Node and zone of a line such as `Node 0, zone   Normal   9831   8722`.
fn zone(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = words(line);
    let (b"Node", node, b"zone", zone) =
        (words.next()?, words.next()?, words.next()?, words.next()?)
    else {
        return None;
    };
    Some((node.strip_suffix(b",").unwrap_or(node), zone))
}

/// How many blocks of 2^0, 2^1, ... pages are free; they stand behind node and zone.
fn counts(number_of_line: usize, line: &[u8]) -> impl Iterator<Item = Result<f64, ParseError>> {
    words(line).skip(4).map(move |word| {
        number(word).ok_or_else(|| ParseError::new(number_of_line, "a number of blocks", word))
    })
}

impl Collector for Buddyinfo {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        let mut buffer = String::new();
        for (number, line) in lines(&content) {
            let Some((node, zone)) = zone(line) else { continue };
            let (node, zone) = (text(node), text(zone));
            for (order, count) in counts(number, line).enumerate() {
                let count = count.map_err(|error| self.file.failed(error))?;
                let size = label(&mut buffer, order);
                samples.push(&BLOCKS, &[("node", &node), ("zone", &zone), ("size", size)], count);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_zone_and_its_blocks_by_size() {
        fn check(line: &str, expected: Option<(&str, &str)>, blocks: Result<&[f64], &str>) {
            let expected = expected.map(|(node, zone)| (node.as_bytes(), zone.as_bytes()));
            assert_eq!(zone(line.as_bytes()), expected);
            let found: Result<Vec<f64>, _> = counts(4, line.as_bytes()).collect();
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, blocks.map(<[f64]>::to_vec).map_err(str::to_owned));
        }
        check("Node 1, zone    DMA32    759   2 ", Some(("1", "DMA32")), Ok(&[759.0, 2.0]));
        check("Node 0, zone Movable", Some(("0", "Movable")), Ok(&[]));
        check("Node 0, zone", None, Ok(&[]));
        check("Zone 0, node DMA 1", None, Ok(&[1.0]));
        let wrong = "line 4: expected a number of blocks, found \"x\"";
        check("Node 0, zone DMA x", Some(("0", "DMA")), Err(wrong));
    }
}
