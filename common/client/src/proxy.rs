//! Through which proxy a request goes, if through any.

use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common_config::ProxyConfig;

use crate::ProxyEnv;
use crate::error::Cause;
use crate::url::Target;

/// One HTTP proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Where it listens.
    pub target: Target,
    /// Sent with CONNECT, and with plain requests.
    pub headers: Vec<(String, String)>,
}

/// The choice for every URL.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Go's rule: with `no_proxy` or the environment, loopback addresses are reached directly.
    has_rules: bool,
    none: Vec<String>,
}

impl Proxies {
    /// The choice that a configuration makes.
    pub fn new(config: &ProxyConfig, env: &ProxyEnv) -> Result<Proxies, Cause> {
        let mut extra = Vec::new();
        for (name, values) in &config.proxy_connect_header {
            extra.extend(values.iter().map(|value| (name.clone(), value.expose().to_owned())));
        }
        let one = |url: &str| proxy(url, &extra);
        if config.proxy_from_environment {
            return Ok(Proxies {
                http: one(&env.http)?,
                https: one(&env.https)?,
                has_rules: true,
                none: rules(&env.none),
            });
        }
        let both = one(config.proxy_url.as_deref().unwrap_or(""))?;
        Ok(Proxies {
            http: both.clone(),
            https: both,
            has_rules: !config.no_proxy.is_empty(),
            none: rules(&config.no_proxy),
        })
    }

    /// The proxy of a URL; `None` where it is reached directly.
    #[must_use]
    pub fn of(&self, target: &Target) -> Option<&Proxy> {
        let proxy = if target.is_https { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !self.is_direct(target))
    }

    fn is_direct(&self, target: &Target) -> bool {
        if !self.has_rules {
            return false;
        }
        let address: Option<IpAddr> = target.host.parse().ok();
        let is_loopback = address.is_some_and(|address| address.is_loopback());
        is_loopback
            || target.host == "localhost"
            || self.none.iter().any(|rule| fits(rule, target, address))
    }
}

fn proxy(url: &str, extra: &[(String, String)]) -> Result<Option<Proxy>, Cause> {
    if url.is_empty() {
        return Ok(None);
    }
    let with_scheme = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let target = Target::parse(&with_scheme)?;
    if target.is_https {
        return Err(Cause::Proxy("proxies with https are not supported, use http".to_owned()));
    }
    let mut headers = extra.to_vec();
    if let Some((user, password)) = &target.user {
        let token = BASE64_STANDARD.encode(format!("{user}:{password}"));
        headers.push(("Proxy-Authorization".to_owned(), format!("Basic {token}")));
    }
    Ok(Some(Proxy { target, headers }))
}

fn rules(text: &str) -> Vec<String> {
    let rules = text.split(',').map(|rule| rule.trim().to_ascii_lowercase());
    rules.filter(|rule| !rule.is_empty()).collect()
}

/// One rule of `no_proxy`: `*`, an address, a network, a domain (with everything below it), with a
/// leading dot only what is below it; each may end in a port.
fn fits(rule: &str, target: &Target, address: Option<IpAddr>) -> bool {
    if rule == "*" {
        return true;
    }
    if let Some((network, bits)) = rule.split_once('/') {
        let network = network.parse().ok().zip(bits.parse().ok());
        return network.zip(address).is_some_and(|((net, bits), ip)| contains(net, bits, ip));
    }
    if let Ok(exact) = rule.parse::<IpAddr>() {
        return address == Some(exact);
    }
    let (rule, port) = match rule.rsplit_once(':') {
        Some((rule, port)) => (rule, port.parse::<u16>().ok()),
        None => (rule, None),
    };
    if port.is_some_and(|port| port != target.port) {
        return false;
    }
    let rule = rule.trim_start_matches("*").trim_start_matches('[').trim_end_matches(']');
    let host = target.host.to_ascii_lowercase();
    match rule.strip_prefix('.') {
        Some(_) => host.ends_with(rule),
        None => host == rule || host.strip_suffix(rule).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn contains(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    let (network, address, width) = match (network, address) {
        (IpAddr::V4(n), IpAddr::V4(a)) => (u128::from(n.to_bits()), u128::from(a.to_bits()), 32),
        (IpAddr::V6(n), IpAddr::V6(a)) => (n.to_bits(), a.to_bits(), 128),
        _ => return false,
    };
    let Some(rest) = u32::checked_sub(width, bits) else { return false };
    network.checked_shr(rest).unwrap_or(0) == address.checked_shr(rest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hosts_are_reached_directly() {
        let check = |no_proxy: &str, url: &str, direct: bool| {
            let config = ProxyConfig {
                proxy_url: Some("http://proxy:3128".to_owned()),
                no_proxy: no_proxy.to_owned(),
                ..ProxyConfig::default()
            };
            let proxies = Proxies::new(&config, &ProxyEnv::default()).unwrap();
            let target = Target::parse(url).unwrap();
            assert_eq!(proxies.of(&target).is_none(), direct, "{no_proxy} {url}");
        };
        check("", "http://127.0.0.1/", false);
        check("a.b", "http://127.0.0.1/", true);
        check("a.b", "http://x.a.b/", true);
        check("a.b", "http://xa.b/", false);
        check(".a.b", "http://a.b/", false);
        check("10.0.0.0/8", "http://10.1.2.3/", true);
        check("10.0.0.0/8", "http://11.1.2.3/", false);
        check("a.b:81", "http://a.b/", false);
        check("*", "http://a.b/", true);
    }
}
