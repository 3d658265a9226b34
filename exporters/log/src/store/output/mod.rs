//! The store in the formats that mtail writes.

mod graphite;
mod json;
mod prometheus;
mod push;
mod varz;

pub use graphite::graphite;
pub use json::{json_by_name, json_list};
pub use prometheus::{Duplicate, PrometheusOptions, prometheus};
pub(crate) use prometheus::{escaped_name, exported_labels};
pub use push::{PushFormat, pushed};
pub use varz::varz;

use super::{Datum, Series};
use crate::go;

/// A value as `ValueString` shows it.
fn value_text(series: &Series, out: &mut String) {
    use std::fmt::Write as _;
    match &series.datum {
        // Writing to a string cannot fail.
        Datum::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Datum::Float(value) => go::write_g(out, *value),
        Datum::Text(text) => out.push_str(&String::from_utf8_lossy(text)),
        Datum::Buckets(buckets) => go::write_g(out, buckets.sum),
    }
}

/// Whether a series without labels was never touched: such a counter has the time 0.
fn seconds(series: &Series) -> i64 {
    series.time_ns / 1_000_000_000
}
