//! The wire formats of metrics: parse, encode, negotiate.
//!
//! Exporters write with [`encode`] in the [`Format`] that [`negotiate`] found; a scraper inside the
//! same process takes the series from [`for_each_series`] without text in between. The server
//! reads with [`Parser`], which borrows everything and accepts what Prometheus accepts.

mod encode;
mod escape;
mod expand;
mod format;
mod negotiate;
mod number;
mod parse;

pub use encode::encode;
pub use escape::{Escaping, escape_name};
pub use expand::{WireSeries, for_each_series};
pub use format::{Format, Protocol};
pub use negotiate::{negotiate, negotiate_text};
pub use parse::{Dialect, Error, Event, ExemplarText, Parser, Series, labels_of};
