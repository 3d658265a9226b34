//! Where a module may go: its list of targets, and addresses that nobody probes by accident.
//!
//! The list is applied to the address that a name turned out to have, not to the name alone, and to
//! every redirect: a name that first points here and then there gains nothing. Link-local addresses
//! and those under which clouds hand out credentials must be named by a network of the list.

use std::net::{IpAddr, Ipv6Addr};

use crate::config::TargetList;

/// Why a module may not go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither name nor address is in the list.
    #[error("target is not in allow_targets of the module")]
    NotListed,
    /// A link-local or metadata address that no network of the list names.
    #[error("link-local and metadata addresses must be named in allow_targets of the module")]
    Guarded,
}

/// Where Alibaba Cloud keeps its metadata.
const METADATA_ALIBABA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(100, 100, 100, 200));
/// Where Amazon keeps its metadata in IPv6 networks.
const METADATA_AMAZON: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254));

/// Whether `host`, which turned out to be `address`, may be probed.
pub fn check_address(list: &TargetList, host: &str, address: IpAddr) -> Result<(), Refusal> {
    let is_named = list.has_address(address);
    if is_guarded(address) && !is_named {
        return Err(Refusal::Guarded);
    }
    if list.is_empty() || is_named || list.has_host(host) {
        Ok(())
    } else {
        Err(Refusal::NotListed)
    }
}

/// Whether `host` may be probed without knowing its address, because a proxy looks it up.
pub fn check_host(list: &TargetList, host: &str) -> Result<(), Refusal> {
    if let Ok(address) = host.parse() {
        return check_address(list, host, address);
    }
    if list.is_empty() || list.has_host(host) { Ok(()) } else { Err(Refusal::NotListed) }
}

fn is_guarded(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || embedded(v6).is_some_and(|v4| v4.is_link_local())
        }
    };
    is_link_local || address == METADATA_ALIBABA || address == METADATA_AMAZON
}

/// The IPv4 address within one of NAT64 or 6to4: gateways lead there. RFC 6052, RFC 3056.
fn embedded(address: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let bits = address.to_bits();
    if bits >> 32 == 0x0064_ff9b_0000_0000_0000_0000 {
        return Some(std::net::Ipv4Addr::from_bits(bits as u32));
    }
    (bits >> 112 == 0x2002).then(|| std::net::Ipv4Addr::from_bits((bits >> 80) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn list(texts: &str) -> TargetList {
        let text =
            format!("modules: {{m: {{prober: http, hearth: {{allow_targets: [{texts}]}}}}}}");
        Config::parse(&text, "x.yml").unwrap().modules["m"].hearth.allow_targets.clone()
    }

    #[test]
    fn guarded_addresses_must_be_named_by_a_network() {
        let check = |texts: &str, host: &str, address: &str, expected: Result<(), Refusal>| {
            let address = address.parse().unwrap();
            assert_eq!(check_address(&list(texts), host, address), expected, "{texts} {address}");
        };
        check("", "h", "127.0.0.1", Ok(()));
        for guarded in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fe80::1",
            "100.100.100.200",
            "fd00:ec2::254",
        ] {
            check("", "h", guarded, Err(Refusal::Guarded));
            check("h", "h", guarded, Err(Refusal::Guarded));
            check("'::/0', 0.0.0.0/0", "h", guarded, Ok(()));
        }
        check("h", "h", "10.0.0.1", Ok(()));
        check("h", "x", "10.0.0.1", Err(Refusal::NotListed));
        check("10.0.0.0/8", "x", "10.0.0.1", Ok(()));
        check("10.0.0.0/8", "x", "127.0.0.1", Err(Refusal::NotListed));
    }

    #[test]
    fn behind_a_proxy_the_name_must_do() {
        let check = |texts: &str, host: &str, expected: Result<(), Refusal>| {
            assert_eq!(check_host(&list(texts), host), expected, "{texts} {host}");
        };
        check("", "example.com", Ok(()));
        check("", "169.254.169.254", Err(Refusal::Guarded));
        check("10.0.0.0/8", "example.com", Err(Refusal::NotListed));
        check("'*.example.com'", "a.example.com", Ok(()));
    }
}
