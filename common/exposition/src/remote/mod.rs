//! What remote write sends: series with one sample each and what their families say of themselves.
//!
//! Formats: `prompb/remote.proto` (1.0) and `io/prometheus/write/v2/types.proto` (2.0) of Prometheus.

mod encode;

use std::collections::BTreeMap;

use common_model::{METRIC_NAME, MetricType, TimestampMs, format_float_fixed};

use crate::{ParsedFamily, ParsedMetric, ParsedValue};

/// A request before it is encoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteRequest {
    families: Vec<Family>,
    series: Vec<Series>,
}

#[derive(Clone, Debug, PartialEq)]
struct Family {
    name: String,
    kind: MetricType,
    help: String,
}

/// A series with its only sample.
#[derive(Clone, Debug, PartialEq)]
struct Series {
    /// Sorted by name.
    labels: Vec<(String, String)>,
    timestamp: TimestampMs,
    value: f64,
    /// Which of the families it belongs to.
    family: usize,
}

/// A metric on its way to series.
struct Metric<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
    timestamp: TimestampMs,
    family: usize,
}

impl WriteRequest {
    /// The request for a document: families sorted by name. Every series gets the `extra` labels,
    /// which its own override; a label `job` of its own becomes `exported_job`. Samples without a
    /// timestamp, or with zero, are of `now`.
    #[must_use]
    pub fn of_families(
        families: &[ParsedFamily],
        extra: &[(String, String)],
        now: TimestampMs,
    ) -> WriteRequest {
        let mut sorted: Vec<&ParsedFamily> = families.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let mut request = WriteRequest::default();
        for family in sorted {
            for metric in &family.metrics {
                let labels = extra
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .chain(metric.labels.iter().map(|(name, value)| {
                        (if name == "job" { "exported_job" } else { name }, value.as_str())
                    }))
                    .collect();
                let timestamp = metric.timestamp.filter(|time| *time != 0).unwrap_or(now);
                let at = request.families.len();
                let base = Metric { name: &family.name, labels, timestamp, family: at };
                request.add(&base, metric);
            }
            request.families.push(Family {
                name: family.name.clone(),
                kind: family.kind,
                help: family.help.clone().unwrap_or_default(),
            });
        }
        request
    }

    fn add(&mut self, base: &Metric<'_>, metric: &ParsedMetric) {
        let (sum, count) = match &metric.value {
            ParsedValue::Number(value) => return self.push(base, "", None, *value),
            ParsedValue::Histogram { buckets, sum, count } => {
                for (bound, value) in buckets {
                    self.push(base, "_bucket", Some(("le", *bound)), *value);
                }
                (*sum, *count)
            }
            ParsedValue::Summary { quantiles, sum, count } => {
                for (quantile, value) in quantiles {
                    self.push(base, "", Some(("quantile", *quantile)), *value);
                }
                (*sum, *count)
            }
        };
        self.push(base, "_sum", None, sum);
        self.push(base, "_count", None, count);
    }

    fn push(&mut self, base: &Metric<'_>, suffix: &str, part: Option<(&str, f64)>, value: f64) {
        let mut labels: BTreeMap<&str, String> =
            base.labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        // The extra labels may set another name, as upstream has it, but for the parts of a metric.
        if suffix.is_empty() {
            labels.entry(METRIC_NAME).or_insert_with(|| base.name.to_owned());
        } else {
            let name = labels.get(METRIC_NAME).map_or(base.name, String::as_str);
            let name = format!("{name}{suffix}");
            labels.insert(METRIC_NAME, name);
        }
        if let Some((name, number)) = part {
            labels.insert(name, format_float_fixed(number));
        }
        self.series.push(Series {
            labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            timestamp: base.timestamp,
            value,
            family: base.family,
        });
    }
}
