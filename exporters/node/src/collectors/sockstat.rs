//! Sockets in use by protocol: `/proc/net/sockstat` and `sockstat6`.

use std::io;

use common_instrument::{CollectError, Collector, Family, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::Entry;
use crate::named::{NameCache, Named};
use crate::parse::{ParseError, lines, signed, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "sockstat",
    about: "Sockets in use of /proc/net/sockstat and sockstat6.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let table = |name: &str| Table {
            file: KernelFile::new(context.roots().proc(name)),
            names: Mutex::default(),
        };
        Ok(Box::new(Sockstat {
            tables: [table("net/sockstat"), table("net/sockstat6")],
            page_bytes: rustix::param::page_size() as f64,
        }))
    },
};

const USED: Family = Family::gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.");

struct Sockstat {
    tables: [Table; 2],
    page_bytes: f64,
}

struct Table {
    file: KernelFile,
    names: Mutex<NameCache>,
}

/// Calls `each(protocol, state, value)` for lines such as `TCP: inuse 4 orphan 0`.
fn walk<'a>(
    text: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8], f64),
) -> Result<(), ParseError> {
    for (number_of_line, line) in lines(text) {
        let mut words = words(line);
        let Some(protocol) = words.next() else { continue };
        let Some(protocol) = protocol.strip_suffix(b":") else {
            return Err(ParseError::new(number_of_line, "a protocol and a colon", protocol));
        };
        while let Some(state) = words.next() {
            let word = words.next().unwrap_or_default();
            let value =
                signed(word).ok_or_else(|| ParseError::new(number_of_line, "a number", word))?;
            each(protocol, state, value as f64);
        }
    }
    Ok(())
}

/// The states that are exported.
const STATES: [&[u8]; 6] = [b"inuse", b"orphan", b"tw", b"alloc", b"mem", b"memory"];

fn name(protocol: &[u8], state: &[u8]) -> Option<Named> {
    let (protocol, state) = (std::str::from_utf8(protocol).ok()?, std::str::from_utf8(state).ok()?);
    Some(Named {
        name: format!("node_sockstat_{protocol}_{state}"),
        help: format!("Number of {protocol} sockets in state {state}."),
    })
}

impl Collector for Sockstat {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut key = Vec::with_capacity(32);
        for table in &self.tables {
            let text = match table.file.read() {
                Ok(text) => text,
                // A kernel without this version of IP.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(table.file.failed(error)),
            };
            let mut names = table.names.lock();
            names.rewind();
            let mut push = |protocol: &[u8], state: &[u8], value: f64| {
                key.clear();
                key.extend_from_slice(protocol);
                key.push(b'_');
                key.extend_from_slice(state);
                if let Some(named) = names.get(&key, |_| name(protocol, state)) {
                    samples.push_named(&named.name, &named.help, MetricType::Gauge, &[], value);
                }
            };
            let mut used = None;
            let walked = walk(&text, |protocol, state, value| {
                if protocol == b"sockets" {
                    used = Some(value);
                } else if STATES.contains(&state) {
                    push(protocol, state, value);
                    if state == b"mem" {
                        push(protocol, b"mem_bytes", value * self.page_bytes);
                    }
                }
            });
            walked.map_err(|error| table.file.failed(error))?;
            if let Some(used) = used {
                samples.push(&USED, &[], used);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_protocol_and_pairs() {
        fn check(text: &str, expected: Result<&[(&str, &str, f64)], &str>) {
            let mut all = Vec::new();
            let walked = walk(text.as_bytes(), |protocol, state, value| {
                all.push((
                    String::from_utf8_lossy(protocol),
                    String::from_utf8_lossy(state),
                    value,
                ));
            });
            let found = walked.map(|()| all).map_err(|error| error.to_string());
            let expected = expected.map(|all| {
                all.iter().map(|(p, s, v)| ((*p).into(), (*s).into(), *v)).collect::<Vec<_>>()
            });
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("TCP: inuse 4 mem -1\n", Ok(&[("TCP", "inuse", 4.0), ("TCP", "mem", -1.0)]));
        check("TCP: inuse", Err("line 1: expected a number, found \"\""));
        check("TCP inuse 4", Err("line 1: expected a protocol and a colon, found \"TCP\""));
    }
}
