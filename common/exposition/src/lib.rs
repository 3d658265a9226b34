//! The wire formats of metrics: parse, encode, negotiate.
//!
//! Exporters write with [`encode`] in the [`Format`] that [`negotiate`] found; a scraper inside the
//! same process takes the series from [`for_each_series`] without text in between. The server
//! reads with [`Parser`], which borrows everything and accepts what Prometheus accepts. Files are
//! read whole with [`parse_families`], which has the stricter rules of the original's client side, and sent as a
//! [`WriteRequest`].

mod encode;
mod escape;
mod expand;
mod families;
mod format;
mod lint;
mod negotiate;
mod number;
mod parse;
mod remote;

pub use encode::{KeptText, Sink, encode};
pub use escape::{Escaping, escape_name};
pub use expand::{WireSeries, for_each_series};
pub use families::{
    FamilyError, FamilyOptions, ParsedFamily, ParsedMetric, ParsedValue, parse_families,
};
pub use format::{Format, Protocol};
pub use lint::{Problem, lint, lint_family};
pub use negotiate::{negotiate, negotiate_text};
pub use parse::{CreatedTimes, Dialect, Error, Event, ExemplarText, Parser, Series, labels_of};
pub use remote::WriteRequest;
