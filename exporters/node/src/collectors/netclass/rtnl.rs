//! The same attributes over netlink: one question for all devices instead of many files for each.
//! `linux/if_link.h`, `linux/ethtool_netlink.h`.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use common_instrument::{Family, Samples};

use super::{INFO as SYSFS_INFO, MEGABIT_BYTES, UP};
use crate::links::{COLUMNS, LINK_ALIAS, LINK_MESSAGE_BYTES, LINK_NAME, LINK_STATS64, columns64};
use crate::netlink::{
    FAMILY_ANY, GET_LINK, Generic, Netlink, attribute, attributes, of_family, text, u16_at, u32_at,
};
use crate::pattern::Pattern;
use crate::source::Attributes;

const INFO: Family =
    Family { help: "Non-numeric data of <iface>, value is always 1.", ..SYSFS_INFO };
const ALTERNATIVE_NAMES: Family = Family::gauge(
    "node_network_altnames_info",
    "Non-numeric data of <iface> altname, value is always 1.",
);
const SPEED: Family = property!(gauge, "speed_bytes");

/// Numbers of a link, in the order of [`Link::numbers`].
const NUMBERS: [Family; 13] = [
    property!(gauge, "carrier"),
    property!(counter, "carrier_changes_total"),
    property!(counter, "carrier_up_changes_total"),
    property!(counter, "carrier_down_changes_total"),
    property!(gauge, "flags"),
    property!(gauge, "iface_id"),
    property!(gauge, "iface_link_mode"),
    // The original takes it for the same.
    property!(gauge, "dormant"),
    property!(gauge, "iface_link"),
    property!(gauge, "mtu_bytes"),
    property!(gauge, "net_dev_group"),
    property!(gauge, "transmit_queue_length"),
    property!(gauge, "protocol_type"),
];

/// What only sysfs tells; these files need no lock that all devices share.
const FILES: [(&str, Family); 3] = [
    property!("addr_assign_type", gauge, "address_assign_type"),
    property!("dev_id", gauge, "device_id"),
    property!("name_assign_type", gauge, "name_assign_type"),
];

/// The counters of `struct rtnl_link_stats64`, as gauges like in the original.
const COUNTERS: [Family; COLUMNS] = [
    property!(gauge, "receive_packets_total"),
    property!(gauge, "transmit_packets_total"),
    property!(gauge, "receive_bytes_total"),
    property!(gauge, "transmit_bytes_total"),
    property!(gauge, "receive_errors_total"),
    property!(gauge, "transmit_errors_total"),
    property!(gauge, "receive_dropped_total"),
    property!(gauge, "transmit_dropped_total"),
    property!(gauge, "multicast_total"),
    property!(gauge, "collisions_total"),
    property!(gauge, "receive_length_errors_total"),
    property!(gauge, "receive_over_errors_total"),
    property!(gauge, "receive_crc_errors_total"),
    property!(gauge, "receive_frame_errors_total"),
    property!(gauge, "receive_fifo_errors_total"),
    property!(gauge, "receive_missed_errors_total"),
    property!(gauge, "transmit_aborted_errors_total"),
    property!(gauge, "transmit_carrier_errors_total"),
    property!(gauge, "transmit_fifo_errors_total"),
    property!(gauge, "transmit_heartbeat_errors_total"),
    property!(gauge, "transmit_window_errors_total"),
    property!(gauge, "receive_compressed_total"),
    property!(gauge, "transmit_compressed_total"),
    property!(gauge, "receive_nohandler_total"),
];

/// The numbers of `IF_OPER_*`.
const STATES: [&str; 7] =
    ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];
const STATE_UP: u8 = 6;

/// The two sockets that are asked.
pub(super) struct Rtnl {
    with_stats: bool,
    route: Netlink,
    ethtool: Generic,
}

/// Speed in Mbit/s and duplex of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct LinkMode {
    speed: u32,
    duplex: u8,
}

/// One device; its alternative names are read from the message again.
#[derive(Debug, Default, PartialEq)]
struct Link {
    name: String,
    address: String,
    broadcast: String,
    alias: String,
    state: u8,
    numbers: [Option<u32>; NUMBERS.len()],
    counters: Option<[u64; COLUMNS]>,
    alternative_names: Vec<String>,
}

impl Rtnl {
    /// Opens nothing yet.
    pub(super) fn new(with_stats: bool) -> Rtnl {
        Rtnl { with_stats, route: Netlink::route(), ethtool: Generic::new("ethtool") }
    }

    /// Where the second of the two sockets is refused.
    #[cfg(test)]
    pub(super) fn refused() -> Rtnl {
        Rtnl { route: Netlink::refused(), ..Rtnl::new(false) }
    }

