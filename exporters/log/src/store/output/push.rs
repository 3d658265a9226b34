//! What collectd, graphite and statsd are sent: one piece of text for each series.

use std::fmt::Write as _;

use super::super::{Datum, Metric, Series, Store};
use super::graphite::graphite_series;
use super::{seconds, value_text};
use crate::lang::ast::MetricKind;

/// A collector that is sent the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFormat {
    /// `PUTVAL "host/prefixmtail-program/kind-name-label-value" interval=seconds time:value`.
    Collectd,
    /// As `/graphite`.
    Graphite,
    /// `prefixprogram.name.label.value:value|type`, each in a datagram of its own.
    Statsd,
}

/// Every series of the store but texts, in this format. `interval_s` is told to collectd.
#[must_use]
pub fn pushed(
    store: &Store,
    format: PushFormat,
    host: &str,
    prefix: &str,
    interval_s: u64,
) -> Vec<String> {
    let mut all = Vec::new();
    let wanted = |metric: &&Metric| metric.spec.kind != MetricKind::Text;
    for metric in store.exported().into_iter().filter(wanted) {
        for series in metric.series() {
            all.push(match format {
                PushFormat::Collectd => collectd(metric, series, host, prefix, interval_s),
                PushFormat::Graphite => graphite_series(metric, series, prefix),
                PushFormat::Statsd => statsd(metric, series, prefix),
            });
        }
    }
    all
}

fn collectd(metric: &Metric, series: &Series, host: &str, prefix: &str, interval_s: u64) -> String {
    let kind = match metric.spec.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge | MetricKind::Timer => "gauge",
        MetricKind::Text => "text",
        MetricKind::Histogram => "histogram",
    };
    let name = name_with_labels(metric, series, '-');
    let time = seconds(series);
    let mut out = format!(
        "PUTVAL \"{host}/{prefix}mtail-{}/{kind}-{name}\" interval={interval_s} {time}:",
        metric.program
    );
    value_text(series, &mut out);
    out.push('\n');
    out
}

fn statsd(metric: &Metric, series: &Series, prefix: &str) -> String {
    // As in the original: totals as counts, and histograms without a type.
    let kind = match metric.spec.kind {
        MetricKind::Counter => "c",
        MetricKind::Gauge => "g",
        MetricKind::Timer => "ms",
        MetricKind::Text | MetricKind::Histogram => "",
    };
    let name = name_with_labels(metric, series, '.');
    let mut out = format!("{prefix}{}.{name}:", metric.program);
    match &series.datum {
        Datum::Text(_) => {}
        _ => value_text(series, &mut out),
    }
    // Writing to a string cannot fail.
    let _ = write!(out, "|{kind}");
    out
}

/// `name`, then every label and its value, sorted; what stands in them as the separator becomes `_`.
pub(super) fn name_with_labels(metric: &Metric, series: &Series, separator: char) -> String {
    let part = |text: &str| text.replace(separator, "_");
    let named = metric.spec.keys.iter().zip(series.labels());
    let mut labels: Vec<String> = named
        .map(|(key, value)| {
            let value = part(&String::from_utf8_lossy(value));
            format!("{separator}{}{separator}{value}", part(key))
        })
        .collect();
    labels.sort();
    format!("{}{}", metric.spec.name, labels.concat())
}
