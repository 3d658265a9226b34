//! The values of a series description: `1`, `_`, `_x3`, `1+2x3`, `stale`, and histograms.

use std::sync::Arc;

use common_model::{FloatHistogram, stale_marker};

use super::{Combine, SERIES_VALUES_MAX, SequenceValue, complaint};
use crate::lexer::go_quote;
use crate::parser::ParseErrors;
use crate::parser::literal::{parse_duration_ms, parse_number, seconds};

/// Marks a line of start times.
const START_TIMES: &str = "@st";

/// Walks over the values of one line.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    combine: Combine<'a>,
    durations: bool,
    values: Vec<SequenceValue>,
}

impl<'a> Scanner<'a> {
    /// A scanner at byte `at` of the line, where the labels end.
    pub(super) fn new(text: &'a str, at: usize, combine: Combine<'a>) -> Scanner<'a> {
        Scanner { text, at, combine, durations: false, values: Vec::new() }
    }

    /// Everything up to the end of the line, and whether these are start times.
    pub(super) fn sequence(&mut self) -> Result<(bool, Vec<SequenceValue>), ParseErrors> {
        self.durations = self.eat(START_TIMES);
        while !self.rest().is_empty() {
            if !self.eat_spaces() {
                return Err(self.unexpected("series values", ""));
            }
            if !self.rest().is_empty() {
                self.item()?;
            }
        }
        Ok((self.durations, std::mem::take(&mut self.values)))
    }

    fn item(&mut self) -> Result<(), ParseErrors> {
        if self.rest().starts_with("{{") {
            return self.histogram_item();
        }
        if self.eat("_") {
            let count = if self.eat("x") { self.count()? } else { 1 };
            return self.push(count, |_| SequenceValue::Omitted);
        }
        let first = self.signed_number()?;
        let step = match self.rest().as_bytes().first() {
            Some(b'+' | b'-') => Some(self.signed_number()?),
            _ => None,
        };
        if !self.eat("x") {
            if step.is_some() {
                return Err(self.unexpected("series values", "\"x\""));
            }
            return self.push(1, |_| SequenceValue::Float(first));
        }
        let count = self.count()?.saturating_add(1);
        let mut value = first;
        self.push(count, |_| {
            let current = value;
            // Upstream adds step by step, so must the rounding.
            value += step.unwrap_or(0.0);
            SequenceValue::Float(if step.is_some() { current } else { first })
        })
    }

    fn histogram_item(&mut self) -> Result<(), ParseErrors> {
        let start = self.at;
        let (base, mut hint_is_set) = self.histogram()?;
        let mut current = Arc::new(base);
        let grows = self.rest().starts_with("+{{");
        if grows || self.rest().starts_with("-{{") {
            self.at += 1;
            let (step, step_hint) = self.histogram()?;
            hint_is_set = step_hint;
            if !self.eat("x") {
                return Err(self.unexpected("series values", "\"x\""));
            }
            let count = self.count()?;
            self.limit(count.saturating_add(1))?;
            self.values
                .push(SequenceValue::Histogram { histogram: Arc::clone(&current), hint_is_set });
            for _ in 0..count {
                let next = combined(self.combine, &current, &step, grows);
                let next = next.map_err(|message| self.complain(start, message))?;
                current = Arc::new(next);
                let histogram = Arc::clone(&current);
                self.values.push(SequenceValue::Histogram { histogram, hint_is_set });
            }
            return Ok(());
        }
        let count = if self.eat("x") { self.count()?.saturating_add(1) } else { 1 };
        self.push(count, |_| SequenceValue::Histogram {
            histogram: Arc::clone(&current),
            hint_is_set,
        })
    }

    fn limit(&self, count: u64) -> Result<(), ParseErrors> {
        if count.saturating_add(self.values.len() as u64) > SERIES_VALUES_MAX {
            let message = format!("a series description has at most {SERIES_VALUES_MAX} values");
            return Err(self.complain(self.at, message));
        }
        Ok(())
    }

    fn push(
        &mut self,
        count: u64,
        mut value: impl FnMut(u64) -> SequenceValue,
    ) -> Result<(), ParseErrors> {
        self.limit(count)?;
        self.values.extend((0..count).map(&mut value));
        Ok(())
    }

    /// How often a value is repeated.
    fn count(&mut self) -> Result<u64, ParseErrors> {
        let start = self.at;
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        text.parse().map_err(|_| {
            let text = go_quote(text);
            let message =
                format!("invalid repetition in series values: strconv.ParseUint: parsing {text}");
            self.complain(start, message + ": invalid syntax")
        })
    }

    /// A number with or without a sign, or `stale`.
    pub(super) fn signed_number(&mut self) -> Result<f64, ParseErrors> {
        let start = self.at;
        let negative = self.eat("-");
        let signed = negative || self.eat("+");
        let number_at = self.at;
        let text = self.number_text();
        if text.is_empty() {
            let word = self.take_while(|c| c.is_ascii_alphabetic() || c == '_');
            let value = match word.to_ascii_lowercase().as_str() {
                "inf" => f64::INFINITY,
                "nan" => f64::NAN,
                "stale" if word == "stale" && !signed => return Ok(stale_marker()),
                "" => return Err(self.unexpected("series values", "")),
                _ => {
                    let word = go_quote(word);
                    let message = format!(
                        "unexpected identifier {word} in series values, expected number or \"stale\""
                    );
                    return Err(self.complain(start, message));
                }
            };
            return Ok(if negative { -value } else { value });
        }
        let value = match parse_number(text) {
            Err(_) if self.durations => parse_duration_ms(text).map(seconds),
            Err(problem) => Err(format!("bad number syntax: {} ({problem})", go_quote(text))),
            Ok(value) => Ok(value),
        };
        let value = value.map_err(|message| self.complain(number_at, message))?;
        Ok(if negative { -value } else { value })
    }

    /// Digits, dots and exponents; units of durations where these may stand.
    fn number_text(&mut self) -> &'a str {
        let start = self.at;
        if !self.rest().starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return "";
        }
        loop {
            self.take_while(|c| c.is_ascii_digit() || c == '.' || c == '_');
            let bytes = self.rest().as_bytes();
            match bytes {
                [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] => self.at += 2,
                [b'e' | b'E', b'0'..=b'9', ..] => self.at += 1,
                [b's' | b'm' | b'h' | b'd' | b'w' | b'y', ..] if self.durations => self.at += 1,
                _ => return &self.text[start..self.at],
            }
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        // `at` moves over ASCII and whole characters only.
        &self.text[self.at..]
    }

    pub(super) fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    pub(super) fn eat_spaces(&mut self) -> bool {
        !self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).is_empty()
    }

    pub(super) fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn complain(&self, start: usize, message: String) -> ParseErrors {
        complaint(self.text, start, self.at.max(start), message)
    }

    pub(super) fn unexpected(&self, context: &str, expected: &str) -> ParseErrors {
        let what = match self.rest().chars().next() {
            None => "end of input".to_owned(),
            Some(c) => go_quote(c.encode_utf8(&mut [0; 4])),
        };
        let mut message = format!("unexpected {what} in {context}");
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        self.complain(self.at, message)
    }
}

fn combined(
    combine: Combine<'_>,
    current: &FloatHistogram,
    step: &FloatHistogram,
    grows: bool,
) -> Result<FloatHistogram, String> {
    if current.schema > step.schema {
        let (from, to) = (step.schema, current.schema);
        return Err(format!("error combining histograms: cannot merge from schema {from} to {to}"));
    }
    combine(current, step, grows)
}