    /// Pushes everything of all devices, or nothing when netlink fails.
    pub(super) fn push(
        &mut self,
        ignored: &Pattern,
        (directory, attributes): (&Path, &mut Attributes),
        samples: &mut Samples,
    ) -> io::Result<()> {
        let modes = self.link_modes()?;
        let links = self.route.dump_whole((GET_LINK, &of_family(FAMILY_ANY)))?;
        for link in links.filter_map(link).filter(|link| !ignored.is_match(&link.name)) {
            let mode = modes.get(&link.name);
            if let Some(mode) = mode {
                // A speed that the driver does not know is the largest number, as in the original.
                let bytes = f64::from(mode.speed) * MEGABIT_BYTES as f64;
                samples.push(&SPEED, &[("device", &link.name)], bytes);
            }
            link.push(mode.map_or("", LinkMode::duplex), samples);
            for (file, family) in &FILES {
                let path = directory.join(&link.name).join(file);
                let number = attributes.read(&path).ok().and_then(super::parse);
                if let Some(number) = number {
                    samples.push(family, &[("device", &link.name)], number as f64);
                }
            }
            if let Some(counters) = link.counters.filter(|_| self.with_stats) {
                for (family, counter) in COUNTERS.iter().zip(counters) {
                    samples.push(family, &[("device", &link.name)], counter as f64);
                }
            }
        }
        Ok(())
    }

    /// Speed and duplex by device; none of a kernel that cannot tell.
    fn link_modes(&mut self) -> io::Result<HashMap<String, LinkMode>> {
        const GET_LINK_MODES: u8 = 4;
        const HEADER: u16 = 1 | NESTED;
        const FLAGS: u16 = 3;
        const COMPACT: u32 = 1;
        let question = attribute(HEADER, &attribute(FLAGS, &COMPACT.to_ne_bytes()));
        let mut modes = HashMap::new();
        let outcome = self.ethtool.dump(GET_LINK_MODES, &question, |message| {
            modes.extend(link_mode(message));
        });
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(modes),
        }
    }
}

const NESTED: u16 = 0x8000;

fn link_mode(message: &[u8]) -> Option<(String, LinkMode)> {
    const HEADER: u16 = 1;
    const HEADER_NAME: u16 = 2;
    const SPEED: u16 = 5;
    const DUPLEX: u16 = 6;
    let (mut name, mut mode) = (None, LinkMode::default());
    for (kind, value) in attributes(message, 0) {
        match kind {
            HEADER => {
                let found = attributes(value, 0).find(|(kind, _)| *kind == HEADER_NAME);
                name = found.map(|(_, name)| text(name).into_owned());
            }
            SPEED => mode.speed = u32_at(value, 0)?,
            DUPLEX => mode.duplex = *value.first()?,
            _ => {}
        }
    }
    Some((name?, mode))
}

impl LinkMode {
    fn duplex(&self) -> &'static str {
        match self.duplex {
            0 => "Half",
            1 => "Full",
            _ => "Unknown",
        }
    }
}

/// A link message; `None` if it has no name.
fn link(message: &[u8]) -> Option<Link> {
    const ADDRESS: u16 = 1;
    const BROADCAST: u16 = 2;
    const MTU: u16 = 4;
    const LOWER_LINK: u16 = 5;
    const QUEUE_LENGTH: u16 = 13;
    const STATE: u16 = 16;
    const MODE: u16 = 17;
    const GROUP: u16 = 27;
    const CARRIER: u16 = 33;
    const CARRIER_CHANGES: u16 = 35;
    const CARRIER_UPS: u16 = 47;
    const CARRIER_DOWNS: u16 = 48;
    const PROPERTIES: u16 = 52;
    let mut link = Link::default();
    let index = u32_at(message, 4)?;
    let numbers = &mut link.numbers;
    numbers[4] = u32_at(message, 8);
    numbers[5] = Some(index);
    // The kernel leaves it out when it is the device itself.
    numbers[8] = Some(index);
    numbers[12] = u16_at(message, 2).map(u32::from);
    for (kind, value) in attributes(message, LINK_MESSAGE_BYTES) {
        let (short, long) = (value.first().copied(), u32_at(value, 0));
        match kind {
            LINK_NAME => link.name = text(value).into_owned(),
            LINK_ALIAS => link.alias = text(value).into_owned(),
            LINK_STATS64 => link.counters = Some(columns64(value)),
            ADDRESS => link.address = hardware_address(value),
            BROADCAST => link.broadcast = hardware_address(value),
            STATE => link.state = short.unwrap_or(0),
            CARRIER => numbers[0] = short.map(u32::from),
            CARRIER_CHANGES => numbers[1] = long,
            CARRIER_UPS => numbers[2] = long,
            CARRIER_DOWNS => numbers[3] = long,
            MODE => numbers[6..8].fill(short.map(u32::from)),
            LOWER_LINK => numbers[8] = long.filter(|lower| *lower != 0).or(numbers[8]),
            MTU => numbers[9] = long,
            GROUP => numbers[10] = long,
            QUEUE_LENGTH => numbers[11] = long,
            PROPERTIES => link.alternative_names = alternative_names(value),
            _ => {}
        }
    }
    (!link.name.is_empty()).then_some(link)
}

