//! Graphite's plain text.

use std::fmt::Write as _;

use super::super::{Datum, Metric, Series, Store};
use super::push::name_with_labels;
use super::{seconds, value_text};
use crate::go;

/// The store as lines `prefix program.name.label.value number time`.
#[must_use]
pub fn graphite(store: &Store, prefix: &str) -> String {
    let mut out = String::new();
    for metric in store.exported() {
        for series in metric.series() {
            out.push_str(&graphite_series(metric, series, prefix));
        }
    }
    out
}

/// The lines of one series.
pub(super) fn graphite_series(metric: &Metric, series: &Series, prefix: &str) -> String {
    let mut out = String::new();
    // A space would end the path: carbon refuses such lines.
    let name = name_with_labels(metric, series, '.').replace(' ', "_");
    let path = format!("{}.{name}", metric.program);
    let time = seconds(series);
    // Writing to a string cannot fail.
    if let Datum::Buckets(buckets) = &series.datum {
        for ((_, high), count) in metric.spec.buckets.iter().zip(&buckets.counts) {
            let bin = if high.is_infinite() { "inf".into() } else { go::format_g(*high) };
            let _ = writeln!(out, "{prefix}{path}.bin_{bin} {count} {time}");
        }
        let _ = writeln!(out, "{prefix}{path}.count {} {time}", buckets.count);
    }
    let _ = write!(out, "{prefix}{path} ");
    value_text(series, &mut out);
    let _ = writeln!(out, " {time}");
    out
}
