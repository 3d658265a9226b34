//! Name to address: which kind is preferred, how long it took, and whether the module may go there.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use common_instrument::Family;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::asked;
use super::failure::Failed;
use super::{Phase, ProbeContext, ProbeLog, Results, check_address};
use crate::config::{IpChoice, Module};

const LOOKUP_TIME: Family = Family::gauge(
    "probe_dns_lookup_time_seconds",
    "Returns the time taken for probe dns lookup in seconds",
);
const IP_PROTOCOL: Family =
    Family::gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6");
const ADDRESS_HASH: Family = Family::gauge(
    "probe_ip_addr_hash",
    "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
);

/// Lookups at the same time: each keeps a thread.
const LOOKUPS_MAX: usize = 64;

/// Longest name. RFC 1035 section 2.3.4.
const NAME_BYTES_MAX: usize = 255;

/// A pending lookup.
pub type Looking<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Finds the addresses of a name. Handed in, so that tests can tell what names point to.
pub trait Resolve: Send + Sync {
    /// All addresses in the order of preference; an error or nothing where there are none.
    fn lookup<'a>(&'a self, host: &'a str) -> Looking<'a>;
}

/// The system's: getaddrinfo(3).
#[derive(Debug)]
pub struct SystemResolver {
    places: Semaphore,
}

impl Default for SystemResolver {
    fn default() -> SystemResolver {
        SystemResolver { places: Semaphore::new(LOOKUPS_MAX) }
    }
}

