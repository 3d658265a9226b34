//! The text formats 0.0.4 and 1.0.0.

use std::io::Write;

use common_instrument::SampleView;
use common_model::MetricType;

use super::{Head, push_escaped, push_name, push_series};
use crate::Escaping;
use crate::expand::for_each_part;
use crate::number::push_number;

pub(super) fn write_family<'a>(
    head: &Head<'_>,
    samples: impl Iterator<Item = SampleView<'a>>,
    escaping: Escaping,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"# HELP ");
    push_name(out, &head.name, head.is_plain);
    out.push(b' ');
    push_escaped(out, head.help, false);
    out.extend_from_slice(b"\n# TYPE ");
    push_name(out, &head.name, head.is_plain);
    out.push(b' ');
    out.extend_from_slice(type_name(head.kind).as_bytes());
    out.push(b'\n');
    for sample in samples {
        for_each_part(head.kind, &sample.value(), |(suffix, extra, value, _)| {
            push_series(out, (head, suffix), &sample, extra, push_number, escaping);
            out.push(b' ');
            push_number(out, value);
            if let Some(timestamp) = sample.timestamp() {
                // Writing to a Vec cannot fail.
                let _ = write!(out, " {timestamp}");
            }
            out.push(b'\n');
        });
    }
}

/// The types this format knows; the rest are numbers of unknown meaning to it.
fn type_name(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::Summary => "summary",
        _ => "untyped",
    }
}
