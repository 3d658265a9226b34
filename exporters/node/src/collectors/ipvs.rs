//! Virtual servers of the kernel and their backends: `/proc/net/ip_vs_stats` and `ip_vs`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use super::diskstats::label;
use crate::Error;
use crate::parse::{ParseError, hex, lines, text, unsigned, words};
use crate::settings::{Flag, Settings, flag};
use crate::source::KernelFile;

const BACKEND_LABELS: Flag = flag::text(
    "collector.ipvs.backend-labels",
    "Comma separated list for IPVS backend stats labels.",
    "local_address,local_port,remote_address,remote_port,proto,local_mark",
);

pub(super) const ENTRY: Entry = Entry {
    name: "ipvs",
    about: "Virtual servers of IPVS and their backends.",
    on_by_default: true,
    may_block: false,
    flags: &[BACKEND_LABELS],
    build: |context| {
        let file = |name: &str| KernelFile::new(context.roots().proc(name));
        Ok(Box::new(Ipvs {
            stats: file("net/ip_vs_stats"),
            table: file("net/ip_vs"),
            wanted: wanted(context.settings())?,
        }))
    },
};

/// In the order of the columns.
const TOTALS: [Family; 5] = [
    Family::counter("node_ipvs_connections_total", "The total number of connections made."),
    Family::counter("node_ipvs_incoming_packets_total", "The total number of incoming packets."),
    Family::counter("node_ipvs_outgoing_packets_total", "The total number of outgoing packets."),
    Family::counter("node_ipvs_incoming_bytes_total", "The total amount of incoming data."),
    Family::counter("node_ipvs_outgoing_bytes_total", "The total amount of outgoing data."),
];

/// In the order of the columns.
const BACKEND: [Family; 3] = [
    Family::gauge(
        "node_ipvs_backend_weight",
        "The current backend weight by local and remote address.",
    ),
    Family::gauge(
        "node_ipvs_backend_connections_active",
        "The current active connections by local and remote address.",
    ),
    Family::gauge(
        "node_ipvs_backend_connections_inactive",
        "The current inactive connections by local and remote address.",
    ),
];

/// What a backend can be labelled with.
const LABELS: [&str; 6] =
    ["local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark"];

struct Ipvs {
    stats: KernelFile,
    table: KernelFile,
    wanted: [bool; LABELS.len()],
}

/// Which of [`LABELS`] the flag names.
fn wanted(settings: &Settings) -> Result<[bool; LABELS.len()], Error> {
    let mut wanted = [false; LABELS.len()];
    for name in settings.text(&BACKEND_LABELS).split(',').filter(|name| !name.is_empty()) {
        let at = LABELS.iter().position(|label| *label == name).ok_or_else(|| Error::Value {
            flag: BACKEND_LABELS.name,
            expected: "a list of local_address, local_port, remote_address, remote_port, proto \
                       and local_mark",
            found: name.to_owned(),
        })?;
        wanted[at] = true;
    }
    Ok(wanted)
}

/// The value of a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Value<'a> {
    #[default]
    Nothing,
    Address(IpAddr),
    Port(u16),
    Text(&'a [u8]),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nothing => Ok(()),
            Value::Address(address) => write!(f, "{address}"),
            Value::Port(port) => write!(f, "{port}"),
            Value::Text(bytes) => f.write_str(&text(bytes)),
        }
    }
}

/// The values of [`LABELS`] of one backend of one virtual server.
type Backend<'a> = [Value<'a>; LABELS.len()];

/// The third line of `ip_vs_stats`. `net/netfilter/ipvs/ip_vs_ctl.c`.
fn parse_stats(text: &[u8]) -> Result<[u64; TOTALS.len()], ParseError> {
    let (number, line) = lines(text).nth(2).unwrap_or((3, b""));
    let mut totals = [0; TOTALS.len()];
    let mut words = words(line);
    for total in &mut totals {
        let word = words.next().unwrap_or_default();
        *total =
            hex(word).ok_or_else(|| ParseError::new(number, "five hexadecimal numbers", line))?;
    }
    Ok(totals)
}

