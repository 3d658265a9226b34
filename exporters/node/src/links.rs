//! Network devices with their counters and addresses, as the kernel's tables hold them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;

use crate::netlink::{
    FAMILY_ANY, FAMILY_IPV4, GET_ADDRESS, GET_LINK, GET_NEIGHBOUR, Netlink, attributes, of_family,
    text, u16_at, u32_at,
};
use crate::parse::{ParseError, lines, unsigned, words};

/// Counters of one device: `struct rtnl_link_stats64`, or fewer.
pub(crate) const COLUMNS: usize = 24;

/// Which table the counters come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The order of `struct rtnl_link_stats64`.
    Netlink,
    /// The order of `/proc/net/dev`; 16 columns.
    Proc,
}

/// One device.
#[derive(Debug, PartialEq)]
pub(crate) struct Link<'a> {
    /// Its name.
    pub(crate) name: Cow<'a, str>,
    /// Its alias, where the table has aliases and the device has one.
    pub(crate) alias: Option<Cow<'a, str>>,
    /// What the columns mean.
    pub(crate) source: Source,
    /// Its counters.
    pub(crate) columns: [u64; COLUMNS],
}

/// One address of a device.
#[derive(Debug, PartialEq)]
pub(crate) struct Address {
    /// Name of the device.
    pub(crate) device: String,
    /// The address.
    pub(crate) address: IpAddr,
    /// Bits of the network.
    pub(crate) prefix: u8,
}

/// `struct ifinfomsg`.
pub(crate) const LINK_MESSAGE_BYTES: usize = 16;
/// Attributes of links: `linux/if_link.h`.
pub(crate) const LINK_NAME: u16 = 3;
/// See [`LINK_NAME`].
pub(crate) const LINK_ALIAS: u16 = 20;
const LINK_STATS: u16 = 7;
/// See [`LINK_NAME`].
pub(crate) const LINK_STATS64: u16 = 23;
const ADDRESS_MESSAGE_BYTES: usize = 8;
const ADDRESS: u16 = 1;
const ADDRESS_LOCAL: u16 = 2;

/// All devices, over netlink. Nothing is given unless all of them can be.
pub(crate) fn links(netlink: &mut Netlink, mut each: impl FnMut(&Link<'_>)) -> io::Result<()> {
    let messages = netlink.dump_whole((GET_LINK, &of_family(FAMILY_ANY)))?;
    messages.filter_map(link).for_each(|link| each(&link));
    Ok(())
}

/// A link message; `None` if it has no name or no counters.
fn link(message: &[u8]) -> Option<Link<'_>> {
    let (mut name, mut alias, mut columns) = (None, None, None);
    for (kind, value) in attributes(message, LINK_MESSAGE_BYTES) {
        match kind {
            LINK_NAME => name = Some(text(value)),
            LINK_ALIAS => alias = Some(text(value)),
            LINK_STATS64 => columns = Some(columns64(value)),
            LINK_STATS => columns = columns.or(Some(columns32(value))),
            _ => {}
        }
    }
    Some(Link { name: name?, alias, source: Source::Netlink, columns: columns? })
}

/// The counters of `struct rtnl_link_stats64`; older kernels have fewer, younger ones more.
pub(crate) fn columns64(value: &[u8]) -> [u64; COLUMNS] {
    let mut columns = [0; COLUMNS];
    for (column, bytes) in columns.iter_mut().zip(value.as_chunks::<8>().0) {
        *column = u64::from_ne_bytes(*bytes);
    }
    columns
}

/// The same of `struct rtnl_link_stats`, whose counters are shorter.
fn columns32(value: &[u8]) -> [u64; COLUMNS] {
    let mut columns = [0; COLUMNS];
    for (column, bytes) in columns.iter_mut().zip(value.as_chunks::<4>().0) {
        *column = u64::from(u32::from_ne_bytes(*bytes));
    }
    columns
}

/// Names of all devices by index.
pub(crate) fn names(netlink: &mut Netlink) -> io::Result<HashMap<u32, String>> {
    let mut names = HashMap::new();
    netlink.dump((GET_LINK, &of_family(FAMILY_ANY)), |message| {
        let name = attributes(message, LINK_MESSAGE_BYTES).find(|(kind, _)| *kind == LINK_NAME);
        if let (Some(index), Some((_, name))) = (u32_at(message, 4), name) {
            names.insert(index, text(name).into_owned());
        }
    })?;
    Ok(names)
}

/// How many IPv4 neighbours each device has, over netlink; those that need no ARP do not count.
pub(crate) fn neighbours(netlink: &mut Netlink) -> io::Result<BTreeMap<String, u64>> {
    const STATE_NO_ARP: u16 = 0x40;
    let mut by_index = HashMap::new();
    netlink.dump((GET_NEIGHBOUR, &of_family(FAMILY_IPV4)), |message| {
        let (index, state) = (u32_at(message, 4), u16_at(message, 8));
        if let (Some(index), Some(state)) = (index, state)
            && state & STATE_NO_ARP == 0
        {
            *by_index.entry(index).or_insert(0) += 1;
        }
    })?;
    if by_index.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names = names(netlink)?;
    let named = |(index, count)| Some((names.get(&index)?.clone(), count));
    Ok(by_index.into_iter().filter_map(named).collect())
}

