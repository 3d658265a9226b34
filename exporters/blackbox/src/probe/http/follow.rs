//! From the first request to the last answer: redirects, each checked like a target.

use std::net::SocketAddr;

use common_client::parts::{Proxies, Target};
use common_config::TlsConfig;
use hyper::header::{COOKIE, HeaderValue, LOCATION, REFERER};
use tokio::time::Instant;

use super::connect::Route;
use super::cookies::Jar;
use super::exchange::{Answer, Order, Phases, exchange};
use super::order::{add_credentials, forget_secrets, is_redirect, redirect};
use crate::config::{HttpModule, Module};
use crate::probe::failure::Failed;
use crate::probe::resolve::{addresses, proxy_addresses};
use crate::probe::tls::TlsClient;
use crate::probe::{Phase, ProbeContext, ProbeLog, check_host};

/// Redirects that are followed; as in Go.
const REDIRECTS_MAX: u32 = 10;

/// A probe on its way.
pub(super) struct Journey<'a> {
    pub(super) context: &'a ProbeContext,
    pub(super) module: &'a Module,
    pub(super) first: &'a Target,
    /// Where the first target was found to be; `None` where a proxy looks it up.
    pub(super) found: Option<SocketAddr>,
    pub(super) proxies: Proxies,
    /// For the first host, with the name and the certificate that the module gives.
    pub(super) tls: TlsClient,
    pub(super) server_name: String,
}

/// Which part of the way a request is.
#[derive(Clone, Copy)]
struct Stage {
    /// Whether the module's credentials are for this server.
    is_trusted: bool,
    /// Whether somebody else sent us there.
    is_redirected: bool,
}

/// Where it ended.
#[derive(Default)]
pub(super) struct Arrival {
    pub(super) phases: Phases,
    pub(super) redirects: u32,
    /// Whether the last answer was a redirect that was not followed; nobody reads its body then.
    pub(super) is_stopped: bool,
}

impl Journey<'_> {
    fn http(&self) -> &HttpModule {
        &self.module.http
    }

    /// Follows redirects until there is another answer.
    pub(super) async fn travel(
        &self,
        mut order: Order,
        arrival: &mut Arrival,
        log: &mut ProbeLog,
    ) -> Result<Answer, Failed> {
        let (mut target, mut jar) = (self.first.clone(), Jar::default());
        let mut is_trusted = true;
        let plain_host = order.host.clone();
        loop {
            let mut sent = order.clone();
            if is_trusted {
                add_credentials(self.context, &self.http().client, &mut sent.headers).await?;
            }
            if let Some(cookies) = jar.header(&target)
                && let Ok(value) = HeaderValue::from_str(&cookies)
            {
                sent.headers.append(COOKIE, value);
            }
            let url = shown(&target);
            log.debug("Making HTTP request", &[("url", &url), ("host", &sent.host)]);
            let way = Stage { is_trusted, is_redirected: arrival.redirects > 0 };
            let answer = self.step(&target, &sent, way, &mut arrival.phases).await?;
            let status = answer.response.status();
            jar.keep(answer.response.headers(), &target);
            let location = answer.response.headers().get(LOCATION);
            let Some(location) = location.filter(|_| is_redirect(status)) else {
                return Ok(answer);
            };
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            log.warn("Received redirect", &[("location", &location)]);
            arrival.redirects += 1;
            if arrival.redirects > REDIRECTS_MAX || !self.http().client.follow_redirects {
                log.warn("Not following redirect", &[]);
                arrival.is_stopped = true;
                return Ok(answer);
            }
            let next = target
                .join(&super::target::escaped(&location))
                .map_err(|cause| Failed::new(Phase::Target, "bad_redirect", cause.to_string()))?;
            redirect(&mut order, status);
            if is_trusted && !self.first.trusts(&next) {
                is_trusted = false;
                forget_secrets(&mut order);
            }
            order.host = if is_same_place(self.first, &next) {
                plain_host.clone()
            } else {
                next.authority().to_owned()
            };
            self.refer(&mut order, &target, &next);
            target = next;
        }
    }

    /// Says where we come from, unless that was encrypted and this is not.
    fn refer(&self, order: &mut Order, from: &Target, to: &Target) {
        let value = HeaderValue::from_str(&shown(from)).ok();
        match value.filter(|_| !from.is_https || to.is_https) {
            Some(value) => drop(order.headers.insert(REFERER, value)),
            None => drop(order.headers.remove(REFERER)),
        }
    }

    async fn step(
        &self,
        target: &Target,
        order: &Order,
        Stage { is_trusted, is_redirected }: Stage,
        phases: &mut Phases,
    ) -> Result<Answer, Failed> {
        let proxy = self.proxies.of(target);
        let pinned = self.found.filter(|_| is_same_host(self.first, target));
        let refused = |text: String| Failed::new(Phase::Target, "not_allowed", text);
        let list = &self.module.hearth.allow_targets;
        let began = Instant::now();
        let server = match pinned {
            Some(address) => vec![with_port(address, target.port)],
            None if proxy.is_some() => {
                check_host(list, &target.host).map_err(|refusal| refused(refusal.to_string()))?;
                Vec::new()
            }
            None => addresses(self.context, self.module, &target.host, target.port).await?,
        };
        let authority = match server.first() {
            Some(address) => address.to_string(),
            None if target.host.contains(':') => format!("[{}]:{}", target.host, target.port),
            None => format!("{}:{}", target.host, target.port),
        };
        let addresses = match proxy {
            Some(proxy) => {
                let proxy = &proxy.target;
                proxy_addresses(self.context, &proxy.host, proxy.port).await?
            }
            None => server,
        };
        if pinned.is_none() && is_redirected {
            phases.resolve += began.elapsed();
        }
        let is_first = is_same_place(self.first, target);
        let stranger = self.stranger(target, is_trusted)?;
        let tls = target.is_https.then_some(stranger.as_ref().unwrap_or(&self.tls));
        let server_name = if is_first { self.server_name.as_str() } else { &target.host };
        let route = Route {
            target,
            authority,
            addresses,
            proxy,
            is_tunnel: proxy.is_some() && target.is_https,
            tls,
            server_name,
        };
        exchange(self.context, &route, order, phases).await
    }

    /// TLS for a host that the module's certificate is not for.
    fn stranger(&self, target: &Target, is_trusted: bool) -> Result<Option<TlsClient>, Failed> {
        let config = &self.http().client.tls_config;
        let has_certificate = config.cert.is_some() || config.cert_file.is_some();
        if is_trusted || !has_certificate || !target.is_https {
            return Ok(None);
        }
        let bare =
            TlsConfig { cert: None, cert_file: None, key: None, key_file: None, ..config.clone() };
        let client = TlsClient::new(&bare, alpn(self.http()));
        client.map(Some).map_err(|text| Failed::new(Phase::Tls, "bad_config", text))
    }
}

/// The protocols that are offered in a handshake.
pub(super) fn alpn(http: &HttpModule) -> &'static [&'static [u8]] {
    if http.client.enable_http2 { &[b"h2", b"http/1.1"] } else { &[] }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn is_same_host(one: &Target, other: &Target) -> bool {
    one.host.eq_ignore_ascii_case(&other.host)
}

fn is_same_place(one: &Target, other: &Target) -> bool {
    is_same_host(one, other) && one.port == other.port
}

/// The URL without user and password.
fn shown(target: &Target) -> String {
    let scheme = if target.is_https { "https" } else { "http" };
    format!("{scheme}://{}{}", target.authority(), target.path())
}
