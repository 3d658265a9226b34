//! The routing tables: rtnetlink. `man 7 rtnetlink`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::links::{ip, names};
use crate::netlink::{FAMILY_ANY, GET_ROUTE, Netlink, attributes, of_family, u16_at, u32_at};

pub(super) const ENTRY: Entry = Entry {
    name: "network_route",
    about: "Routes of the routing tables.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |_| Ok(Box::new(NetworkRoute { netlink: Mutex::new(Netlink::route()) })),
};

const INFO: Family = Family::gauge("node_network_route_info", "network routing table information");
const ROUTES: Family = Family::gauge("node_network_routes", "network routes by interface");

struct NetworkRoute {
    netlink: Mutex<Netlink>,
}

/// One way that a route may take.
#[derive(Debug, PartialEq)]
struct Hop {
    device: u32,
    gateway: String,
    /// Only where there are several.
    weight: String,
}

/// One route; the texts are labels.
#[derive(Debug, PartialEq)]
struct Route {
    source: String,
    destination: String,
    priority: u32,
    protocol: &'static str,
    hops: Vec<Hop>,
}

/// `struct rtmsg` and its attributes; `None` for routes that lead nowhere or to this host.
fn route(message: &[u8]) -> Option<Route> {
    const MESSAGE_BYTES: usize = 12;
    const UNICAST: u8 = 1;
    const DESTINATION: u16 = 1;
    const DEVICE: u16 = 4;
    const GATEWAY: u16 = 5;
    const PRIORITY: u16 = 6;
    const SOURCE: u16 = 7;
    const MULTIPATH: u16 = 9;
    let (length, protocol, kind) = (*message.get(1)?, *message.get(5)?, *message.get(7)?);
    if kind != UNICAST {
        return None;
    }
    let (mut source, mut destination, mut priority) = (String::new(), String::new(), 0);
    let mut only = Hop { device: 0, gateway: String::new(), weight: String::new() };
    let mut hops = Vec::new();
    for (kind, value) in attributes(message, MESSAGE_BYTES) {
        match kind {
            DESTINATION => destination = address(value),
            SOURCE => source = address(value),
            GATEWAY => only.gateway = address(value),
            PRIORITY => priority = u32_at(value, 0).unwrap_or(0),
            DEVICE => only.device = u32_at(value, 0).unwrap_or(0),
            MULTIPATH => hops = multipath(value),
            _ => {}
        }
    }
    if hops.is_empty() {
        hops.push(only);
    }
    let destination =
        if length == 0 { "default".to_owned() } else { format!("{destination}/{length}") };
    Some(Route { source, destination, priority, protocol: protocol_name(protocol), hops })
}