/// All addresses of all devices, over netlink.
pub(crate) fn addresses(netlink: &mut Netlink) -> io::Result<Vec<Address>> {
    let names = names(netlink)?;
    let mut addresses = Vec::new();
    netlink.dump((GET_ADDRESS, &of_family(FAMILY_ANY)), |message| {
        let found = address(message).and_then(|(index, address, prefix)| {
            Some(Address { device: names.get(&index)?.clone(), address, prefix })
        });
        addresses.extend(found);
    })?;
    Ok(addresses)
}

/// Index of the device, address and prefix length.
fn address(message: &[u8]) -> Option<(u32, IpAddr, u8)> {
    let (prefix, index) = (*message.get(1)?, u32_at(message, 4)?);
    let find =
        |wanted| attributes(message, ADDRESS_MESSAGE_BYTES).find(|(kind, _)| *kind == wanted);
    // On point-to-point devices the other one is the peer's.
    let (_, bytes) = find(ADDRESS_LOCAL).or_else(|| find(ADDRESS))?;
    Some((index, ip(bytes)?, prefix))
}

/// An address of four or sixteen bytes. IPv4 in IPv6 is IPv4, as in the originals.
pub(crate) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()),
        _ => None,
    }
}

/// All devices of `/proc/net/dev`: two lines of headings, then `name: columns`.
pub(crate) fn parse_proc(
    content: &[u8],
    mut each: impl FnMut(&Link<'_>),
) -> Result<(), ParseError> {
    for (number, line) in lines(content).skip(2) {
        let wrong = |expected, found| ParseError::new(number, expected, found);
        // Aliases may hold colons themselves.
        let colon = line.iter().rposition(|&byte| byte == b':');
        let (name, rest) = line.split_at(colon.ok_or_else(|| wrong("a name and a colon", line))?);
        let mut columns = [0; COLUMNS];
        for (column, word) in columns.iter_mut().zip(words(&rest[1..])) {
            *column = unsigned(word).ok_or_else(|| wrong("a number", word))?;
        }
        let name = crate::parse::text(name.trim_ascii());
        each(&Link { name, alias: None, source: Source::Proc, columns });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attribute;

    #[test]
    fn a_link_has_a_name_and_as_many_counters_as_the_kernel_knows() {
        fn check(attributes: &[Vec<u8>], expected: Option<(&str, u64)>) {
            let mut message = vec![0; LINK_MESSAGE_BYTES];
            message.extend(attributes.concat());
            let found = link(&message);
            let found = found.map(|link| (link.name.into_owned(), link.columns.iter().sum()));
            assert_eq!(found, expected.map(|(name, sum)| (name.to_owned(), sum)));
        }
        let counters = |count: usize| attribute(LINK_STATS64, &1u64.to_ne_bytes().repeat(count));
        let name = || attribute(LINK_NAME, b"eth0\0");
        check(&[name(), counters(24)], Some(("eth0", 24)));
        check(&[name(), counters(23)], Some(("eth0", 23)));
        check(&[name(), counters(30)], Some(("eth0", 24)));
        let old = attribute(LINK_STATS, &2u32.to_ne_bytes().repeat(23));
        check(&[name(), old.clone()], Some(("eth0", 46)));
        check(&[name(), old, counters(24)], Some(("eth0", 24)));
        check(&[name()], None);
        check(&[counters(24)], None);
    }

    #[test]
    fn proc_lines_are_names_and_columns() {
        fn check(line: &str, expected: Result<(&str, u64), &str>) {
            let mut all = Vec::new();
            let text = format!("Inter-| Receive\n face |bytes\n{line}\n");
            let parsed = parse_proc(text.as_bytes(), |link| {
                all.push((link.name.clone().into_owned(), link.columns.iter().sum()));
            });
            let found = parsed.map(|()| all).map_err(|error| error.to_string());
            let expected = expected.map(|(name, sum)| vec![(name.to_owned(), sum)]);
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", Ok(("lo", 136)));
        check("eth0:1 2", Ok(("eth0", 3)));
        check("eth0:1:1 2", Ok(("eth0:1", 3)));
        check("eth0 1 2", Err("line 3: expected a name and a colon, found \"eth0 1 2\""));
        check("eth0: x", Err("line 3: expected a number, found \"x\""));
    }

    #[test]
    fn the_local_address_counts() {
        let mut message = vec![2, 24, 0, 0, 3, 0, 0, 0];
        message[4..8].copy_from_slice(&3u32.to_ne_bytes());
        message.extend(attribute(ADDRESS, &[192, 0, 2, 1]));
        assert_eq!(address(&message), Some((3, IpAddr::from([192, 0, 2, 1]), 24)));
        message.extend(attribute(ADDRESS_LOCAL, &[192, 0, 2, 2]));
        assert_eq!(address(&message), Some((3, IpAddr::from([192, 0, 2, 2]), 24)));
        assert_eq!(address(&message[..8]), None);
    }

    #[test]
    fn this_host_has_loopback_addresses() {
        let found = addresses(&mut Netlink::route()).unwrap();
        assert!(found.iter().any(|one| one.device == "lo" && one.address.is_loopback()));
    }
}
