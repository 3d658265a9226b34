//! Protocol counters of `/proc/net/{netstat,snmp,snmp6}`.

use std::io;

use common_instrument::{CollectError, Collector, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::Entry;
use crate::named::{NameCache, Named};
use crate::parse::{ParseError, lines, number, words};
use crate::pattern::Pattern;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

const FIELDS: Flag = flag::text(
    "collector.netstat.fields",
    "Regexp of fields to return for netstat collector.",
    "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)\
     |TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)\
     |Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)\
     |Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$",
);

pub(super) const ENTRY: Entry = Entry {
    name: "netstat",
    about: "Protocol counters of /proc/net/netstat, snmp and snmp6.",
    on_by_default: true,
    may_block: false,
    flags: &[FIELDS],
    build: |context| {
        let table = |name: &str| Table {
            file: KernelFile::new(context.roots().proc(name)),
            names: Mutex::default(),
        };
        Ok(Box::new(Netstat {
            fields: context.settings().pattern(&FIELDS)?,
            tables: [table("net/netstat"), table("net/snmp")],
            six: table("net/snmp6"),
        }))
    },
};

struct Netstat {
    fields: Pattern,
    tables: [Table; 2],
    six: Table,
}

struct Table {
    file: KernelFile,
    names: Mutex<NameCache>,
}

impl Netstat {
    fn name(&self, protocol: &[u8], field: &[u8]) -> Option<Named> {
        let (protocol, field) =
            (std::str::from_utf8(protocol).ok()?, std::str::from_utf8(field).ok()?);
        let key = format!("{protocol}_{field}");
        self.fields.is_match(&key).then(|| Named {
            name: format!("node_netstat_{key}"),
            help: format!("Statistic {protocol}{field}."),
        })
    }
}

/// Calls `each(protocol, field, value)` for every column of pairs of lines: names, then values,
/// both behind `Protocol:`.
fn walk_pairs<'a>(
    text: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8], f64),
) -> Result<(), ParseError> {
    let mut lines = lines(text);
    while let Some((name_line, names)) = lines.next() {
        let (value_line, values) = lines.next().unwrap_or((name_line + 1, b""));
        let (mut names, mut values) = (words(names), words(values));
        let protocol = names.next().unwrap_or_default();
        let Some(protocol_name) = protocol.strip_suffix(b":") else {
            return Err(ParseError::new(name_line, "a protocol and a colon", protocol));
        };
        let again = values.next().unwrap_or_default();
        if again != protocol {
            return Err(ParseError::new(value_line, "the values of the line before", again));
        }
        for name in names {
            let word = values.next().unwrap_or_default();
            let value =
                number(word).ok_or_else(|| ParseError::new(value_line, "a number", word))?;
            each(protocol_name, name, value);
        }
        if let Some(word) = values.next() {
            return Err(ParseError::new(value_line, "as many values as names", word));
        }
    }
    Ok(())
}

/// Calls `each(protocol, field, value)` for lines such as `Ip6InReceives 17`; those without a `6`
/// are passed over.
fn walk_six<'a>(
    text: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8], f64),
) -> Result<(), ParseError> {
    for (number_of_line, line) in lines(text) {
        let mut words = words(line);
        let (Some(name), Some(word)) = (words.next(), words.next()) else { continue };
        let Some(six) = name.iter().position(|&byte| byte == b'6') else { continue };
        let value =
            number(word).ok_or_else(|| ParseError::new(number_of_line, "a number", word))?;
        let (protocol, field) = name.split_at(six + 1);
        each(protocol, field, value);
    }
    Ok(())
}

impl Collector for Netstat {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut key = Vec::with_capacity(64);
        for table in &self.tables {
            let text = table.file.collect()?;
            let mut names = table.names.lock();
            names.rewind();
            let walked = walk_pairs(&text, |protocol, field, value| {
                self.push(&mut names, &mut key, (protocol, field), value, samples);
            });
            walked.map_err(|error| table.file.failed(error))?;
        }
        match self.six.file.read() {
            Ok(text) => {
                let mut names = self.six.names.lock();
                names.rewind();
                let walked = walk_six(&text, |protocol, field, value| {
                    self.push(&mut names, &mut key, (protocol, field), value, samples);
                });
                walked.map_err(|error| self.six.file.failed(error))
            }
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.six.file.failed(error)),
        }
    }
}

impl Netstat {
    fn push(
        &self,
        names: &mut NameCache,
        key: &mut Vec<u8>,
        (protocol, field): (&[u8], &[u8]),
        value: f64,
        samples: &mut Samples,
    ) {
        key.clear();
        key.extend_from_slice(protocol);
        key.push(b'_');
        key.extend_from_slice(field);
        if let Some(named) = names.get(key, |_| self.name(protocol, field)) {
            samples.push_named(&named.name, &named.help, MetricType::Unknown, &[], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Walked = Result<Vec<(String, f64)>, String>;

    fn check(walked: Walked, expected: Result<&[(&str, f64)], &str>) {
        let expected = expected.map(|all| all.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect());
        assert_eq!(walked, expected.map_err(str::to_owned));
    }

    #[test]
    fn names_and_values_come_in_pairs_of_lines() {
        fn pairs(text: &str) -> Walked {
            let mut all = Vec::new();
            walk_pairs(text.as_bytes(), |protocol, field, value| {
                let text = |bytes| String::from_utf8_lossy(bytes);
                all.push((format!("{}.{}", text(protocol), text(field)), value));
            })
            .map_err(|error| error.to_string())?;
            Ok(all)
        }
        check(
            pairs("Ip: A B\nIp: 1 -1\nTcp: C\nTcp: 3\n"),
            Ok(&[("Ip.A", 1.0), ("Ip.B", -1.0), ("Tcp.C", 3.0)]),
        );
        check(pairs(""), Ok(&[]));
        check(pairs("Ip: A\nIp: x"), Err("line 2: expected a number, found \"x\""));
        check(pairs("Ip: A\nIp:"), Err("line 2: expected a number, found \"\""));
        check(pairs("Ip: A\n"), Err("line 2: expected the values of the line before, found \"\""));
        check(
            pairs("Ip: A\nIp: 1 2"),
            Err("line 2: expected as many values as names, found \"2\""),
        );
        check(pairs("Ip\nIp"), Err("line 1: expected a protocol and a colon, found \"Ip\""));
    }

    #[test]
    fn the_protocol_of_snmp6_ends_with_the_six() {
        fn six(text: &str) -> Walked {
            let mut all = Vec::new();
            walk_six(text.as_bytes(), |protocol, field, value| {
                let text = |bytes| String::from_utf8_lossy(bytes);
                all.push((format!("{}.{}", text(protocol), text(field)), value));
            })
            .map_err(|error| error.to_string())?;
            Ok(all)
        }
        check(six("Ip6In  \t7\nUdpLite6Out 8\n"), Ok(&[("Ip6.In", 7.0), ("UdpLite6.Out", 8.0)]));
        check(six("Lonely\nNoSix 3\n"), Ok(&[]));
        check(six("Ip6In x\n"), Err("line 1: expected a number, found \"x\""));
    }
}
