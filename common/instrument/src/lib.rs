//! Counters, gauges, histograms, summaries, collectors and the registry: a client library.
//!
//! A [`Collector`] pushes samples of declared [`Family`]s into [`Samples`], one flat buffer that is
//! reused from scrape to scrape. How they look on the wire is `common-exposition`'s business.

mod collector;
mod family;
mod samples;

pub use collector::{CollectError, Collector};
pub use family::Family;
pub use samples::{FamilyView, SampleValue, SampleView, Samples};
