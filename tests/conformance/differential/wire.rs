//! Series as messages of remote write 1.0: protobuf in a snappy block, nothing compressed.

use common_model::{CounterReset, FloatHistogram, Labels, Span};

use super::data::{Point, Series};

/// How much time one message covers. Samples must not be older than half a block when they come.
const SLICE_MS: i64 = 10 * 60 * 1000;

/// Bytes of one literal of a block.
const LITERAL_BYTES_MAX: usize = 65_536;

/// The messages that carry all samples, in order of time.
pub(super) fn messages(all: &[Series]) -> Vec<Vec<u8>> {
    let times = || all.iter().flat_map(|series| series.points.iter().map(|(time, _)| *time));
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Vec::new() };
    let mut messages = Vec::new();
    for from in (first..=last).step_by(SLICE_MS as usize) {
        let mut message = Vec::new();
        for series in all {
            let inside = |(time, _): &&(i64, Point)| (from..from + SLICE_MS).contains(time);
            let points: Vec<_> = series.points.iter().filter(inside).collect();
            if !points.is_empty() {
                field(&mut message, 1, &time_series(&series.labels, &points));
            }
        }
        messages.push(snappy(&message));
    }
    messages
}

fn time_series(labels: &Labels, points: &[&(i64, Point)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        field(&mut label, 1, name.as_bytes());
        field(&mut label, 2, value.as_bytes());
        field(&mut out, 1, &label);
    }
    for (time, point) in points {
        match point {
            Point::Float(value) => {
                let mut sample = Vec::new();
                double(&mut sample, 1, *value);
                number(&mut sample, 2, *time as u64);
                field(&mut out, 2, &sample);
            }
            Point::Histogram(histogram, whole) => {
                field(&mut out, 4, &native(histogram, *whole, *time));
            }
        }
    }
    out
}

fn native(histogram: &FloatHistogram, whole: bool, time: i64) -> Vec<u8> {
    let mut out = Vec::new();
    if whole {
        number(&mut out, 1, histogram.count as u64);
    } else {
        double(&mut out, 2, histogram.count);
    }
    double(&mut out, 3, histogram.sum);
    number(&mut out, 4, zigzag(i64::from(histogram.schema)));
    double(&mut out, 5, histogram.zero_threshold);
    if whole {
        number(&mut out, 6, histogram.zero_count as u64);
    } else {
        double(&mut out, 7, histogram.zero_count);
    }
    buckets(&mut out, 8, &histogram.negative_spans, &histogram.negative_buckets, whole);
    buckets(&mut out, 11, &histogram.positive_spans, &histogram.positive_buckets, whole);
    number(
        &mut out,
        14,
        match histogram.counter_reset {
            CounterReset::Unknown => 0,
            CounterReset::Reset => 1,
            CounterReset::NotReset => 2,
            CounterReset::Gauge => 3,
        },
    );
    number(&mut out, 15, time as u64);
    field(&mut out, 16, &doubles(&histogram.custom_values));
    out
}

/// Spans under a number, whole counts as differences under the next, others under the one after.
fn buckets(out: &mut Vec<u8>, first: u64, spans: &[Span], counts: &[f64], whole: bool) {
    for span in spans {
        let mut message = Vec::new();
        number(&mut message, 1, zigzag(i64::from(span.offset)));
        number(&mut message, 2, u64::from(span.length));
        field(out, first, &message);
    }
    if whole {
        let mut deltas = Vec::new();
        let mut before = 0;
        for count in counts {
            varint(&mut deltas, zigzag(*count as i64 - before));
            before = *count as i64;
        }
        field(out, first + 1, &deltas);
    } else {
        field(out, first + 2, &doubles(counts));
    }
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn number(out: &mut Vec<u8>, tag: u64, value: u64) {
    varint(out, tag << 3);
    varint(out, value);
}

fn double(out: &mut Vec<u8>, tag: u64, value: f64) {
    varint(out, tag << 3 | 1);
    out.extend(value.to_le_bytes());
}

fn field(out: &mut Vec<u8>, tag: u64, bytes: &[u8]) {
    varint(out, tag << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, bytes.len() as u64);
    for literal in bytes.chunks(LITERAL_BYTES_MAX) {
        // A literal whose length, less one, stands in the two bytes that follow.
        out.push(61 << 2);
        out.extend(((literal.len() - 1) as u16).to_le_bytes());
        out.extend(literal);
    }
    out
}
