//! `/varz`: one line for each value.

use std::fmt::Write as _;

use super::super::Store;
use super::value_text;

/// The store as lines `name{label=value,...,prog=program,instance=host} value`.
#[must_use]
pub fn varz(store: &Store, host: &str, program_label: bool) -> String {
    let mut out = String::new();
    for metric in store.exported() {
        for series in metric.series() {
            let named = metric.spec.keys.iter().zip(series.labels());
            let mut labels: Vec<String> = named
                .map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(value)))
                .collect();
            labels.sort();
            if program_label {
                labels.push(format!("prog={}", metric.program));
            }
            labels.push(format!("instance={host}"));
            // Writing to a string cannot fail.
            let _ = write!(out, "{}{{{}}} ", metric.spec.name, labels.join(","));
            value_text(series, &mut out);
            out.push('\n');
        }
    }
    out
}
