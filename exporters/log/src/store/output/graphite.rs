//! Graphite's plain text.

use std::fmt::Write as _;

use super::super::{Datum, Metric, Series, Store};
use super::{seconds, value_text};
use crate::go;

/// The store as lines `prefix program.name.label.value number time`.
#[must_use]
pub fn graphite(store: &Store, prefix: &str) -> String {
    let mut out = String::new();
    for metric in store.exported() {
        for series in metric.series() {
            write_series(&mut out, metric, series, prefix);
        }
    }
    out
}

fn write_series(out: &mut String, metric: &Metric, series: &Series, prefix: &str) {
    let path = path(metric, series);
    let time = seconds(series);
    // Writing to a string cannot fail.
    if let Datum::Buckets(buckets) = &series.datum {
        for ((_, high), count) in metric.spec.buckets.iter().zip(&buckets.counts) {
            let bin = go::format_g(*high);
            let _ = writeln!(out, "{prefix}{path}.bin_{bin} {count} {time}");
        }
        let _ = writeln!(out, "{prefix}{path}.count {} {time}", buckets.count);
    }
    let _ = write!(out, "{prefix}{path} ");
    value_text(series, out);
    let _ = writeln!(out, " {time}");
}

/// `program.name.label.value`, where dots of the parts become underscores.
fn path(metric: &Metric, series: &Series) -> String {
    let part = |text: &str| text.replace(['.', ' '], "_");
    let named = metric.spec.keys.iter().zip(series.labels());
    let mut labels: Vec<String> = named
        .map(|(key, value)| format!(".{}.{}", part(key), part(&String::from_utf8_lossy(value))))
        .collect();
    labels.sort();
    format!("{}.{}{}", metric.program, metric.spec.name, labels.concat())
}
