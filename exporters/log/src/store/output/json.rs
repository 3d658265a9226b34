//! JSON, as Go's `encoding/json` writes mtail's structures.

use std::fmt::Write as _;

use super::super::{Datum, Metric, Series, Store};
use crate::go::{self, json};

/// `{name: [metric]}` with two spaces of indent: what `--one_shot` prints. `None` where a value is
/// not finite, which JSON has no word for.
#[must_use]
pub fn json_by_name(store: &Store) -> Option<String> {
    let mut writer = Writer::default();
    writer.open('{');
    let metrics = store.exported();
    for same in metrics.chunk_by(|a, b| a.spec.name == b.spec.name) {
        writer.key(same[0].spec.name.as_bytes());
        writer.open('[');
        for metric in same {
            writer.item();
            write_metric(&mut writer, metric)?;
        }
        writer.close(']');
    }
    writer.close('}');
    Some(writer.out)
}

/// `[metric]`: what `/json` answers.
#[must_use]
pub fn json_list(store: &Store) -> Option<String> {
    let mut writer = Writer::default();
    writer.open('[');
    for metric in store.exported() {
        writer.item();
        write_metric(&mut writer, metric)?;
    }
    writer.close(']');
    Some(writer.out)
}

#[derive(Default)]
struct Writer {
    out: String,
    depth: usize,
    /// Whether something stands before in the innermost list.
    filled: bool,
}

impl Writer {
    fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        self.depth += 1;
        self.filled = false;
    }

    fn close(&mut self, bracket: char) {
        self.depth -= 1;
        if self.filled {
            self.line();
        }
        self.out.push(bracket);
        self.filled = true;
    }

    fn line(&mut self) {
        self.out.push('\n');
        for _ in 0..self.depth {
            self.out.push_str("  ");
        }
    }

    fn item(&mut self) {
        if self.filled {
            self.out.push(',');
        }
        self.line();
        self.filled = true;
    }

    fn key(&mut self, key: &[u8]) {
        self.item();
        json::string(&mut self.out, key);
        self.out.push_str(": ");
    }

    fn text(&mut self, key: &str, value: &[u8]) {
        self.key(key.as_bytes());
        json::string(&mut self.out, value);
    }

    fn number(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key.as_bytes());
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{value}");
    }
}

fn write_metric(writer: &mut Writer, metric: &Metric) -> Option<()> {
    let spec = &metric.spec;
    writer.open('{');
    writer.text("Name", spec.name.as_bytes());
    writer.text("Program", metric.program.as_bytes());
    writer.number("Kind", spec.kind.number());
    writer.number("Type", spec.values.number());
    if spec.hidden {
        writer.number("Hidden", true);
    }
    if !spec.keys.is_empty() {
        writer.key(b"Keys");
        writer.open('[');
        for key in &spec.keys {
            writer.item();
            json::string(&mut writer.out, key.as_bytes());
        }
        writer.close(']');
    }
    if !metric.is_empty() {
        writer.key(b"LabelValues");
        writer.open('[');
        for series in metric.series() {
            writer.item();
            write_series(writer, metric, series)?;
        }
        writer.close(']');
    }
    let source = format!("{}:{}", metric.program, spec.source);
    writer.text("Source", source.as_bytes());
    if !spec.buckets.is_empty() {
        writer.key(b"Buckets");
        writer.open('[');
        for (low, high) in &spec.buckets {
            writer.item();
            writer.open('{');
            writer.text("Min", go::format_g(*low).as_bytes());
            writer.text("Max", go::format_g(*high).as_bytes());
            writer.close('}');
        }
        writer.close(']');
    }
    if spec.limit != 0 {
        writer.number("Limit", spec.limit);
    }
    writer.close('}');
    Some(())
}

fn write_series(writer: &mut Writer, metric: &Metric, series: &Series) -> Option<()> {
    writer.open('{');
    if !metric.spec.keys.is_empty() {
        writer.key(b"Labels");
        writer.open('[');
        for label in series.labels() {
            writer.item();
            json::string(&mut writer.out, label);
        }
        writer.close(']');
    }
    writer.key(b"Value");
    writer.open('{');
    match &series.datum {
        Datum::Int(value) => writer.number("Value", value),
        Datum::Float(value) => {
            writer.key(b"Value");
            json::float(&mut writer.out, *value)?;
        }
        Datum::Text(text) => writer.text("Value", text),
        Datum::Buckets(buckets) => {
            writer.key(b"Buckets");
            writer.open('{');
            let named = metric.spec.buckets.iter().map(|(_, high)| go::format_g(*high));
            let mut named: Vec<(String, u64)> = named.zip(buckets.counts.iter().copied()).collect();
            named.sort();
            for (name, count) in named {
                writer.number(&name, count);
            }
            writer.close('}');
            writer.number("Count", buckets.count);
            writer.key(b"Sum");
            json::float(&mut writer.out, buckets.sum)?;
        }
    }
    writer.number("Time", series.time_ns);
    writer.close('}');
    if series.expiry_ns != 0 {
        writer.number("Expiry", series.expiry_ns);
    }
    writer.close('}');
    Some(())
}
