//! The text format of Prometheus, as client_golang writes what mtail hands it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::{Datum, Metric, Series, Store};
use crate::go;
use crate::lang::ast::MetricKind;

/// What stands with each series.
#[derive(Clone, Copy, Debug)]
pub struct PrometheusOptions {
    /// A label with the name of the program.
    pub program_label: bool,
    /// The time at which the value was set.
    pub timestamps: bool,
    /// A metric ends at its first series that the format cannot hold (a label twice, bytes that are
    /// not UTF-8), as in mtail, instead of being mended.
    pub as_mtail: bool,
}

/// Two series would be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate(pub String);

/// One line or, for a histogram, several, without their names.
struct Row<'a> {
    labels: Vec<(String, String)>,
    metric: &'a Metric,
    series: &'a Series,
}

/// The store in the text format; series that would be there twice are left out once and named.
#[must_use]
pub fn prometheus(store: &Store, options: PrometheusOptions) -> (String, Vec<Duplicate>) {
    let mut families: BTreeMap<String, Vec<&Metric>> = BTreeMap::new();
    for metric in store.exported() {
        if metric.spec.kind != MetricKind::Text && !metric.is_empty() {
            families.entry(escaped_name(&metric.spec.name, true)).or_default().push(metric);
        }
    }
    let (mut out, mut duplicates) = (String::new(), Vec::new());
    for (name, metrics) in &families {
        write_family(&mut out, name, metrics, options, &mut duplicates);
    }
    (out, duplicates)
}

fn write_family(
    out: &mut String,
    name: &str,
    metrics: &[&Metric],
    options: PrometheusOptions,
    duplicates: &mut Vec<Duplicate>,
) {
    let first = metrics[0];
    let kind = match first.spec.kind {
        MetricKind::Counter => "counter",
        MetricKind::Histogram => "histogram",
        MetricKind::Gauge | MetricKind::Timer | MetricKind::Text => "gauge",
    };
    let mut rows: Vec<Row<'_>> = Vec::new();
    for metric in metrics {
        for series in metric.series() {
            if options.as_mtail && !is_exportable(metric, series, options) {
                break;
            }
            rows.push(Row { labels: exported_labels(metric, series, options), metric, series });
        }
    }
    // client_golang sorts by the values alone.
    let values = |row: &Row<'_>| -> Vec<String> {
        row.labels.iter().map(|(_, value)| value.clone()).collect()
    };
    rows.sort_by_cached_key(|row| (row.labels.len(), values(row)));
    let before = rows.len();
    rows.dedup_by(|a, b| a.labels == b.labels);
    if rows.len() < before {
        duplicates.push(Duplicate(name.to_owned()));
    }
    if rows.is_empty() {
        return;
    }
    let (program, source) = (&first.program, &first.spec.source);
    // Writing to a string cannot fail.
    let _ = write!(out, "# HELP {name} defined at ");
    escape_help(out, &format!("{program}:{source}"));
    let _ = writeln!(out, "\n# TYPE {name} {kind}");
    for row in rows {
        write_row(out, name, &row, options);
    }
}

/// Whether client_golang makes a metric of it.
fn is_exportable(metric: &Metric, series: &Series, options: PrometheusOptions) -> bool {
    let mut names: Vec<&str> = metric.spec.keys.iter().map(String::as_str).collect();
    if options.program_label {
        names.push("prog");
    }
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1])
        && series.labels().all(|label| std::str::from_utf8(label).is_ok())
}

fn write_row(out: &mut String, name: &str, row: &Row<'_>, options: PrometheusOptions) {
    let time = options.timestamps.then_some(row.series.time_ns.div_euclid(1_000_000));
    let mut line = |suffix: &str, le: Option<f64>, value: f64| {
        let _ = write!(out, "{name}{suffix}");
        write_labels(out, &row.labels, le);
        out.push(' ');
        go::write_g(out, value);
        if let Some(time) = time {
            let _ = write!(out, " {time}");
        }
        out.push('\n');
    };
    #[expect(clippy::cast_precision_loss, reason = "the format has floats only")]
    match &row.series.datum {
        Datum::Int(value) => line("", None, *value as f64),
        Datum::Float(value) => line("", None, *value),
        // mtail exports a text as zero where a number was declared.
        Datum::Text(_) => line("", None, 0.0),
        Datum::Buckets(buckets) => {
            let mut sum = 0;
            for ((_, high), count) in row.metric.spec.buckets.iter().zip(&buckets.counts) {
                sum += count;
                if high.is_finite() {
                    line("_bucket", Some(*high), sum as f64);
                }
            }
            line("_bucket", Some(f64::INFINITY), buckets.count as f64);
            line("_sum", None, buckets.sum);
            line("_count", None, buckets.count as f64);
        }
    }
}

/// The labels of a series as they are exported, sorted by name.
pub(crate) fn exported_labels(
    metric: &Metric,
    series: &Series,
    options: PrometheusOptions,
) -> Vec<(String, String)> {
    let named = metric.spec.keys.iter().zip(series.labels());
    let mut labels: Vec<(String, String)> = named
        .map(|(key, value)| (escaped_name(key, false), String::from_utf8_lossy(value).into_owned()))
        .collect();
    if options.program_label {
        labels.push(("prog".to_owned(), metric.program.clone()));
    }
    labels.sort();
    // Of a label that is there twice the program's stays away.
    labels.dedup_by(|a, b| a.0 == b.0);
    labels
}

fn write_labels(out: &mut String, labels: &[(String, String)], le: Option<f64>) {
    if labels.is_empty() && le.is_none() {
        return;
    }
    out.push('{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let _ = write!(out, "{name}=\"");
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                c => out.push(c),
            }
        }
        out.push('"');
    }
    if let Some(le) = le {
        if !labels.is_empty() {
            out.push(',');
        }
        out.push_str("le=\"");
        go::write_g(out, le);
        out.push('"');
    }
    out.push('}');
}

fn escape_help(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

/// A name in which everything that the format does not allow is an underscore.
pub(crate) fn escaped_name(name: &str, colons: bool) -> String {
    let valid = |index: usize, c: char| {
        c.is_ascii_alphabetic()
            || c == '_'
            || (colons && c == ':')
            || (index > 0 && c.is_ascii_digit())
    };
    let escape = |(index, c)| if valid(index, c) { c } else { '_' };
    name.chars().enumerate().map(escape).collect()
}
