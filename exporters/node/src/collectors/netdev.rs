//! Counters of network devices, of rtnetlink or `/proc/net/dev`.

use std::net::IpAddr;
use std::time::Instant;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::{Context, Entry};
use crate::Error;
use crate::links::{Address, Link, Source, addresses, links, parse_proc};
use crate::netlink::{Netlink, Retry};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

const INCLUDE: Flag = flag::text(
    "collector.netdev.device-include",
    "Regexp of net devices to include (mutually exclusive to device-exclude).",
    "",
);
const OLD_INCLUDE: Flag = flag::text(
    "collector.netdev.device-whitelist",
    "DEPRECATED: Use collector.netdev.device-include",
    "",
)
.hidden();
const EXCLUDE: Flag = flag::text(
    "collector.netdev.device-exclude",
    "Regexp of net devices to exclude (mutually exclusive to device-include).",
    "",
);
const OLD_EXCLUDE: Flag = flag::text(
    "collector.netdev.device-blacklist",
    "DEPRECATED: Use collector.netdev.device-exclude",
    "",
)
.hidden();
const ADDRESS_INFO: Flag =
    flag::switch("collector.netdev.address-info", "Collect address-info for every device", false);
const DETAILED: Flag = flag::switch(
    "collector.netdev.enable-detailed-metrics",
    "Use (incompatible) metric names that provide more detailed stats on Linux",
    false,
);
const NETLINK: Flag = flag::switch(
    "collector.netdev.netlink",
    "Use netlink to gather stats instead of /proc/net/dev.",
    true,
);
const IFALIAS: Flag = flag::switch("collector.netdev.label-ifalias", "Add ifAlias label", false);

pub(super) const ENTRY: Entry = Entry {
    name: "netdev",
    about: "Bytes, packets, errors and drops of network devices.",
    on_by_default: true,
    may_block: false,
    flags: &[INCLUDE, OLD_INCLUDE, EXCLUDE, OLD_EXCLUDE, ADDRESS_INFO, DETAILED, NETLINK, IFALIAS],
    build: |context| Ok(Box::new(Netdev::new(context)?)),
};

const ADDRESSES: Family =
    Family::gauge("node_network_address_info", "node network address by device");

