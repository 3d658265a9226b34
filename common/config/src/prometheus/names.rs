//! Which metric and label names are allowed, and how a scrape asks for others to be escaped.

use crate::yaml::{FromNode, Node};
use crate::{Error, yaml};

/// Which names are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameScheme {
    /// Any UTF-8 text that is not empty.
    #[default]
    Utf8,
    /// Letters, digits and underscores only.
    Legacy,
}

impl NameScheme {
    /// Whether a label may have this name.
    #[must_use]
    pub fn is_valid_label_name(self, name: &str) -> bool {
        match self {
            NameScheme::Utf8 => !name.is_empty(),
            NameScheme::Legacy => common_model::is_legacy_label_name(name),
        }
    }

    /// Whether a metric may have this name.
    #[must_use]
    pub fn is_valid_metric_name(self, name: &str) -> bool {
        match self {
            NameScheme::Utf8 => !name.is_empty(),
            NameScheme::Legacy => common_model::is_legacy_metric_name(name),
        }
    }

    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NameScheme::Utf8 => "utf8",
            NameScheme::Legacy => "legacy",
        }
    }
}

/// Reads a scheme; an empty text is none.
pub(super) fn scheme(section: &mut yaml::Section<'_>) -> Result<Option<NameScheme>, Error> {
    let key = "metric_name_validation_scheme";
    match section.filled(key)?.as_deref() {
        None => Ok(None),
        Some("utf8") => Ok(Some(NameScheme::Utf8)),
        Some("legacy") => Ok(Some(NameScheme::Legacy)),
        Some(other) => Err(section.complain(
            key,
            format!("unrecognized validation scheme {other:?}, must be either 'legacy' or 'utf8'"),
        )),
    }
}

/// How names outside of the legacy set are to be written by a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EscapingScheme {
    /// As they are.
    #[default]
    AllowUtf8,
    /// Other characters become underscores.
    Underscores,
    /// Dots become `_dot_`, other characters double underscores.
    Dots,
    /// `U__` and code points.
    Values,
}

impl EscapingScheme {
    const ALL: [EscapingScheme; 4] = [
        EscapingScheme::AllowUtf8,
        EscapingScheme::Underscores,
        EscapingScheme::Dots,
        EscapingScheme::Values,
    ];

    /// How it is written, also in the `escaping` parameter of a content type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EscapingScheme::AllowUtf8 => "allow-utf-8",
            EscapingScheme::Underscores => "underscores",
            EscapingScheme::Dots => "dots",
            EscapingScheme::Values => "values",
        }
    }

    /// What goes with a validation scheme.
    pub(super) fn for_scheme(scheme: NameScheme) -> EscapingScheme {
        match scheme {
            NameScheme::Utf8 => EscapingScheme::AllowUtf8,
            NameScheme::Legacy => EscapingScheme::Underscores,
        }
    }
}

/// Reads an escaping scheme; an empty text is none. `whose` names the section in the error.
pub(super) fn escaping(
    section: &mut yaml::Section<'_>,
    whose: &str,
) -> Result<Option<EscapingScheme>, Error> {
    let key = "metric_name_escaping_scheme";
    let Some(text) = section.filled(key)? else {
        return Ok(None);
    };
    let known = EscapingScheme::ALL.into_iter().find(|scheme| scheme.name() == text);
    known.map(Some).ok_or_else(|| {
        let message = format!(
            "unknown {whose} name escaping method specified, must be one of 'allow-utf-8', \
             'underscores', 'dots', or 'values', got {text:?}"
        );
        section.complain(key, message)
    })
}

/// A format that a scrape asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    /// `PrometheusProto`
    PrometheusProto,
    /// `PrometheusText0.0.4`
    PrometheusText0_0_4,
    /// `PrometheusText1.0.0`
    PrometheusText1_0_0,
    /// `OpenMetricsText0.0.1`
    OpenMetricsText0_0_1,
    /// `OpenMetricsText1.0.0`
    OpenMetricsText1_0_0,
}

impl ScrapeProtocol {
    /// What a scrape asks for, most wanted first.
    pub const DEFAULT: [ScrapeProtocol; 4] = [
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::PrometheusText0_0_4,
    ];

    /// What a scrape asks for when it wants native histograms.
    pub const PROTO_FIRST: [ScrapeProtocol; 5] = [
        ScrapeProtocol::PrometheusProto,
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::PrometheusText0_0_4,
    ];

    /// What is asked for where nobody says it.
    #[must_use]
    pub fn defaults(native_histograms: bool) -> &'static [ScrapeProtocol] {
        if native_histograms { &ScrapeProtocol::PROTO_FIRST } else { &ScrapeProtocol::DEFAULT }
    }

    const SORTED: [ScrapeProtocol; 5] = [
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::PrometheusProto,
        ScrapeProtocol::PrometheusText0_0_4,
        ScrapeProtocol::PrometheusText1_0_0,
    ];

    /// How it is written in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusProto => "PrometheusProto",
            ScrapeProtocol::PrometheusText0_0_4 => "PrometheusText0.0.4",
            ScrapeProtocol::PrometheusText1_0_0 => "PrometheusText1.0.0",
            ScrapeProtocol::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            ScrapeProtocol::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
        }
    }

    pub(super) fn parse(name: &str) -> Result<ScrapeProtocol, String> {
        Self::SORTED.into_iter().find(|protocol| protocol.name() == name).ok_or_else(|| {
            let known = Self::SORTED.map(ScrapeProtocol::name).join(" ");
            format!("unknown scrape protocol {name}, supported: [{known}]")
        })
    }
}

/// Reads `scrape_protocols`; `whose` ends the errors.
pub(super) fn protocols(
    section: &mut yaml::Section<'_>,
    whose: &str,
) -> Result<Option<Vec<ScrapeProtocol>>, Error> {
    let key = "scrape_protocols";
    let Some(node) = section.take(key).filter(|node| !node.is_null()) else {
        return Ok(None);
    };
    let names: Vec<String> = FromNode::from_node(node)?;
    if names.is_empty() {
        return Err(Error::at(node.at, format!("scrape_protocols cannot be empty for {whose}")));
    }
    let mut protocols = Vec::with_capacity(names.len());
    let elements: &[Node] = node.elements("list")?;
    for (i, name) in names.iter().enumerate() {
        let at = elements.get(i).map_or(node.at, |element| element.at);
        if names[..i].iter().any(|earlier| earlier.eq_ignore_ascii_case(name)) {
            let list = names.join(" ");
            let message =
                format!("duplicated protocol in scrape_protocols, got [{list}] for {whose}");
            return Err(Error::at(at, message));
        }
        let protocol = ScrapeProtocol::parse(name)
            .map_err(|message| Error::at(at, format!("scrape_protocols: {message} for {whose}")))?;
        protocols.push(protocol);
    }
    Ok(Some(protocols))
}
