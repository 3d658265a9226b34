//! The series of a scrape as a server stores them, without text in between.

use common_instrument::{SampleValue, SampleView, Samples};
use common_model::{Labels, METRIC_NAME, MetricType, TimestampMs};

use crate::number::push_open_float;

/// One line of an exposition: histograms and summaries are taken apart.
#[derive(Clone, Copy, Debug)]
pub struct WireSeries<'a> {
    /// Full name, suffix included.
    pub name: &'a str,
    /// Type of the family.
    pub kind: MetricType,
    /// Sample value.
    pub value: f64,
    /// The sample's own timestamp, where it has one.
    pub timestamp: Option<TimestampMs>,
    sample: SampleView<'a>,
    extra: Option<(&'static str, &'a str)>,
}

impl<'a> WireSeries<'a> {
    /// Names and values of the labels in order of the names, without the metric's name; `le` and
    /// `quantile` in the form the server stores (`1.0`, not `1`). Empty values are there.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut extra = self.extra;
        let mut own = self.sample.labels().peekable();
        std::iter::from_fn(move || match (own.peek(), extra) {
            (Some((name, _)), Some((special, value))) if special <= *name => {
                // A label of the same name gives way, as it does when both stand in one line.
                if *name == special {
                    own.next();
                }
                extra = None;
                Some((special, value))
            }
            (None, Some(_)) => extra.take(),
            _ => own.next(),
        })
    }

    /// The whole label set, name included.
    #[must_use]
    pub fn to_labels(&self) -> Labels {
        Labels::from_pairs(std::iter::once((METRIC_NAME, self.name)).chain(self.labels()))
    }
}

/// One number of a sample: suffix of the name, `le` or `quantile` with its bound, value, whether
/// it is a count.
pub(crate) type Part = (&'static str, Option<(&'static str, f64)>, f64, bool);

/// Takes a sample apart, in the order in which the formats write it.
pub(crate) fn for_each_part(kind: MetricType, value: &SampleValue<'_>, mut each: impl FnMut(Part)) {
    let (sum_suffix, count_suffix) = match kind {
        MetricType::GaugeHistogram => ("_gsum", "_gcount"),
        _ => ("_sum", "_count"),
    };
    match *value {
        SampleValue::Number(number) => each(("", None, number, false)),
        SampleValue::Histogram { buckets, sum, count } => {
            for &(bound, seen) in buckets {
                each(("_bucket", Some(("le", bound)), seen, true));
            }
            if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
                each(("_bucket", Some(("le", f64::INFINITY)), count, true));
            }
            each((sum_suffix, None, sum, false));
            each((count_suffix, None, count, true));
        }
        SampleValue::Summary { quantiles, sum, count } => {
            for &(quantile, value) in quantiles {
                each(("", Some(("quantile", quantile)), value, false));
            }
            each((sum_suffix, None, sum, false));
            each((count_suffix, None, count, true));
        }
    }
}

/// Calls `each` with every series in the order in which the text formats write them.
pub fn for_each_series(samples: &Samples, mut each: impl FnMut(&WireSeries<'_>)) {
    let (mut name, mut bound_text) = (String::new(), Vec::new());
    for family in samples.families() {
        let kind = family.kind();
        for sample in family.samples() {
            let timestamp = sample.timestamp();
            for_each_part(kind, &sample.value(), |(suffix, extra, value, _)| {
                name.clear();
                name.push_str(family.name());
                name.push_str(suffix);
                let extra = extra.map(|(label, bound)| {
                    bound_text.clear();
                    push_open_float(&mut bound_text, bound);
                    // Numbers are written in ASCII.
                    (label, std::str::from_utf8(&bound_text).unwrap_or_default())
                });
                each(&WireSeries { name: &name, kind, value, timestamp, sample, extra });
            });
        }
    }
}
