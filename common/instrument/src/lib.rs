//! Counters, gauges, histograms, summaries, collectors and the registry: a client library.
//!
//! ```
//! use common_instrument::{Registry, SampleValue, Samples};
//!
//! let registry = Registry::new();
//! let requests = registry.counter_vec("http_requests_total", "Requests served.", ["code"]);
//! let in_flight = registry.gauge("http_requests_in_flight", "Requests being served.");
//! registry.gauge_fn("answer", "Asked for at each scrape.", || 42.0);
//!
//! let serving = in_flight.hold();
//! requests.with(["200"]).inc();
//! drop(serving);
//!
//! let mut samples = Samples::default(); // reused from scrape to scrape
//! let errors = registry.gather(&mut samples);
//! assert!(errors.is_empty() && samples.rejected().is_empty());
//! let names: Vec<_> = samples.families().map(|family| family.name()).collect();
//! assert_eq!(names, ["answer", "http_requests_in_flight", "http_requests_total"]);
//! let last = samples.families().last().and_then(|family| family.samples().next());
//! assert_eq!(last.map(|sample| sample.value()), Some(SampleValue::Number(1.0)));
//! ```
//!
//! A [`Collector`] measures only when asked: it pushes samples of declared [`Family`]s into
//! [`Samples`], one flat buffer. How they look on the wire is `common-exposition`'s business.

mod collector;
mod counter;
mod family;
mod gauge;
mod histogram;
mod number;
mod registry;
mod samples;
mod shared;
mod summary;
mod vec;

pub use collector::{CollectError, Collector};
pub use counter::Counter;
pub use family::Family;
pub use gauge::{Gauge, GaugeGuard};
pub use histogram::{DEFAULT_BUCKETS, Histogram, exponential_buckets, linear_buckets};
pub use registry::{GatherError, Registry, Text};
pub use samples::{Clash, FamilyView, SampleValue, SampleView, Samples};
pub use shared::{Keep, SharedFamily, SharedSample};
pub use summary::{SUMMARY_WINDOW, Summary};
pub use vec::{Child, CounterVec, GaugeVec, HistogramVec, MetricVec, SERIES_MAX, SummaryVec};
