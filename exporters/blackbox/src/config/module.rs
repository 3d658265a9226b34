//! One module: which prober, for how long, and one section for each prober.

use common_config::yaml::{FromNode, Node, Section};
use common_config::{Error, duration};

use super::{
    Additions, DnsModule, GrpcModule, HttpModule, IcmpModule, TcpModule, UnixModule,
    WebsocketModule,
};

/// How to probe. Sections of other probers than the module's own are checked all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// Name of the prober; whether there is one of that name is told when it is asked for.
    pub prober: String,
    /// How long a probe may take; not positive stands for what the scraper allows.
    pub timeout: GoDuration,
    /// Section `http`.
    pub http: HttpModule,
    /// Section `tcp`.
    pub tcp: TcpModule,
    /// Section `icmp`.
    pub icmp: IcmpModule,
    /// Section `dns`.
    pub dns: DnsModule,
    /// Section `grpc`.
    pub grpc: GrpcModule,
    /// Section `unix`.
    pub unix: UnixModule,
    /// Section `websocket`.
    pub websocket: WebsocketModule,
    /// Section `hearth`: what blackbox_exporter does not have.
    pub hearth: Additions,
}

impl Module {
    pub(super) fn read(node: &Node) -> Result<Module, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let module = Module {
            prober: section.or_default("prober")?,
            timeout: section.or_default("timeout")?,
            http: section.get("http")?.unwrap_or_default(),
            tcp: section.get("tcp")?.unwrap_or_default(),
            icmp: section.get("icmp")?.unwrap_or_default(),
            dns: section.get("dns")?.unwrap_or_default(),
            grpc: section.get("grpc")?.unwrap_or_default(),
            unix: section.get("unix")?.unwrap_or_default(),
            websocket: section.get("websocket")?.unwrap_or_default(),
            hearth: section.or_default("hearth")?,
        };
        section.finish()?;
        Ok(module)
    }

    /// A module of which nothing is said, not even the defaults: what a bare `name:` gives.
    pub(super) fn zero() -> Module {
        Module {
            prober: String::new(),
            timeout: GoDuration(0),
            http: HttpModule::zero(),
            tcp: TcpModule { ip: IpChoice::zero(), ..TcpModule::default() },
            icmp: IcmpModule { ip: IpChoice::zero(), ttl: 0, ..IcmpModule::default() },
            dns: DnsModule::zero(),
            grpc: GrpcModule::default(),
            unix: UnixModule::default(),
            websocket: WebsocketModule::default(),
            hearth: Additions::default(),
        }
    }

    pub(super) fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.http.is_no_follow_written {
            warnings.push(
                "no_follow_redirects is deprecated and will be removed in the next release. It is \
                 replaced by follow_redirects.",
            );
        }
        if self.http.enable_http3 {
            warnings.push(
                "HTTP/3 is enabled for this module. HTTP targets will be automatically converted \
                 to HTTPS during probing. Consider using HTTPS targets directly in your \
                 configuration.",
            );
        }
        warnings
    }
}

/// Nanoseconds in Go's syntax, `1m30s`; negative ones can be written and mean as little as zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GoDuration(pub i64);

impl GoDuration {
    /// Seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl FromNode for GoDuration {
    fn from_node(node: &Node) -> Result<GoDuration, Error> {
        let text = String::from_node(node)?;
        // A bare number, even zero, is a number and no duration to the YAML reader.
        let nanos = duration::parse_go_nanos(&text).map_err(|_| node.mismatch("time.Duration"))?;
        Ok(GoDuration(nanos))
    }

    fn from_null() -> Option<GoDuration> {
        Some(GoDuration(0))
    }
}

/// Which kind of address a name is resolved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpChoice {
    /// `preferred_ip_protocol`: `ip4`, `ip6`; anything else means `ip6`.
    pub preferred: String,
    /// `ip_protocol_fallback`: whether the other kind will do.
    pub fallback: bool,
}

impl IpChoice {
    pub(super) fn take(section: &mut Section<'_>, fallback: bool) -> Result<IpChoice, Error> {
        Ok(IpChoice {
            preferred: section.or_default("preferred_ip_protocol")?,
            fallback: section.or("ip_protocol_fallback", fallback)?,
        })
    }

    pub(super) fn zero() -> IpChoice {
        IpChoice { preferred: String::new(), fallback: false }
    }
}

impl Default for IpChoice {
    fn default() -> IpChoice {
        IpChoice { preferred: String::new(), fallback: true }
    }
}
