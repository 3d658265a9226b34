//! The two protobuf messages of remote write. Fields with their default value are left out.

use std::collections::HashMap;

use common_model::MetricType;

use super::{Series, WriteRequest};

/// How a field's value is laid out.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

impl WriteRequest {
    /// `prometheus.WriteRequest` of remote write 1.0, not compressed.
    #[must_use]
    pub fn encode_v1(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let (mut series, mut inner) = (Vec::new(), Vec::new());
        for one in &self.series {
            series.clear();
            for (name, value) in &one.labels {
                inner.clear();
                text(&mut inner, 1, name);
                text(&mut inner, 2, value);
                bytes(&mut series, 1, &inner);
            }
            sample(&mut series, &mut inner, one);
            bytes(&mut out, 1, &series);
        }
        for family in &self.families {
            inner.clear();
            number(&mut inner, 1, kind(family.kind));
            text(&mut inner, 2, &family.name);
            text(&mut inner, 4, &family.help);
            bytes(&mut out, 3, &inner);
        }
        out
    }

    /// `io.prometheus.write.v2.Request` of remote write 2.0, not compressed.
    #[must_use]
    pub fn encode_v2(&self) -> Vec<u8> {
        let mut symbols = Symbols::default();
        let mut all = Vec::new();
        let (mut series, mut inner) = (Vec::new(), Vec::new());
        // The first symbol is the empty text.
        symbols.number("");
        for one in &self.series {
            series.clear();
            inner.clear();
            for (name, value) in &one.labels {
                varint(&mut inner, symbols.number(name));
                varint(&mut inner, symbols.number(value));
            }
            bytes(&mut series, 1, &inner);
            sample(&mut series, &mut inner, one);
            inner.clear();
            if let Some(family) = self.families.get(one.family) {
                number(&mut inner, 1, kind(family.kind));
                number(&mut inner, 3, symbols.number(&family.help));
            }
            bytes(&mut series, 5, &inner);
            bytes(&mut all, 5, &series);
        }
        let mut out = Vec::new();
        symbols.texts.iter().for_each(|symbol| bytes(&mut out, 4, symbol.as_bytes()));
        out.extend(all);
        out
    }
}

/// Texts by number, each once.
#[derive(Default)]
struct Symbols<'a> {
    texts: Vec<&'a str>,
    numbers: HashMap<&'a str, u64>,
}

impl<'a> Symbols<'a> {
    fn number(&mut self, text: &'a str) -> u64 {
        let texts = &mut self.texts;
        *self.numbers.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() as u64 - 1
        })
    }
}

fn sample(series: &mut Vec<u8>, inner: &mut Vec<u8>, one: &Series) {
    inner.clear();
    if one.value.to_bits() != 0 {
        varint(inner, 1 << 3 | FIXED64);
        inner.extend(one.value.to_le_bytes());
    }
    number(inner, 2, one.timestamp as u64);
    bytes(series, 2, inner);
}

/// Both versions number the types alike.
fn kind(kind: MetricType) -> u64 {
    match kind {
        MetricType::Unknown => 0,
        MetricType::Counter => 1,
        MetricType::Gauge => 2,
        MetricType::Histogram => 3,
        MetricType::GaugeHistogram => 4,
        MetricType::Summary => 5,
        MetricType::Info => 6,
        MetricType::StateSet => 7,
    }
}

fn text(out: &mut Vec<u8>, field: u64, text: &str) {
    if !text.is_empty() {
        bytes(out, field, text.as_bytes());
    }
}

fn bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | BYTES);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        varint(out, field << 3 | VARINT);
        varint(out, value);
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FamilyOptions, parse_families};

    fn request() -> WriteRequest {
        let text = "# HELP a h\n# TYPE a counter\na{job=\"j\"} 1 7\n";
        let families = parse_families(text.as_bytes(), FamilyOptions::default()).unwrap();
        WriteRequest::of_families(&families, &[("job".to_owned(), "x".to_owned())], 1)
    }

    #[test]
    fn messages_are_laid_out_as_the_protocol_says() {
        let v1: &[&[u8]] = &[
            b"\x0a\x44",
            b"\x0a\x0d\x0a\x08__name__\x12\x01a",
            b"\x0a\x11\x0a\x0cexported_job\x12\x01j",
            b"\x0a\x08\x0a\x03job\x12\x01x",
            b"\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x07",
            b"\x1a\x08\x08\x01\x12\x01a\x22\x01h",
        ];
        let v1 = v1.concat();
        let mut encoded = request().encode_v1();
        // The length of the series is the sum of its parts.
        assert_eq!(encoded[1] as usize, v1.len() - 2 - 10);
        encoded[1] = v1[1];
        assert_eq!(encoded, v1);
        let v2: &[&[u8]] = &[
            b"\x22\0\x22\x08__name__\x22\x01a\x22\x0cexported_job\x22\x01j\x22\x03job\x22\x01x",
            b"\x22\x01h\x2a\x1b\x0a\x06\x01\x02\x03\x04\x05\x06",
            b"\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x07\x2a\x04\x08\x01\x18\x07",
        ];
        assert_eq!(request().encode_v2(), v2.concat());
    }

    #[test]
    fn no_metrics_are_no_bytes() {
        let request = WriteRequest::of_families(&[], &[], 1);
        assert_eq!(request.encode_v1(), b"");
        assert_eq!(request.encode_v2(), b"\x22\0");
    }
}