fn alternative_names(properties: &[u8]) -> Vec<String> {
    const ALTERNATIVE_NAME: u16 = 53;
    let names = attributes(properties, 0).filter(|(kind, _)| *kind == ALTERNATIVE_NAME);
    names.map(|(_, name)| text(name).into_owned()).collect()
}

/// Bytes in hexadecimal with colons between them.
fn hardware_address(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

impl Link {
    fn push(&self, duplex: &str, samples: &mut Samples) {
        let state = STATES.get(usize::from(self.state)).unwrap_or(&STATES[0]);
        let labels = [
            ("device", &*self.name),
            ("address", &*self.address),
            ("broadcast", &*self.broadcast),
            ("duplex", duplex),
            ("operstate", state),
            ("ifalias", &*self.alias),
        ];
        samples.push(&INFO, &labels, 1.0);
        let device = &labels[..1];
        samples.push(&UP, device, if self.state == STATE_UP { 1.0 } else { 0.0 });
        for (family, number) in NUMBERS.iter().zip(self.numbers) {
            if let Some(number) = number {
                samples.push(family, device, f64::from(number));
            }
        }
        for name in &self.alternative_names {
            samples.push(&ALTERNATIVE_NAMES, &[labels[0], ("altname", &**name)], 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_what_its_attributes_say() {
        fn check(attributes: &[Vec<u8>], expected: Option<&dyn Fn(&mut Link)>) {
            let mut message = vec![0, 0, 1, 0];
            message[2..4].copy_from_slice(&1u16.to_ne_bytes());
            [7u32, 0x1003, 0].iter().for_each(|n| message.extend(n.to_ne_bytes()));
            message.extend(attributes.concat());
            let expected = expected.map(|change| {
                let mut link = Link { name: "eth0".to_owned(), ..Link::default() };
                link.numbers[4] = Some(0x1003);
                link.numbers[5] = Some(7);
                link.numbers[8] = Some(7);
                link.numbers[12] = Some(1);
                change(&mut link);
                link
            });
            assert_eq!(link(&message), expected);
        }
        let name = || attribute(LINK_NAME, b"eth0\0");
        let long = |kind, number: u32| attribute(kind, &number.to_ne_bytes());
        check(&[long(4, 1500)], None);
        check(&[name()], Some(&|_| {}));
        check(
            &[name(), long(4, 1500), long(5, 9), long(13, 700), attribute(16, &[6])],
            Some(&|link| {
                link.state = STATE_UP;
                link.numbers[8] = Some(9);
                link.numbers[9] = Some(1500);
                link.numbers[11] = Some(700);
            }),
        );
        check(&[name(), long(5, 0)], Some(&|_| {}));
        check(
            &[name(), attribute(17, &[1]), attribute(33, &[0]), long(35, 2), long(47, 3)],
            Some(&|link| {
                link.numbers[0] = Some(0);
                link.numbers[1] = Some(2);
                link.numbers[2] = Some(3);
                link.numbers[6] = Some(1);
                link.numbers[7] = Some(1);
            }),
        );
        let names = [attribute(53, b"lan\0"), attribute(54, b"x"), attribute(53, b"uplink\0")];
        check(
            &[name(), attribute(52 | NESTED, &names.concat()), attribute(1, &[2, 0, 0xab])],
            Some(&|link| {
                link.alternative_names = vec!["lan".to_owned(), "uplink".to_owned()];
                link.address = "02:00:ab".to_owned();
            }),
        );
    }

    #[test]
    fn link_modes_have_a_device_a_speed_and_a_duplex() {
        fn check(attributes: &[Vec<u8>], expected: Option<(u32, &str)>) {
            let found = link_mode(&attributes.concat());
            let found = found.map(|(name, mode)| (name, mode.speed, mode.duplex()));
            let expected = expected.map(|(speed, duplex)| ("eth0".to_owned(), speed, duplex));
            assert_eq!(found, expected);
        }
        let name = || attribute(1 | NESTED, &attribute(2, b"eth0\0"));
        let speed = |speed: u32| attribute(5, &speed.to_ne_bytes());
        check(&[name(), speed(1000), attribute(6, &[1])], Some((1000, "Full")));
        check(&[name(), speed(u32::MAX), attribute(6, &[255])], Some((u32::MAX, "Unknown")));
        check(&[name()], Some((0, "Half")));
        check(&[speed(10)], None);
    }
}
