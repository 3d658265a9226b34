//! Wireless interfaces as the kernel knows them: generic netlink. `linux/nl80211.h`.

use std::io;

use super::{Bss, Interface, Source, Station};
use crate::netlink::{Generic, attribute, attributes, text, u16_at, u32_at, u64_at};

const GET_INTERFACE: u8 = 5;
const GET_STATION: u8 = 17;
const GET_SCAN: u8 = 32;

const INDEX: u16 = 3;
const NAME: u16 = 4;
const ADDRESS: u16 = 6;
const STATION_INFO: u16 = 21;
const FREQUENCY: u16 = 38;
const BSS: u16 = 47;

/// The connection to the kernel's wireless subsystem.
pub(super) struct Nl80211(Generic);

impl Nl80211 {
    /// Opens nothing yet.
    pub(super) fn new() -> Nl80211 {
        Nl80211(Generic::new("nl80211"))
    }

    fn dump_of(
        &mut self,
        command: u8,
        interface: &Interface,
        each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let mut question = attribute(INDEX, &interface.index.to_ne_bytes());
        if !interface.address.is_empty() {
            question.extend(attribute(ADDRESS, &interface.address));
        }
        self.0.dump(command, &question, each)
    }
}

impl Source for Nl80211 {
    fn interfaces(&mut self) -> io::Result<Vec<Interface>> {
        let mut interfaces = Vec::new();
        self.0.dump(GET_INTERFACE, &[], |message| interfaces.push(interface(message)))?;
        Ok(interfaces)
    }