/// A row of `struct rtnexthop`, each with attributes of its own.
fn multipath(mut rest: &[u8]) -> Vec<Hop> {
    const HOP_BYTES: usize = 8;
    const GATEWAY: u16 = 5;
    let mut hops = Vec::new();
    while let (Some(length), Some(&weight), Some(device)) =
        (u16_at(rest, 0), rest.get(3), u32_at(rest, 4))
    {
        let length = usize::from(length);
        let Some(hop) = rest.get(..length).filter(|_| length >= HOP_BYTES) else { break };
        let gateway = attributes(hop, HOP_BYTES).find(|(kind, _)| *kind == GATEWAY);
        let gateway = gateway.map(|(_, value)| address(value)).unwrap_or_default();
        hops.push(Hop { device, gateway, weight: (u16::from(weight) + 1).to_string() });
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

fn address(bytes: &[u8]) -> String {
    ip(bytes).map(|address| address.to_string()).unwrap_or_default()
}

/// Who made a route: `linux/rtnetlink.h`.
fn protocol_name(number: u8) -> &'static str {
    match number {
        0 => "unspec",
        1 => "redirect",
        2 => "kernel",
        3 => "boot",
        4 => "static",
        8 => "gated",
        9 => "ra",
        10 => "mrt",
        11 => "zebra",
        12 => "bird",
        13 => "dnrouted",
        14 => "xorp",
        15 => "ntk",
        16 => "dhcp",
        17 => "mrouted",
        42 => "babel",
        186 => "bgp",
        187 => "isis",
        188 => "ospf",
        189 => "rip",
        192 => "eigrp",
        _ => "unknown",
    }
}

impl NetworkRoute {
    fn push(&self, samples: &mut Samples) -> io::Result<()> {
        let netlink = &mut *self.netlink.lock();
        let names: HashMap<u32, String> = names(netlink)?;
        let mut by_device = BTreeMap::new();
        netlink.dump((GET_ROUTE, &of_family(FAMILY_ANY)), |message| {
            let Some(route) = route(message) else { return };
            let priority = route.priority.to_string();
            for hop in &route.hops {
                let device = names.get(&hop.device).map_or("", String::as_str);
                let labels = [
                    ("device", device),
                    ("src", &*route.source),
                    ("dest", &*route.destination),
                    ("gw", &*hop.gateway),
                    ("priority", &*priority),
                    ("proto", route.protocol),
                    ("weight", &*hop.weight),
                ];
                samples.push(&INFO, &labels, 1.0);
                *by_device.entry(hop.device).or_insert(0u64) += 1;
            }
        })?;
        // Devices without a name count together.
        let mut by_name: BTreeMap<Cow<'_, str>, u64> = BTreeMap::new();
        for (device, count) in by_device {
            let name = names.get(&device).map_or(Cow::Borrowed(""), Cow::from);
            *by_name.entry(name).or_insert(0) += count;
        }
        for (device, count) in by_name {
            samples.push(&ROUTES, &[("device", &*device)], count as f64);
        }
        Ok(())
    }
}

impl Collector for NetworkRoute {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        self.push(samples).map_err(|error| CollectError::failed("netlink", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attribute;

    fn hop(device: u32, gateway: &str, weight: &str) -> Hop {
        Hop { device, gateway: gateway.to_owned(), weight: weight.to_owned() }
    }

    fn next_hop(weight: u8, device: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let attributes = attributes.concat();
        let mut bytes = (8 + attributes.len() as u16).to_ne_bytes().to_vec();
        bytes.extend([0, weight - 1]);
        bytes.extend(device.to_ne_bytes());
        bytes.extend(attributes);
        bytes
    }

    #[test]
    fn routes_have_one_hop_or_several() {
        fn check(head: [u8; 3], attributes: &[Vec<u8>], expected: Option<Route>) {
            let [length, protocol, kind] = head;
            let mut message = vec![2, length, 0, 0, 254, protocol, 0, kind, 0, 0, 0, 0];
            message.extend(attributes.concat());
            assert_eq!(route(&message), expected);
        }
        let expected = |source: &str, destination: &str, priority, protocol, hops| {
            let (source, destination) = (source.to_owned(), destination.to_owned());
            Some(Route { source, destination, priority, protocol, hops })
        };
        let device = |index: u32| attribute(4, &index.to_ne_bytes());
        let gateway = |last: u8| attribute(5, &[192, 0, 2, last]);
        let plain = [
            attribute(1, &[10, 1, 0, 0]),
            device(3),
            gateway(9),
            attribute(6, &77u32.to_ne_bytes()),
            attribute(7, &[192, 0, 2, 1]),
        ];
        let hops = vec![hop(3, "192.0.2.9", "")];
        check([16, 3, 1], &plain, expected("192.0.2.1", "10.1.0.0/16", 77, "boot", hops));
        check([16, 3, 2], &plain, None);
        check([16, 3, 6], &plain, None);
        let default = expected("", "default", 0, "dhcp", vec![hop(3, "192.0.2.9", "")]);
        check([0, 16, 1], &[device(3), gateway(9)], default);
        let several = [next_hop(3, 3, &[gateway(10)]), next_hop(1, 4, &[]), vec![8, 0, 0]];
        let attributes = [attribute(1, &[10, 2, 0, 0]), attribute(9, &several.concat())];
        let hops = vec![hop(3, "192.0.2.10", "3"), hop(4, "", "1")];
        check([16, 99, 1], &attributes, expected("", "10.2.0.0/16", 0, "unknown", hops));
        let six = attribute(1, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let hops = vec![hop(0, "", "")];
        check([64, 2, 1], &[six], expected("", "2001:db8::/64", 0, "kernel", hops));
    }
}