/// Weights and connections of the backends of `ip_vs`. Those that do not differ in the `wanted`
/// labels are added up.
fn parse_table<'a>(
    text: &'a [u8],
    wanted: &[bool; LABELS.len()],
) -> Result<BTreeMap<Backend<'a>, [u64; BACKEND.len()]>, ParseError> {
    let mut backends = BTreeMap::new();
    let mut server = [Value::Nothing; 4];
    for (number, line) in lines(text) {
        let mut words = words(line);
        let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
        let endpoint =
            || endpoint(second).ok_or_else(|| ParseError::new(number, "ADDRESS:PORT", second));
        match first {
            // Two lines of headings, and one of those of backends.
            b"IP" | b"Prot" => {}
            b"->" if second == b"RemoteAddress:Port" => {}
            b"->" => {
                let [local, local_port, protocol, mark] = server;
                let (remote, remote_port) = endpoint()?;
                let mut backend = [local, local_port, remote, remote_port, protocol, mark];
                for (value, _) in backend.iter_mut().zip(wanted).filter(|(_, wanted)| !**wanted) {
                    *value = Value::Nothing;
                }
                let sums: &mut [u64; BACKEND.len()] = backends.entry(backend).or_default();
                // The way of forwarding stands in between.
                let mut words = words.skip(1);
                for sum in sums {
                    let word = words.next().unwrap_or_default();
                    let wrong = || ParseError::new(number, "weight and connections", line);
                    *sum = sum.saturating_add(unsigned(word).ok_or_else(wrong)?);
                }
            }
            b"FWM" => {
                let nowhere = (Value::Nothing, Value::Port(0));
                server = [nowhere.0, nowhere.1, Value::Text(first), Value::Text(second)];
            }
            protocol => {
                let (local, port) = endpoint()?;
                server = [local, port, Value::Text(protocol), Value::Text(b"")];
            }
        }
    }
    Ok(backends)
}

/// `C0A80016:0CEA` or `[2620:0000:0000:0000:0000:0000:0000:0001]:0050`.
fn endpoint(word: &[u8]) -> Option<(Value<'_>, Value<'_>)> {
    let colon = word.iter().rposition(|&byte| byte == b':')?;
    let (address, port) = (&word[..colon], &word[colon + 1..]);
    let address = match address {
        [b'[', address @ .., b']'] => {
            let address: Ipv6Addr = std::str::from_utf8(address).ok()?.parse().ok()?;
            // IPv4 in IPv6 is written as IPv4.
            IpAddr::V6(address).to_canonical()
        }
        digits if digits.len() == 8 => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(hex(digits)?).ok()?))
        }
        _ => return None,
    };
    let port = u16::try_from(hex(port)?).ok()?;
    Some((Value::Address(address), Value::Port(port)))
}

