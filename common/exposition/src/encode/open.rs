//! OpenMetrics 1.0 and 0.0.1, which differ only in name.

use common_instrument::SampleView;
use common_model::MetricType;

use super::{Head, push_escaped, push_name, push_series};
use crate::Escaping;
use crate::expand::for_each_part;
use crate::number::{push_open_count, push_open_float};

pub(super) fn write_family<'a>(
    head: &Head<'_>,
    samples: impl Iterator<Item = SampleView<'a>>,
    escaping: Escaping,
    out: &mut Vec<u8>,
) {
    let (family, kind) = family_name(&head.name, head.kind);
    out.extend_from_slice(b"# HELP ");
    push_name(out, family, head.is_plain);
    out.push(b' ');
    push_escaped(out, head.help, true);
    out.extend_from_slice(b"\n# TYPE ");
    push_name(out, family, head.is_plain);
    out.push(b' ');
    out.extend_from_slice(kind.as_str().as_bytes());
    out.push(b'\n');
    for sample in samples {
        for_each_part(head.kind, &sample.value(), |(suffix, extra, value, is_count)| {
            push_series(out, (head, suffix), &sample, extra, push_open_float, escaping);
            out.push(b' ');
            if is_count {
                push_open_count(out, value);
            } else {
                push_open_float(out, value);
            }
            if let Some(timestamp) = sample.timestamp() {
                out.push(b' ');
                push_open_float(out, timestamp as f64 / 1000.0);
            }
            out.push(b'\n');
        });
    }
}

/// OpenMetrics names a counter's family without `_total`, and has no counter that lacks it.
fn family_name(name: &str, kind: MetricType) -> (&str, MetricType) {
    match kind {
        MetricType::Counter => match name.strip_suffix("_total") {
            Some(family) => (family, kind),
            None => (name, MetricType::Unknown),
        },
        MetricType::Info => match name.strip_suffix("_info") {
            Some(family) => (family, kind),
            None => (name, MetricType::Unknown),
        },
        _ => (name, kind),
    }
}
