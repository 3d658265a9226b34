//! Instructions that read and change metrics, and the reading of times.

use super::{Code, Moment, Op, Place, Run, RuntimeError, Span, Thread, TimeOptions, Value};
use super::{operate, unexpected};
use crate::go::time::{Layout, parse, resolve, year_at};
use crate::store::{Datum, Labels, Refused, Series};
use crate::vm::fuse::Label;
use jiff::tz::TimeZone;

impl Thread<'_> {
    pub(super) fn metric_operation(&mut self, op: Op) -> Run<()> {
        match op {
            Op::Load { metric, keys } => {
                self.pop_labels(keys)?;
                let (metric, slot) = self.load(metric)?;
                self.push(Value::Datum { metric, slot });
            }
            Op::Delete { metric, keys } => {
                self.pop_labels(keys)?;
                let metric = self.metrics[metric as usize];
                self.store.metric_mut(metric).remove(&self.key.bytes);
            }
            Op::Expire { metric, keys, after_ns } => {
                self.pop_labels(keys)?;
                let metric = self.store.metric_mut(self.metrics[metric as usize]);
                let slot = metric.find(&self.key.bytes).ok_or(RuntimeError::NoDatum)?;
                let series = metric.get_mut(slot).ok_or(RuntimeError::NoDatum)?;
                series.expiry_ns = after_ns;
            }
            Op::GetInt => {
                let (metric, slot) = self.pop_datum()?;
                let value = self.datum_int(metric, slot)?;
                self.push(Value::Int64(value));
            }
            Op::GetFloat => {
                let (metric, slot) = self.pop_datum()?;
                let value = self.datum_float(metric, slot)?;
                self.push(Value::Float(value));
            }
            Op::GetText => {
                let (metric, slot) = self.pop_datum()?;
                let value = self.datum_text(metric, slot)?;
                self.push(Value::Text(value));
            }
            Op::Increase { popped } => {
                let delta = if popped { self.pop_int()? } else { 1 };
                let (metric, slot) = self.pop_datum()?;
                self.increase(metric, slot, delta)?;
            }
            Op::Decrease => {
                let (metric, slot) = self.pop_datum()?;
                self.increase(metric, slot, -1)?;
            }
            _ => self.set(op)?,
        }
        Ok(())
    }

    fn pop_labels(&mut self, keys: u32) -> Run<()> {
        self.key.bytes.clear();
        self.key.from = None;
        let first = self.stack.len().checked_sub(keys as usize).ok_or(RuntimeError::Stack)?;
        for index in first..self.stack.len() {
            let value = self.stack[index];
            let label = self.text_of(value)?;
            Labels::push(&mut self.key.bytes, self.texts.bytes(label));
        }
        self.stack.truncate(first);
        self.key.hash = self.store.hash(&self.key.bytes);
        Ok(())
    }

    /// The datum of a metric with a list of labels, which is added if there is none.
    pub(super) fn datum_with(&mut self, code: &Code, metric: u32, list: u32) -> Run<(u32, u32)> {
        // Metrics of one block often have the same labels.
        let from = Some((list, *self.generation));
        if self.key.from != from {
            self.read_labels(code.labels.get(list as usize).map_or(&[], |list| list))?;
            self.key.from = from;
        }
        self.load(metric)
    }

    fn read_labels(&mut self, labels: &[Label]) -> Run<()> {
        self.key.from = None;
        self.key.bytes.clear();
        for label in labels {
            let text = match *label {
                Label::Text(number) => self.texts.span(Place::Constant(number)),
                Label::Group { pattern, group } => self.text_of_group(pattern, group)?,
                Label::GroupInt { pattern, group } => {
                    let text = self.text_of_group(pattern, group)?;
                    let bytes = self.texts.bytes(text);
                    if operate::is_as_printed(bytes) {
                        text
                    } else {
                        let value = operate::parse_int(bytes, 10)?;
                        self.texts.make_from(&value.to_string())?
                    }
                }
            };
            let (whole, part) = self.texts.part_of(text);
            Labels::push_part(&mut self.key.bytes, whole, part);
        }
        self.key.hash = self.store.hash(&self.key.bytes);
        Ok(())
    }

    /// The datum of a metric with the labels that were read last.
    fn load(&mut self, metric: u32) -> Run<(u32, u32)> {
        let number = self.metrics[metric as usize];
        let metric = self.store.metric_mut(number);
        match metric.find_or_add_hashed(&self.key.bytes, self.key.hash, self.now_ns) {
            Ok(slot) => Ok((number, slot)),
            Err(Refused) => Err(RuntimeError::SeriesLimit(metric.spec.name.clone())),
        }
    }

    fn pop_datum(&mut self) -> Run<(u32, u32)> {
        match self.pop()? {
            Value::Datum { metric, slot } => Ok((metric, slot)),
            other => Err(unexpected("datum", other)),
        }
    }

    pub(super) fn increase(&mut self, metric: u32, slot: u32, delta: i64) -> Run<()> {
        let time = self.stamp();
        let series = self.series(metric, slot)?;
        let Datum::Int(value) = &mut series.datum else {
            return Err(RuntimeError::Datum("an Int"));
        };
        *value = value.wrapping_add(delta);
        let value = *value;
        series.time_ns = time;
        self.push(Value::Int64(value));
        Ok(())
    }

    fn set(&mut self, op: Op) -> Run<()> {
        let time = self.stamp();
        match op {
            Op::SetInt => {
                let value = self.pop_int()?;
                let (metric, slot) = self.pop_datum()?;
                let series = self.series(metric, slot)?;
                match &mut series.datum {
                    Datum::Int(held) => *held = value,
                    #[expect(clippy::cast_precision_loss, reason = "as in the language")]
                    Datum::Buckets(_) => {
                        self.store.metric_mut(metric).observe(slot, value as f64, time);
                        return Ok(());
                    }
                    _ => return Err(RuntimeError::Datum("an Int")),
                }
                series.time_ns = time;
            }
            Op::SetFloat => {
                let value = self.pop_float()?;
                let (metric, slot) = self.pop_datum()?;
                let series = self.series(metric, slot)?;
                match &mut series.datum {
                    Datum::Float(held) => *held = value,
                    Datum::Buckets(_) => {
                        self.store.metric_mut(metric).observe(slot, value, time);
                        return Ok(());
                    }
                    _ => return Err(RuntimeError::Datum("a Float")),
                }
                series.time_ns = time;
            }
            _ => {
                let value = self.pop_text()?;
                let (metric, slot) = self.pop_datum()?;
                let value: Box<[u8]> = self.texts.bytes(value).into();
                let series = self.series(metric, slot)?;
                match &mut series.datum {
                    Datum::Text(held) => *held = value,
                    _ => return Err(RuntimeError::Datum("a String")),
                }
                series.time_ns = time;
            }
        }
        Ok(())
    }

    /// The time that a value which is set now gets.
    fn stamp(&self) -> i64 {
        if self.time.is_zero() { self.now_ns } else { self.time.unix_nano() }
    }

    fn series(&mut self, metric: u32, slot: u32) -> Run<&mut Series> {
        self.store.metric_mut(metric).get_mut(slot).ok_or(RuntimeError::NoDatum)
    }

    fn datum(&self, metric: u32, slot: u32) -> Run<&Datum> {
        let series = self.store.metric(metric).get(slot).ok_or(RuntimeError::NoDatum)?;
        Ok(&series.datum)
    }

    pub(super) fn datum_int(&self, metric: u32, slot: u32) -> Run<i64> {
        match self.datum(metric, slot)? {
            Datum::Int(value) => Ok(*value),
            _ => Err(RuntimeError::Datum("an Int")),
        }
    }

    pub(super) fn datum_float(&self, metric: u32, slot: u32) -> Run<f64> {
        match self.datum(metric, slot)? {
            Datum::Float(value) => Ok(*value),
            _ => Err(RuntimeError::Datum("a Float")),
        }
    }

    pub(super) fn datum_text(&mut self, metric: u32, slot: u32) -> Run<Span> {
        let series = self.store.metric(metric).get(slot).ok_or(RuntimeError::NoDatum)?;
        match &series.datum {
            Datum::Text(text) => self.texts.make(|out| out.extend_from_slice(text)),
            _ => Err(RuntimeError::Datum("a String")),
        }
    }
}

impl TimeOptions {
    /// The moment that a text means; `None` where it is not in the layout.
    pub(super) fn parse(&self, layout: &Layout, text: &[u8], now_ns: i64) -> Option<Moment> {
        let utc = TimeZone::UTC;
        let zone = self.zone.as_ref().unwrap_or(&utc);
        let parsed = parse(layout, text, zone).ok()?;
        if parsed.civil.year != 0 || !self.use_current_year {
            return Some(parsed.moment);
        }
        let here = self.zone.as_ref().unwrap_or(&self.local);
        let mut civil = parsed.civil;
        civil.year = year_at(here, now_ns.div_euclid(1_000_000_000));
        let local = civil.seconds();
        let seconds = match parsed.offset {
            Some(offset) => local - offset,
            None => resolve(local, zone),
        };
        Some(Moment { seconds, nanoseconds: parsed.moment.nanoseconds })
    }
}
