//! The section `dns`.

use common_config::yaml::{FromNode, Node, Section};
use common_config::{Error, TlsConfig};

use super::{IpChoice, class_code, type_code};

/// How to ask a DNS server.
#[derive(Clone, Debug, PartialEq)]
pub struct DnsModule {
    /// Which kind of address.
    pub ip: IpChoice,
    /// `dns_over_tls`.
    pub dns_over_tls: bool,
    /// For `dns_over_tls`.
    pub tls_config: TlsConfig,
    /// `source_ip_address`, empty for any.
    pub source_ip_address: String,
    /// `transport_protocol` as written; empty for UDP. What it means is told by
    /// [`DnsModule::transport`] when a probe is made.
    pub transport_protocol: String,
    /// `query_class` as written; empty for IN.
    pub query_class: String,
    /// `query_name`.
    pub query_name: String,
    /// `query_type` as written; empty for ANY.
    pub query_type: String,
    /// `recursion_desired`.
    pub recursion_desired: bool,
    /// Names of the codes that are good; empty for NOERROR alone. Unknown ones are told when a
    /// probe is made.
    pub valid_rcodes: Vec<String>,
    /// What must hold of the answers.
    pub validate_answer: RrRules,
    /// What must hold of the authorities.
    pub validate_authority: RrRules,
    /// What must hold of the additional records.
    pub validate_additional: RrRules,
}

/// How DNS messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A connection, in TLS with `dns_over_tls`.
    Tcp,
}

/// Patterns for the records of a section, as text; they are compiled when a probe is made, because
/// a bad one fails the probe and not the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RrRules {
    /// `fail_if_matches_regexp`
    pub fail_if_matches: Vec<String>,
    /// `fail_if_all_match_regexp`
    pub fail_if_all_match: Vec<String>,
    /// `fail_if_not_matches_regexp`
    pub fail_if_not_matches: Vec<String>,
    /// `fail_if_none_matches_regexp`
    pub fail_if_none_matches: Vec<String>,
}

impl DnsModule {
    pub(super) fn zero() -> DnsModule {
        DnsModule {
            ip: IpChoice::zero(),
            dns_over_tls: false,
            tls_config: TlsConfig::default(),
            source_ip_address: String::new(),
            transport_protocol: String::new(),
            query_class: String::new(),
            query_name: String::new(),
            query_type: String::new(),
            recursion_desired: false,
            valid_rcodes: Vec::new(),
            validate_answer: RrRules::default(),
            validate_authority: RrRules::default(),
            validate_additional: RrRules::default(),
        }
    }

    /// The transport; the text as written where there is none of that name.
    pub fn transport(&self) -> Result<Transport, &str> {
        match self.transport_protocol.as_str() {
            "" | "udp" => Ok(Transport::Udp),
            "tcp" => Ok(Transport::Tcp),
            other => Err(other),
        }
    }

    /// The code of the class; IN where nothing is said.
    #[must_use]
    pub fn class(&self) -> u16 {
        class_code(&self.query_class).unwrap_or(1)
    }

    /// The code of the type; ANY where nothing is said.
    #[must_use]
    pub fn kind(&self) -> u16 {
        type_code(&self.query_type).unwrap_or(255)
    }
}

impl Default for DnsModule {
    fn default() -> DnsModule {
        DnsModule { ip: IpChoice::default(), recursion_desired: true, ..DnsModule::zero() }
    }
}

impl FromNode for DnsModule {
    fn from_node(node: &Node) -> Result<DnsModule, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let module = DnsModule {
            ip: IpChoice::take(&mut section, true)?,
            dns_over_tls: section.or_default("dns_over_tls")?,
            tls_config: section.or_default("tls_config")?,
            source_ip_address: section.or_default("source_ip_address")?,
            transport_protocol: section.or_default("transport_protocol")?,
            query_class: section.or_default("query_class")?,
            query_name: section.or_default("query_name")?,
            query_type: section.or_default("query_type")?,
            recursion_desired: section.or("recursion_desired", true)?,
            valid_rcodes: section.or_default("valid_rcodes")?,
            validate_answer: section.or_default("validate_answer_rrs")?,
            validate_authority: section.or_default("validate_authority_rrs")?,
            validate_additional: section.or_default("validate_additional_rrs")?,
        };
        let (class, kind) = (&module.query_class, &module.query_type);
        if module.query_name.is_empty() {
            return Err(Error::at(node.at, "query name must be set for DNS module"));
        }
        if !class.is_empty() && class_code(class).is_none() {
            let message = format!("query class '{class}' is not valid");
            return Err(section.complain("query_class", message));
        }
        if !kind.is_empty() && type_code(kind).is_none() {
            let message = format!("query type '{kind}' is not valid");
            return Err(section.complain("query_type", message));
        }
        section.finish()?;
        Ok(module)
    }
}

impl FromNode for RrRules {
    fn from_node(node: &Node) -> Result<RrRules, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let rules = RrRules {
            fail_if_matches: section.or_default("fail_if_matches_regexp")?,
            fail_if_all_match: section.or_default("fail_if_all_match_regexp")?,
            fail_if_not_matches: section.or_default("fail_if_not_matches_regexp")?,
            fail_if_none_matches: section.or_default("fail_if_none_matches_regexp")?,
        };
        section.finish()?;
        Ok(rules)
    }
}
