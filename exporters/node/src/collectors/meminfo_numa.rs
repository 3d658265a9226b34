//! Memory of each NUMA node: `/sys/devices/system/node/node*/{meminfo,numastat}`.

use std::io;
use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::Entry;
use super::meminfo::parse_line;
use crate::named::{NameCache, Named, sanitize};
use crate::parse::{ParseError, lines, number, text, unsigned, words};
use crate::source::{KernelFile, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "meminfo_numa",
    about: "Memory statistics of each NUMA node.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("devices/system/node");
        Ok(Box::new(MeminfoNuma { directory, state: Mutex::default() }))
    },
};

struct MeminfoNuma {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    meminfo: NameCache,
    numastat: NameCache,
}

struct Node {
    /// `node0`.
    name: String,
    meminfo: KernelFile,
    numastat: KernelFile,
}

impl Node {
    fn new(directory: &Path, name: String) -> Node {
        let file = |file: &str| KernelFile::new(directory.join(&name).join(file));
        Node { meminfo: file("meminfo"), numastat: file("numastat"), name }
    }

    /// Its number, as the label.
    fn number(&self) -> &str {
        number_of(&self.name).unwrap_or_default()
    }
}

fn number_of(name: &str) -> Option<&str> {
    name.strip_prefix("node").filter(|number| unsigned(number.as_bytes()).is_some())
}

fn named(shown: &str) -> Option<Named> {
    let (name, help) =
        (format!("node_memory_numa_{shown}"), format!("Memory information field {shown}."));
    Some(Named { name, help })
}

/// `Active(anon)` is shown as `Active_anon`.
fn meminfo_name(field: &[u8]) -> Option<Named> {
    named(&sanitize(text(field).trim_end_matches(')')))
}

fn numastat_name(field: &[u8]) -> Option<Named> {
    named(&format!("{}_total", sanitize(&text(field))))
}

/// A line of meminfo behind the number of the node: `Node 0 MemFree: 16 kB`.
fn parse_meminfo(number: usize, line: &[u8]) -> Result<Option<(&[u8], f64)>, ParseError> {
    let rest = line.trim_ascii_start().splitn(3, |&byte| byte == b' ').nth(2);
    rest.map_or(Ok(None), |rest| parse_line(number, rest))
}

/// Field and value of `numa_hit 17`.
fn parse_numastat(number_of_line: usize, line: &[u8]) -> Result<Option<(&[u8], f64)>, ParseError> {
    let mut words = words(line);
    let Some(field) = words.next() else { return Ok(None) };
    let word = words.next().unwrap_or_default();
    let value = number(word).ok_or_else(|| ParseError::new(number_of_line, "a number", word))?;
    Ok(Some((field, value)))
}

impl MeminfoNuma {
    /// Brings the list of nodes up to date: memory can be plugged in.
    fn list(&self, nodes: &mut Vec<Node>) {
        // Kernels without NUMA have no directory.
        let mut names = names_in(&self.directory).unwrap_or_default();
        names.retain(|name| number_of(name).is_some());
        if !names.iter().eq(nodes.iter().map(|node| &node.name)) {
            *nodes = names.into_iter().map(|name| Node::new(&self.directory, name)).collect();
        }
    }
}

type ParseLine = fn(usize, &[u8]) -> Result<Option<(&[u8], f64)>, ParseError>;
type Name = fn(&[u8]) -> Option<Named>;

/// Pushes all fields of one file of one node; a line that is not understood does not hide the others.
fn push(
    file: &KernelFile,
    (parse_line, name, kind): (ParseLine, Name, MetricType),
    node: &str,
    names: &mut NameCache,
    samples: &mut Samples,
) -> Result<(), CollectError> {
    let content = match file.read() {
        Ok(content) => content,
        // The node was taken out since the directory was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file.failed(error)),
    };
    names.rewind();
    let mut outcome = Ok(());
    for (number, line) in lines(&content) {
        match parse_line(number, line) {
            Ok(Some((field, value))) => {
                if let Some(named) = names.get(field, name) {
                    samples.push_named(&named.name, &named.help, kind, &[("node", node)], value);
                }
            }
            Ok(None) => {}
            Err(error) => outcome = Err(file.failed(error)),
        }
    }
    outcome
}

impl Collector for MeminfoNuma {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let State { nodes, meminfo, numastat } = &mut *self.state.lock();
        self.list(nodes);
        let mut outcome = Ok(());
        for node in nodes {
            let how: (ParseLine, Name, _) = (parse_meminfo, meminfo_name, MetricType::Gauge);
            let memory = push(&node.meminfo, how, node.number(), meminfo, samples);
            let how: (ParseLine, Name, _) = (parse_numastat, numastat_name, MetricType::Counter);
            let places = push(&node.numastat, how, node.number(), numastat, samples);
            outcome = outcome.and(memory).and(places);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_fields_with_numbers() {
        fn check(parse: ParseLine, line: &str, expected: Result<Option<(&str, f64)>, &str>) {
            let found = parse(3, line.as_bytes()).map_err(|error| error.to_string());
            let expected =
                expected.map(|some| some.map(|(field, value)| (field.as_bytes(), value)));
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check(parse_meminfo, "Node 0 MemFree:  16 kB", Ok(Some(("MemFree", 16384.0))));
        check(parse_meminfo, "Node 1 HugePages_Free: 2", Ok(Some(("HugePages_Free", 2.0))));
        check(parse_meminfo, "", Ok(None));
        check(
            parse_meminfo,
            "Node 0 MemFree: 16 MB",
            Err("line 3: expected the unit kB, found \"MB\""),
        );
        check(parse_meminfo, "Node 0 MemFree:", Err("line 3: expected a number, found \"\""));
        check(parse_numastat, "numa_hit 17", Ok(Some(("numa_hit", 17.0))));
        check(parse_numastat, "numa_hit", Err("line 3: expected a number, found \"\""));
        check(parse_numastat, "", Ok(None));
    }

    #[test]
    fn names_are_those_of_the_fields() {
        fn check(name: Name, field: &str, expected: &str) {
            assert_eq!(name(field.as_bytes()).unwrap().name, expected);
        }
        check(meminfo_name, "Active(anon)", "node_memory_numa_Active_anon");
        check(numastat_name, "numa_hit", "node_memory_numa_numa_hit_total");
    }
}