impl Collector for Ipvs {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let totals = parse_stats(&self.stats.collect_or_absent()?);
        let totals = totals.map_err(|error| self.stats.failed(error))?;
        for (family, total) in TOTALS.iter().zip(totals) {
            samples.push(family, &[], total as f64);
        }
        let content = self.table.collect()?;
        let backends = parse_table(&content, &self.wanted);
        let backends = backends.map_err(|error| self.table.failed(error))?;
        let mut texts: [String; LABELS.len()] = Default::default();
        for (backend, values) in &backends {
            for (text, value) in texts.iter_mut().zip(backend) {
                label(text, value);
            }
            let mut labels = [("", ""); LABELS.len()];
            let mut count = 0;
            for at in (0..LABELS.len()).filter(|&at| self.wanted[at]) {
                labels[count] = (LABELS[at], &texts[at]);
                count += 1;
            }
            for (family, value) in BACKEND.iter().zip(values) {
                samples.push(family, &labels[..count], *value as f64);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_stand_in_the_third_line() {
        fn check(text: &str, expected: Result<[u64; 5], &str>) {
            let found = parse_stats(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("Total\nConns\n  16 E3 0 ffffffffffffffff 1\n\n", Ok([0x16, 0xe3, 0, u64::MAX, 1]));
        check(
            "Total\nConns\n 1 2",
            Err("line 3: expected five hexadecimal numbers, found \" 1 2\""),
        );
        check("Total", Err("line 3: expected five hexadecimal numbers, found \"\""));
    }

    #[test]
    fn addresses_are_hexadecimal() {
        fn check(word: &str, expected: Option<(&str, &str)>) {
            let found = endpoint(word.as_bytes());
            let found = found.map(|(address, port)| (address.to_string(), port.to_string()));
            assert_eq!(found, expected.map(|(address, port)| (address.into(), port.into())));
        }
        check("C0A80016:0CEA", Some(("192.168.0.22", "3306")));
        check("[2620:0000:0000:0000:0000:0000:0000:0001]:0050", Some(("2620::1", "80")));
        check("[0000:0000:0000:0000:0000:FFFF:C0A8:0016]:0050", Some(("192.168.0.22", "80")));
        check("C0A80016", None);
        check("C0A80016:10000", None);
        check("C0A800:0050", None);
        check("[2620:0001]:0050", None);
        check("", None);
    }

    #[test]
    fn backends_belong_to_the_server_above_and_are_added_up_when_they_look_alike() {
        fn check(text: &str, wanted: [bool; 6], expected: Result<&[(&str, [u64; 3])], &str>) {
            let found = parse_table(text.as_bytes(), &wanted).map(|backends| {
                let told = |backend: &Backend<'_>| backend.map(|value| value.to_string()).join(" ");
                backends.iter().map(|(backend, sums)| (told(backend), *sums)).collect::<Vec<_>>()
            });
            let expected = expected.map(|all| {
                all.iter().map(|(labels, sums)| ((*labels).to_owned(), *sums)).collect()
            });
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        let table = "IP Virtual Server version 1.2.1 (size=4096)\n\
                     Prot LocalAddress:Port Scheduler Flags\n  \
                     -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
                     UDP  01020304:0035 rr\n  \
                     -> 05060708:0035      Masq    1      2          3\n\
                     FWM  0000000A wlc\n  \
                     -> 05060708:0035      Route   10     20         30\n";
        check(
            table,
            [true; 6],
            Ok(&[
                (" 0 5.6.7.8 53 FWM 0000000A", [10, 20, 30]),
                ("1.2.3.4 53 5.6.7.8 53 UDP ", [1, 2, 3]),
            ]),
        );
        let remote = [false, false, true, false, false, false];
        check(table, remote, Ok(&[("  5.6.7.8   ", [11, 22, 33])]));
        check(table, [false; 6], Ok(&[("     ", [11, 22, 33])]));
        check("", [true; 6], Ok(&[]));
        check("TCP x:1 rr", [true; 6], Err("line 1: expected ADDRESS:PORT, found \"x:1\""));
        check(
            "-> 05060708:0035 Masq 1 2",
            [true; 6],
            Err("line 1: expected weight and connections, found \"-> 05060708:0035 Masq 1 2\""),
        );
    }

    #[test]
    fn unknown_labels_are_refused() {
        fn check(list: &str, expected: Option<[bool; 6]>) {
            let mut settings = Settings::default();
            settings.set(BACKEND_LABELS.name, list);
            assert_eq!(wanted(&settings).ok(), expected);
        }
        assert_eq!(wanted(&Settings::default()), Ok([true; 6]));
        check("local_mark,,local_address", Some([true, false, false, false, false, true]));
        check("", Some([false; 6]));
        check("local_address, proto", None);
        check("weight", None);
    }
}