impl Resolve for SystemResolver {
    fn lookup<'a>(&'a self, host: &'a str) -> Looking<'a> {
        Box::pin(async move {
            let _place = self.places.acquire().await.map_err(io::Error::other)?;
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Where a target is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolved {
    /// The address, with the zone of a link-local one; its port is 0.
    address: SocketAddr,
    /// How long the lookup took.
    pub elapsed: Duration,
}

impl Resolved {
    /// The address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// The address with a port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> SocketAddr {
        let mut address = self.address;
        address.set_port(port);
        address
    }
}

/// Resolves `host` as the module's section prefers it, sets the gauges of the lookup, logs it, and
/// checks that the module may go there. The error is for the prober's log; what is told here is
/// told.
pub async fn resolve(
    context: &ProbeContext,
    module: &Module,
    choice: &IpChoice,
    host: &str,
    results: &mut Results,
    log: &mut ProbeLog,
) -> Result<Resolved, String> {
    let protocol = if choice.preferred == "ip4" { "ip4" } else { wanted(&choice.preferred) };
    for family in [&IP_PROTOCOL, &ADDRESS_HASH] {
        results.set(family, 0.0);
    }
    log.debug("Resolving target address", &[("target", &host), ("ip_protocol", &protocol)]);
    let began = Instant::now();
    let found = find(context, module.hearth.resolver, host).await;
    let elapsed = began.elapsed();
    results.set(&LOOKUP_TIME, elapsed.as_secs_f64());
    let chosen = found.and_then(|addresses| choose(&addresses, protocol, choice.fallback, host));
    let address = match chosen {
        Ok(address) => address,
        Err(problem) => {
            let pairs: &[(&str, &dyn std::fmt::Display)] = &[("target", &host), ("err", &problem)];
            log.error("Resolution with IP protocol failed", pairs);
            let is_late = Instant::now() >= context.deadline;
            results.fail(Phase::Resolve, if is_late { "timeout" } else { "no_address" });
            return Err(problem);
        }
    };
    let ip = address.ip();
    results.set(&IP_PROTOCOL, if ip.is_ipv4() { 4.0 } else { 6.0 });
    results.set(&ADDRESS_HASH, f64::from(hash(ip)));
    log.debug("Resolved target address", &[("target", &host), ("ip", &ip)]);
    if let Err(refusal) = check_address(&module.hearth.allow_targets, host, ip) {
        log.error("Target refused", &[("target", &host), ("ip", &ip), ("err", &refusal)]);
        results.fail(Phase::Target, "not_allowed");
        return Err(refusal.to_string());
    }
    Ok(Resolved { address, elapsed })
}

/// Where a redirect leads to: all addresses of a host that the module may go to, those of its
/// preferred kind first. Quiet, because the gauges are about the target itself.
pub(super) async fn addresses(
    context: &ProbeContext,
    module: &Module,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Failed> {
    let mut found = lookup(context, module.hearth.resolver, host, port).await?;
    let protocol = wanted(&module.http.ip.preferred);
    found.sort_by_key(|address| address.is_ipv4() != (protocol == "ip4"));
    let mut refusal = None;
    found.retain(|address| {
        let checked = check_address(&module.hearth.allow_targets, host, address.ip());
        checked.map_err(|refused| refusal = Some(refused)).is_ok()
    });
    match refusal.filter(|_| found.is_empty()) {
        Some(refusal) => Err(Failed::new(Phase::Target, "not_allowed", refusal.to_string())),
        None => Ok(found),
    }
}

/// Where a proxy is. It is the operator's, so that it may be anywhere.
pub(super) async fn proxy_addresses(
    context: &ProbeContext,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Failed> {
    lookup(context, None, host, port).await
}

async fn lookup(
    context: &ProbeContext,
    server: Option<SocketAddr>,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Failed> {
    let mut found = find(context, server, host).await.map_err(|problem| {
        Failed::new(Phase::Resolve, "no_address", format!("dial tcp: {problem}"))
    })?;
    found.iter_mut().for_each(|address| address.set_port(port));
    Ok(found)
}

/// Host and port of `host:port` and `[::1]:port`, with Go's complaints.
pub fn split_host_port(target: &str) -> Result<(&str, u16), String> {
    let complain = |problem: &str| Err(format!("address {target}: {problem}"));
    let Some((host, port)) = target.rsplit_once(':') else {
        return complain("missing port in address");
    };
    let host = match host.strip_prefix('[') {
        Some(rest) => match rest.strip_suffix(']') {
            Some(host) => host,
            None => return complain("missing port in address"),
        },
        None if host.contains(':') => return complain("too many colons in address"),
        None => host,
    };
    match port.parse() {
        Ok(port) => Ok((host, port)),
        Err(_) => Err(format!("lookup tcp/{port}: unknown port")),
    }
}

/// Anything but `ip4` means `ip6` when it is empty; other words are taken for IPv4 as the original
/// takes them.
fn wanted(preferred: &str) -> &'static str {
    if matches!(preferred, "" | "ip6") { "ip6" } else { "ip4" }
}

/// Addresses of a name, of the system's resolver or of the module's own.
async fn find(
    context: &ProbeContext,
    server: Option<SocketAddr>,
    host: &str,
) -> Result<Vec<SocketAddr>, String> {
    if let Some(literal) = literal(host) {
        return Ok(vec![literal]);
    }
    let missing = || format!("lookup {host}: no such host");
    let is_name = host.len() <= NAME_BYTES_MAX
        && !host.is_empty()
        && !host.contains("..")
        && !host.starts_with('.')
        && !host.chars().any(|c| c.is_whitespace() || c.is_control());
    if !is_name {
        return Err(missing());
    }
    let looking = async {
        match server {
            Some(server) => asked::lookup(server, host).await,
            None => context.resolver.lookup(host).await,
        }
    };
    match timeout_at(context.deadline, looking).await {
        Err(_) => Err(format!("lookup {host}: i/o timeout")),
        Ok(Err(_)) => Err(missing()),
        Ok(Ok(found)) if found.is_empty() => Err(missing()),
        Ok(Ok(found)) => Ok(found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()),
    }
}

/// An address instead of a name: `127.0.0.1`, `::1`, `fe80::1%eth0`.
fn literal(host: &str) -> Option<SocketAddr> {
    if let Ok(ip) = host.parse() {
        return Some(SocketAddr::new(ip, 0));
    }
    let (address, zone) = host.split_once('%')?;
    let address = address.parse().ok()?;
    let index = zone.parse().ok().or_else(|| {
        let path = format!("/sys/class/net/{zone}/ifindex");
        let is_name = zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:@".contains(&b));
        let text = std::fs::read_to_string(path).ok().filter(|_| is_name && zone != "..")?;
        text.trim().parse().ok()
    })?;
    Some(std::net::SocketAddrV6::new(address, 0, 0, index).into())
}

fn choose(
    found: &[SocketAddr],
    protocol: &str,
    fallback: bool,
    host: &str,
) -> Result<SocketAddr, String> {
    let is_wanted = |address: &&SocketAddr| address.is_ipv4() == (protocol == "ip4");
    if let Some(address) = found.iter().find(is_wanted) {
        return Ok(*address);
    }
    if !fallback {
        let is_literal = literal(host).is_some();
        let problem = if is_literal { "no suitable address found" } else { "no such host" };
        return Err(format!("lookup {host}: {problem}"));
    }
    found.last().copied().ok_or_else(|| "unable to find ip; no fallback".to_owned())
}

/// FNV-1a with 32 bits, over the 4 or 16 bytes of the address.
fn hash(ip: IpAddr) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    match ip {
        IpAddr::V4(ip) => ip.octets().iter().fold(2_166_136_261, step),
        IpAddr::V6(ip) => ip.octets().iter().fold(2_166_136_261, step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_kind_wins_and_the_other_one_must_be_allowed() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let both = [address("10.0.0.1"), address("2001:db8::1"), address("10.0.0.2")];
        let check =
            |found: &[SocketAddr], protocol: &str, fallback: bool, expected: Option<&str>| {
                let chosen = choose(found, protocol, fallback, "h").ok();
                assert_eq!(chosen, expected.map(address), "{found:?} {protocol} {fallback}");
            };
        check(&both, "ip4", true, Some("10.0.0.1"));
        check(&both, "ip6", true, Some("2001:db8::1"));
        check(&both[..1], "ip6", true, Some("10.0.0.1"));
        check(&both[..1], "ip6", false, None);
        check(&[], "ip6", true, None);
    }

    #[test]
    fn a_port_stands_behind_the_last_colon() {
        let check = |text: &str, expected: Result<(&str, u16), &str>| {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(split_host_port(text), expected, "{text}");
        };
        check("h:1", Ok(("h", 1)));
        check("[::1]:2", Ok(("::1", 2)));
        check(":3", Ok(("", 3)));
        check("h", Err("address h: missing port in address"));
        check("::1:2", Err("address ::1:2: too many colons in address"));
        check("[::1", Err("address [::1: missing port in address"));
        check("h:smtp", Err("lookup tcp/smtp: unknown port"));
    }

    #[test]
    fn the_hash_is_that_of_the_original() {
        assert_eq!(hash("127.0.0.1".parse().unwrap()), 3_668_918_509);
    }
}
