//! The section `hearth` of a module: what blackbox_exporter does not have, all of it optional.

use std::net::{IpAddr, SocketAddr};

use common_config::Error;
use common_config::yaml::{FromNode, Node, Section};

/// Entries of one list of targets.
const TARGETS_MAX: usize = 10_000;

/// Where a resolver listens if its port is not given.
const DNS_PORT: u16 = 53;

/// What is asked for beyond the original.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Additions {
    /// `allow_targets`: where the module may go; empty for everywhere but guarded addresses.
    pub allow_targets: TargetList,
    /// `failure_info`: whether a failed probe says why, in `probe_failure_info`.
    pub failure_info: bool,
    /// `resolver`: the server that is asked for names, in place of the system's.
    pub resolver: Option<SocketAddr>,
    /// `unverified_tls_metrics`: whether the certificate that a server showed is described though
    /// it was not believed.
    pub unverified_tls_metrics: bool,
}

/// Names and networks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetList {
    /// Networks.
    pub networks: Vec<Network>,
    /// Names.
    pub hosts: Vec<HostPattern>,
}

/// `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// `example.com`, or `*.example.com` for every name below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(String);

impl Additions {
    pub(super) fn is_default(&self) -> bool {
        *self == Additions::default()
    }
}

impl FromNode for Additions {
    fn from_node(node: &Node) -> Result<Additions, Error> {
        let mut section = Section::open(node, "config.hearth")?;
        let texts: Vec<String> = section.or_default("allow_targets")?;
        let additions = Additions {
            allow_targets: TargetList::parse(&texts)
                .map_err(|problem| section.complain("allow_targets", problem))?,
            failure_info: section.or_default("failure_info")?,
            resolver: resolver(&mut section)?,
            unverified_tls_metrics: section.or_default("unverified_tls_metrics")?,
        };
        section.finish()?;
        Ok(additions)
    }

    fn from_null() -> Option<Additions> {
        Some(Additions::default())
    }
}

/// An address, with or without a port.
fn resolver(section: &mut Section<'_>) -> Result<Option<SocketAddr>, Error> {
    let Some(text) = section.filled("resolver")? else { return Ok(None) };
    let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
    bare.or_else(|_| text.parse())
        .map(Some)
        .map_err(|_| section.complain("resolver", format!("expected an address, found {text:?}")))
}

impl TargetList {
    fn parse(texts: &[String]) -> Result<TargetList, String> {
        if texts.len() > TARGETS_MAX {
            return Err(format!("more than {TARGETS_MAX} targets"));
        }
        let mut list = TargetList::default();
        for text in texts {
            match Network::parse(text) {
                Some(network) => list.networks.push(network),
                None => list.hosts.push(HostPattern::parse(text)?),
            }
        }
        Ok(list)
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.hosts.is_empty()
    }

    /// Whether an address is in one of the networks.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// Whether a name fits one of the patterns.
    #[must_use]
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(host))
    }

    pub(super) fn texts(&self) -> Vec<String> {
        let networks = self.networks.iter().map(|n| format!("{}/{}", n.address, n.bits));
        networks.chain(self.hosts.iter().map(|pattern| pattern.0.clone())).collect()
    }
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = if bits.is_empty() { most } else { bits.parse().ok()? };
        (bits <= most).then_some(Network { address, bits })
    }

    /// Whether an address is inside. An IPv4 address in IPv6's clothes is an IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                let cut = |a: u32| a.checked_shr(shift).unwrap_or(0);
                cut(base.to_bits()) == cut(other.to_bits())
            }
            (IpAddr::V6(base), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                let cut = |a: u128| a.checked_shr(shift).unwrap_or(0);
                cut(base.to_bits()) == cut(other.to_bits())
            }
            _ => false,
        }
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<HostPattern, String> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || !name.chars().all(is_name) || name.starts_with('.') {
            return Err(format!("expected an address, a network or a host name, found {text:?}"));
        }
        Ok(HostPattern(text.trim_end_matches('.').to_ascii_lowercase()))
    }

    fn matches(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self.0.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => host == self.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_networks_and_names() {
        let list = |texts: &[&str]| {
            TargetList::parse(&texts.iter().map(|&t| t.to_owned()).collect::<Vec<_>>())
        };
        let all = ["10.0.0.0/8", "192.0.2.1", "fe80::/10", "*.example.com", "Host.test."];
        let list_of_all = list(&all).unwrap();
        let address = |text: &str, expected: bool| {
            assert_eq!(list_of_all.has_address(text.parse().unwrap()), expected, "{text}");
        };
        address("10.255.0.1", true);
        address("::ffff:10.1.1.1", true);
        address("11.0.0.1", false);
        address("192.0.2.1", true);
        address("192.0.2.2", false);
        address("fe80::1", true);
        address("2001:db8::1", false);
        let host = |text: &str, expected: bool| {
            assert_eq!(list_of_all.has_host(text), expected, "{text}");
        };
        host("a.example.com", true);
        host("A.B.EXAMPLE.com.", true);
        host("example.com", false);
        host("evilexample.com", false);
        host("host.test", true);
        host("a.host.test", false);
        for bad in ["", "*", "*.", "10.0.0.0/33", "a b", "http://x", ".x"] {
            assert!(list(&[bad]).is_err(), "{bad}");
        }
        let everywhere = list(&["0.0.0.0/0", "::/0"]).unwrap();
        assert!(everywhere.has_address("1.2.3.4".parse().unwrap()));
        assert!(everywhere.has_address("::1".parse().unwrap()));
    }
}