/// A family and the columns whose sum it shows.
type Column = (Family, &'static [usize]);

macro_rules! column {
    ($name:literal, $columns:expr) => {
        (
            Family::counter(
                concat!("node_network_", $name, "_total"),
                concat!("Network device statistic ", $name, "."),
            ),
            $columns,
        )
    };
}

/// The names that everybody knows, over `struct rtnl_link_stats64`.
const PLAIN_NETLINK: &[Column] = &[
    column!("receive_bytes", &[2]),
    column!("receive_packets", &[0]),
    column!("receive_errs", &[4]),
    column!("receive_drop", &[6, 15]),
    column!("receive_fifo", &[14]),
    column!("receive_frame", &[10, 11, 12, 13]),
    column!("receive_compressed", &[21]),
    column!("receive_multicast", &[8]),
    column!("receive_nohandler", &[23]),
    column!("transmit_bytes", &[3]),
    column!("transmit_packets", &[1]),
    column!("transmit_errs", &[5]),
    column!("transmit_drop", &[7]),
    column!("transmit_fifo", &[18]),
    column!("transmit_colls", &[9]),
    column!("transmit_carrier", &[16, 17, 19, 20]),
    column!("transmit_compressed", &[22]),
];

/// Each column of `struct rtnl_link_stats64` by itself.
const DETAILED_NETLINK: &[Column] = &[
    column!("receive_packets", &[0]),
    column!("transmit_packets", &[1]),
    column!("receive_bytes", &[2]),
    column!("transmit_bytes", &[3]),
    column!("receive_errors", &[4]),
    column!("transmit_errors", &[5]),
    column!("receive_dropped", &[6]),
    column!("transmit_dropped", &[7]),
    column!("multicast", &[8]),
    column!("collisions", &[9]),
    column!("receive_length_errors", &[10]),
    column!("receive_over_errors", &[11]),
    column!("receive_crc_errors", &[12]),
    column!("receive_frame_errors", &[13]),
    column!("receive_fifo_errors", &[14]),
    column!("receive_missed_errors", &[15]),
    column!("transmit_aborted_errors", &[16]),
    column!("transmit_carrier_errors", &[17]),
    column!("transmit_fifo_errors", &[18]),
    column!("transmit_heartbeat_errors", &[19]),
    column!("transmit_window_errors", &[20]),
    column!("receive_compressed", &[21]),
    column!("transmit_compressed", &[22]),
    column!("receive_nohandler", &[23]),
];

/// The names that everybody knows, over the columns of `/proc/net/dev`.
const PLAIN_PROC: &[Column] = &[
    column!("receive_bytes", &[0]),
    column!("receive_packets", &[1]),
    column!("receive_errs", &[2]),
    column!("receive_drop", &[3]),
    column!("receive_fifo", &[4]),
    column!("receive_frame", &[5]),
    column!("receive_compressed", &[6]),
    column!("receive_multicast", &[7]),
    column!("transmit_bytes", &[8]),
    column!("transmit_packets", &[9]),
    column!("transmit_errs", &[10]),
    column!("transmit_drop", &[11]),
    column!("transmit_fifo", &[12]),
    column!("transmit_colls", &[13]),
    column!("transmit_carrier", &[14]),
    column!("transmit_compressed", &[15]),
];

/// As [`PLAIN_PROC`], with the long forms of two words.
const DETAILED_PROC: &[Column] = &[
    column!("receive_bytes", &[0]),
    column!("receive_packets", &[1]),
    column!("receive_errors", &[2]),
    column!("receive_dropped", &[3]),
    column!("receive_fifo", &[4]),
    column!("receive_frame", &[5]),
    column!("receive_compressed", &[6]),
    column!("receive_multicast", &[7]),
    column!("transmit_bytes", &[8]),
    column!("transmit_packets", &[9]),
    column!("transmit_errors", &[10]),
    column!("transmit_dropped", &[11]),
    column!("transmit_fifo", &[12]),
    column!("transmit_colls", &[13]),
    column!("transmit_carrier", &[14]),
    column!("transmit_compressed", &[15]),
];

struct Netdev {
    filter: Filter,
    with_addresses: bool,
    is_detailed: bool,
    with_netlink: bool,
    /// Where the aliases of devices are, if they are to be labels.
    aliases: Option<std::path::PathBuf>,
    proc: KernelFile,
    netlink: Mutex<(Netlink, Retry)>,
}

impl Netdev {
    fn new(context: &Context<'_>) -> Result<Netdev, Error> {
        let settings = context.settings();
        let exclude = settings.renamed(&EXCLUDE, &OLD_EXCLUDE)?;
        let include = settings.renamed(&INCLUDE, &OLD_INCLUDE)?;
        let with_aliases = settings.switch(&IFALIAS);
        Ok(Netdev {
            filter: settings.exclusive_filter(&exclude, &include)?,
            with_addresses: settings.switch(&ADDRESS_INFO),
            is_detailed: settings.switch(&DETAILED),
            with_netlink: settings.switch(&NETLINK),
            aliases: with_aliases.then(|| context.roots().sys("class/net")),
            proc: KernelFile::new(context.roots().proc("net/dev")),
            netlink: Mutex::new((Netlink::route(), Retry::new("netdev"))),
        })
    }

    fn push_link(&self, link: &Link<'_>, samples: &mut Samples) {
        if self.filter.ignores(&link.name) {
            return;
        }
        let alias = self.aliases.as_ref().map(|directory| match &link.alias {
            Some(alias) => alias.to_string(),
            None => read_alias(&directory.join(&*link.name).join("ifalias")),
        });
        let labels = [("device", &*link.name), ("ifalias", alias.as_deref().unwrap_or(""))];
        let labels = if alias.is_some() { &labels[..] } else { &labels[..1] };
        let columns = match (link.source, self.is_detailed) {
            (Source::Netlink, false) => PLAIN_NETLINK,
            (Source::Netlink, true) => DETAILED_NETLINK,
            (Source::Proc, false) => PLAIN_PROC,
            (Source::Proc, true) => DETAILED_PROC,
        };
        for (family, sum_of) in columns {
            let sum = sum_of.iter().fold(0u64, |sum, at| sum.wrapping_add(link.columns[*at]));
            samples.push(family, labels, sum as f64);
        }
    }

    fn push_addresses(&self, netlink: &mut Netlink, samples: &mut Samples) -> std::io::Result<()> {
        for Address { device, address, prefix } in addresses(netlink)? {
            if self.filter.ignores(&device) {
                continue;
            }
            let labels = [
                ("device", &*device),
                ("address", &*address.to_string()),
                ("netmask", &*prefix.to_string()),
                ("scope", scope(&address)),
            ];
            samples.push(&ADDRESSES, &labels, 1.0);
        }
        Ok(())
    }
}

fn read_alias(path: &std::path::Path) -> String {
    let mut attributes = crate::source::Attributes::new();
    attributes.read(path).map(|alias| crate::parse::text(alias).into_owned()).unwrap_or_default()
}

/// The reach of an address in the words of the original.
fn scope(address: &IpAddr) -> &'static str {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.octets()[..3] == [224, 0, 0],
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.segments()[0] & 0xff0f == 0xff02,
    };
    let is_interface_local =
        matches!(address, IpAddr::V6(v6) if v6.segments()[0] & 0xff0f == 0xff01);
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_loopback() || is_link_local {
        "link-local"
    } else if is_interface_local {
        "interface-local"
    } else if address.is_unspecified() || address.is_multicast() || is_broadcast {
        ""
    } else {
        "global"
    }
}

