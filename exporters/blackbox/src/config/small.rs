//! The sections `tcp`, `unix`, `icmp`, `grpc` and `websocket`.

use std::collections::BTreeMap;

use common_config::yaml::{FromNode, Node, Section};
use common_config::{Error, Header, HttpClientConfig, TlsConfig};

use super::{Dialogue, IpChoice};

/// Hops of an ICMP packet where nothing else is said.
const TTL_DEFAULT: u8 = 64;

/// Bytes that fit into an ICMP packet beside its headers.
const ICMP_PAYLOAD_BYTES_MAX: usize = 65_507;

/// How to probe a TCP port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TcpModule {
    /// Which kind of address.
    pub ip: IpChoice,
    /// `source_ip_address`, empty for any.
    pub source_ip_address: String,
    /// `query_response`.
    pub query_response: Dialogue,
    /// Whether to speak TLS from the start.
    pub tls: bool,
    /// For `tls` and STARTTLS.
    pub tls_config: TlsConfig,
}

impl FromNode for TcpModule {
    fn from_node(node: &Node) -> Result<TcpModule, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let module = TcpModule {
            ip: IpChoice::take(&mut section, true)?,
            source_ip_address: section.or_default("source_ip_address")?,
            query_response: Dialogue::take(&mut section)?,
            tls: section.or_default("tls")?,
            tls_config: section.or_default("tls_config")?,
        };
        section.finish()?;
        Ok(module)
    }
}

/// How to probe a Unix socket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnixModule {
    /// `query_response`.
    pub query_response: Dialogue,
    /// Whether to speak TLS from the start.
    pub tls: bool,
    /// For `tls` and STARTTLS.
    pub tls_config: TlsConfig,
}

impl FromNode for UnixModule {
    fn from_node(node: &Node) -> Result<UnixModule, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let module = UnixModule {
            query_response: Dialogue::take(&mut section)?,
            tls: section.or_default("tls")?,
            tls_config: section.or_default("tls_config")?,
        };
        section.finish()?;
        Ok(module)
    }
}

/// How to ping.
#[derive(Clone, Debug, PartialEq)]
pub struct IcmpModule {
    /// Which kind of address.
    pub ip: IpChoice,
    /// `source_ip_address`, empty for any.
    pub source_ip_address: String,
    /// Bytes beside the headers; zero for the usual ones.
    pub payload_size: usize,
    /// Whether routers must not split the packet.
    pub dont_fragment: bool,
    /// Hops; zero leaves it to the system.
    pub ttl: u8,
}

impl Default for IcmpModule {
    fn default() -> IcmpModule {
        IcmpModule {
            ip: IpChoice::default(),
            source_ip_address: String::new(),
            payload_size: 0,
            dont_fragment: false,
            ttl: TTL_DEFAULT,
        }
    }
}

impl FromNode for IcmpModule {
    fn from_node(node: &Node) -> Result<IcmpModule, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let ip = IpChoice::take(&mut section, true)?;
        let source_ip_address = section.or_default("source_ip_address")?;
        let payload_size: i64 = section.or_default("payload_size")?;
        let dont_fragment = section.or_default("dont_fragment")?;
        let ttl: i64 = section.or("ttl", i64::from(TTL_DEFAULT))?;
        if ttl < 0 {
            return Err(section.complain("ttl", "\"ttl\" cannot be negative"));
        }
        let ttl =
            u8::try_from(ttl).map_err(|_| section.complain("ttl", "\"ttl\" cannot exceed 255"))?;
        let payload_size = usize::try_from(payload_size)
            .ok()
            .filter(|size| *size <= ICMP_PAYLOAD_BYTES_MAX)
            .ok_or_else(|| {
                let limit = ICMP_PAYLOAD_BYTES_MAX;
                let message = format!("\"payload_size\" must be between 0 and {limit}");
                section.complain("payload_size", message)
            })?;
        section.finish()?;
        Ok(IcmpModule { ip, source_ip_address, payload_size, dont_fragment, ttl })
    }
}

/// How to ask a gRPC server for its health.
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcModule {
    /// The service to ask about; empty for the server as a whole.
    pub service: String,
    /// Which kind of address. Without a `grpc` section there is no fall-back.
    pub ip: IpChoice,
    /// Whether to speak TLS.
    pub tls: bool,
    /// For `tls`.
    pub tls_config: TlsConfig,
    /// Headers to send.
    pub metadata: BTreeMap<String, Vec<String>>,
}

impl Default for GrpcModule {
    fn default() -> GrpcModule {
        GrpcModule {
            service: String::new(),
            ip: IpChoice::zero(),
            tls: false,
            tls_config: TlsConfig::default(),
            metadata: BTreeMap::new(),
        }
    }
}

impl FromNode for GrpcModule {
    fn from_node(node: &Node) -> Result<GrpcModule, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let module = GrpcModule {
            service: section.or_default("service")?,
            ip: IpChoice::take(&mut section, true)?,
            tls: section.or_default("tls")?,
            tls_config: section.or_default("tls_config")?,
            metadata: section.or_default("metadata")?,
        };
        section.finish()?;
        Ok(module)
    }
}

/// How to open a WebSocket.
#[derive(Clone, Debug, PartialEq)]
pub struct WebsocketModule {
    /// `http_config`: whom to be, whom to trust.
    pub http_config: HttpClientConfig,
    /// Which kind of address. Without a `websocket` section there is no fall-back.
    pub ip: IpChoice,
    /// `headers` of the opening request, by name as written.
    pub headers: BTreeMap<String, Header>,
    /// `query_response` in messages.
    pub query_response: Dialogue,
}

impl Default for WebsocketModule {
    fn default() -> WebsocketModule {
        WebsocketModule {
            http_config: HttpClientConfig::default(),
            ip: IpChoice::zero(),
            headers: BTreeMap::new(),
            query_response: Dialogue::default(),
        }
    }
}

impl FromNode for WebsocketModule {
    fn from_node(node: &Node) -> Result<WebsocketModule, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let http_config = match section.take("http_config") {
            Some(node) if !node.is_null() => {
                let mut inner = Section::open(node, "config.plain")?;
                let client = HttpClientConfig::take(&mut inner, HttpClientConfig::default())?;
                inner.finish()?;
                client
            }
            _ => HttpClientConfig::default(),
        };
        let module = WebsocketModule {
            http_config,
            ip: IpChoice::take(&mut section, true)?,
            headers: section.or_default("headers")?,
            query_response: Dialogue::take(&mut section)?,
        };
        section.finish()?;
        Ok(module)
    }
}
