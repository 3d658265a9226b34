//! Which formats there are and what their content types are called.

use std::fmt;

use crate::Escaping;

/// The protocols that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The text format 0.0.4, which every scraper reads.
    #[default]
    Text004,
    /// The text format 1.0.0: names of any letters, in quotes.
    Text100,
    /// OpenMetrics as Prometheus first wrote it.
    OpenMetrics001,
    /// OpenMetrics 1.0.
    OpenMetrics100,
}

/// A protocol and what it does to names outside the classic alphabet. Displayed as content type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Format {
    /// How families and samples are written.
    pub protocol: Protocol,
    /// How names are written.
    pub escaping: Escaping,
}

impl Protocol {
    /// The content type without the escaping.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Protocol::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Protocol::Text100 => "text/plain; version=1.0.0; charset=utf-8",
            Protocol::OpenMetrics001 => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
            Protocol::OpenMetrics100 => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// Whether it is one of the OpenMetrics formats.
    #[must_use]
    pub fn is_openmetrics(self) -> bool {
        matches!(self, Protocol::OpenMetrics001 | Protocol::OpenMetrics100)
    }
}

impl Format {
    /// The value of the `Content-Type` header.
    #[must_use]
    pub fn content_type(self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; escaping={}", self.protocol.content_type(), self.escaping.as_str())
    }
}