impl Collector for Netdev {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let (netlink, retry) = &mut *self.netlink.lock();
        let mut answer = None;
        if self.with_netlink {
            let ask = || links(netlink, |link| self.push_link(link, samples));
            answer = retry.attempt(Instant::now(), ask);
        }
        // Sandboxes forbid netlink sockets; the file tells nearly as much.
        if answer.is_none() {
            let text = self.proc.collect()?;
            parse_proc(&text, |link| self.push_link(link, samples))
                .map_err(|error| self.proc.failed(error))?;
        }
        if self.with_addresses {
            let pushed = self.push_addresses(netlink, samples);
            pushed.map_err(|error| CollectError::failed("netlink", error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_those_of_the_original() {
        fn check(address: &str, expected: &str) {
            assert_eq!(scope(&address.parse().unwrap()), expected, "{address}");
        }
        check("127.0.0.1", "link-local");
        check("::1", "link-local");
        check("169.254.1.1", "link-local");
        check("fe80::1", "link-local");
        check("ff02::1", "link-local");
        check("ff01::1", "interface-local");
        check("192.0.2.2", "global");
        check("fd00::2", "global");
        check("0.0.0.0", "");
        check("ff05::1", "");
        check("255.255.255.255", "");
    }

    #[test]
    fn the_file_is_read_when_netlink_is_refused() {
        let mut netdev = Netdev {
            filter: Filter::default(),
            with_addresses: false,
            is_detailed: false,
            with_netlink: true,
            aliases: None,
            proc: KernelFile::new("tests/host/proc/net/dev".into()),
            netlink: Mutex::new((Netlink::refused(), Retry::new("netdev"))),
        };
        for _ in 0..2 {
            let mut samples = Samples::default();
            netdev.collect(&mut samples).unwrap();
            assert_eq!((samples.len() % PLAIN_PROC.len(), samples.is_empty()), (0, false));
        }
        // Addresses have no other source.
        netdev.with_addresses = true;
        assert!(netdev.collect(&mut Samples::default()).is_err());
    }
}