    fn bss(&mut self, interface: &Interface) -> io::Result<Bss> {
        let mut joined = None;
        self.dump_of(GET_SCAN, interface, |message| {
            joined = joined.take().or_else(|| bss(message));
        })?;
        joined.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn stations(&mut self, interface: &Interface) -> io::Result<Vec<Station>> {
        let mut stations = Vec::new();
        self.dump_of(GET_STATION, interface, |message| stations.extend(station(message)))?;
        Ok(stations)
    }
}

fn interface(message: &[u8]) -> Interface {
    let mut interface = Interface::default();
    for (kind, value) in attributes(message, 0) {
        match kind {
            INDEX => interface.index = u32_at(value, 0).unwrap_or(0),
            NAME => interface.name = text(value).into_owned(),
            ADDRESS => interface.address = value.to_vec(),
            FREQUENCY => interface.frequency_mhz = u32_at(value, 0).map_or(0, u64::from),
            _ => {}
        }
    }
    interface
}

/// One network in sight; `None` unless the interface has joined it, which its status tells.
fn bss(message: &[u8]) -> Option<Bss> {
    const ID: u16 = 1;
    const ELEMENTS: u16 = 6;
    const STATUS: u16 = 9;
    let (_, nested) = attributes(message, 0).find(|(kind, _)| *kind == BSS)?;
    let mut bss = Bss::default();
    let mut status = None;
    for (kind, value) in attributes(nested, 0) {
        match kind {
            ID => bss.id = value.to_vec(),
            ELEMENTS => bss.name = network_name(value),
            STATUS => status = u32_at(value, 0),
            _ => {}
        }
    }
    bss.status = status?.into();
    Some(bss)
}

/// The name among the information elements of IEEE 802.11: kind, length, content.
fn network_name(elements: &[u8]) -> String {
    const NAME: u8 = 0;
    let mut rest = elements;
    while let [kind, length, after @ ..] = rest {
        let Some((content, next)) = after.split_at_checked(usize::from(*length)) else { break };
        if *kind == NAME {
            return crate::parse::text(content).into_owned();
        }
        rest = next;
    }
    String::new()
}

fn station(message: &[u8]) -> Option<Station> {
    let mut address = Vec::new();
    let mut info = None;
    for (kind, value) in attributes(message, 0) {
        match kind {
            ADDRESS => address = value.to_vec(),
            STATION_INFO => info = Some(value),
            _ => {}
        }
    }
    Some(Station { address, values: station_values(info?) })
}

/// `enum nl80211_sta_info`.
fn station_values(info: &[u8]) -> [f64; super::STATION.len()] {
    const BYTES_RECEIVED: u16 = 23;
    const BYTES_SENT: u16 = 24;
    let find = |wanted| attributes(info, 0).find(|(kind, _)| *kind == wanted).map(|(_, v)| v);
    let number = |wanted| f64::from(find(wanted).and_then(|v| u32_at(v, 0)).unwrap_or(0));
    // The longer counters are younger than the shorter ones.
    let bytes = |long, short| match find(long).and_then(|value| u64_at(value, 0)) {
        Some(bytes) if bytes != 0 => bytes as f64,
        _ => number(short),
    };
    let rate = |wanted| find(wanted).map_or(0.0, bits_per_second);
    let signal = find(7).and_then(<[u8]>::first).map_or(0, |byte| byte.cast_signed());
    [
        number(16),
        number(1) / 1000.0,
        rate(14),
        rate(8),
        bytes(BYTES_RECEIVED, 2),
        bytes(BYTES_SENT, 3),
        f64::from(signal),
        number(11),
        number(12),
        number(18),
        number(10),
        number(9),
    ]
}

/// A rate in units of 100 kbit/s; the longer number is younger.
fn bits_per_second(nested: &[u8]) -> f64 {
    const SHORT: u16 = 1;
    const LONG: u16 = 5;
    let (mut short, mut long) = (0, 0);
    for (kind, value) in attributes(nested, 0) {
        match kind {
            SHORT => short = u16_at(value, 0).map_or(0, u32::from),
            LONG => long = u32_at(value, 0).unwrap_or(0),
            _ => {}
        }
    }
    f64::from(if long == 0 { short } else { long }) * 100_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(kind: u16, number: u32) -> Vec<u8> {
        attribute(kind, &number.to_ne_bytes())
    }

    #[test]
    fn interfaces_have_a_name_an_address_and_a_frequency() {
        let message =
            [long(INDEX, 3), attribute(NAME, b"wlan0\0"), attribute(ADDRESS, &[2, 0, 0, 0, 0, 1])];
        let mut expected = Interface {
            index: 3,
            name: "wlan0".to_owned(),
            address: vec![2, 0, 0, 0, 0, 1],
            frequency_mhz: 0,
        };
        assert_eq!(interface(&message.concat()), expected);
        expected.frequency_mhz = 5180;
        assert_eq!(interface(&[message.concat(), long(FREQUENCY, 5180)].concat()), expected);
        assert_eq!(interface(&[]), Interface::default());
    }

    #[test]
    fn the_network_that_was_joined_has_a_status() {
        fn check(nested: &[Vec<u8>], expected: Option<(&str, u64)>) {
            let found = bss(&attribute(BSS, &nested.concat()));
            let expected = expected.map(|(name, status)| Bss {
                id: vec![2, 0, 0, 0, 0, 9],
                name: name.to_owned(),
                status,
            });
            assert_eq!(found, expected);
        }
        let id = || attribute(1, &[2, 0, 0, 0, 0, 9]);
        let elements = |bytes: &[u8]| attribute(6, bytes);
        check(&[id(), elements(b"\x01\x01\x82\x00\x04home"), long(9, 1)], Some(("home", 1)));
        check(&[id(), elements(b"\x00\x02\xff!"), long(9, 2)], Some(("\u{fffd}!", 2)));
        check(&[id(), elements(b"\x01\x09\x82"), long(9, 1)], Some(("", 1)));
        check(&[id(), elements(b"\x00\x04home")], None);
        assert_eq!(bss(&[]), None);
    }

    #[test]
    fn stations_have_numbers_of_two_lengths() {
        let info = [
            long(1, 1500),
            long(2, 7),
            long(3, 8),
            attribute(7, &[200]),
            attribute(8, &attribute(1, &130u16.to_ne_bytes())),
            long(9, 9),
            long(10, 10),
            long(11, 11),
            long(12, 12),
            attribute(14, &[attribute(1, &1u16.to_ne_bytes()), long(5, 8_667)].concat()),
            long(16, 60),
            long(18, 18),
            attribute(23, &(5u64 << 32).to_ne_bytes()),
        ];
        let message = [attribute(ADDRESS, &[2, 1]), attribute(STATION_INFO, &info.concat())];
        let received = (5u64 << 32) as f64;
        let values = [60.0, 1.5, 866.7e6, 13e6, received, 8.0, -56.0, 11.0, 12.0, 18.0, 10.0, 9.0];
        assert_eq!(station(&message.concat()), Some(Station { address: vec![2, 1], values }));
        assert_eq!(station(&message[0]), None);
    }
}
