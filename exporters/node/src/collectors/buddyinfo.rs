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

/// Node, zone, and how many blocks of 2^0, 2^1, ... pages are free: `Node 0, zone  DMA  1 0 2`.
fn parse_line(
    number_of_line: usize,
    line: &[u8],
) -> Result<(&[u8], &[u8], impl Iterator<Item = Result<f64, ParseError>>), ParseError> {
    let mut words = words(line);
    let (Some(b"Node"), Some(node), Some(b"zone"), Some(zone)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(ParseError::new(number_of_line, "a node and a zone", line));
    };
    let counts = words.map(move |word| {
        number(word).ok_or_else(|| ParseError::new(number_of_line, "a number of blocks", word))
    });
    Ok((node.strip_suffix(b",").unwrap_or(node), zone, counts))
}

impl Collector for Buddyinfo {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        let mut buffer = String::new();
        for (number, line) in lines(&content) {
            let failed = |error| self.file.failed(error);
            let (node, zone, counts) = parse_line(number, line).map_err(failed)?;
            let (node, zone) = (text(node), text(zone));
            for (order, count) in counts.enumerate() {
                let size = label(&mut buffer, order);
                let labels = [("node", &*node), ("zone", &*zone), ("size", size)];
                samples.push(&BLOCKS, &labels, count.map_err(failed)?);
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
        fn check(line: &str, expected: Result<(&str, &str, &[f64]), &str>) {
            let found = parse_line(4, line.as_bytes()).and_then(|(node, zone, counts)| {
                Ok((text(node), text(zone), counts.collect::<Result<Vec<_>, _>>()?))
            });
            let expected =
                expected.map(|(node, zone, counts)| (node.into(), zone.into(), counts.to_vec()));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        check("Node 1, zone    DMA32    759   2  0 ", Ok(("1", "DMA32", &[759.0, 2.0, 0.0])));
        check("Node 0, zone Movable", Ok(("0", "Movable", &[])));
        check("Node 0, zone", Err("line 4: expected a node and a zone, found \"Node 0, zone\""));
        check("Node 0, zone DMA x", Err("line 4: expected a number of blocks, found \"x\""));
    }
}
