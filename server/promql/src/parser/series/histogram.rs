//! Histograms of series descriptions: `{{schema:1 count:3 buckets:[1 2] offset:-1}}`.

use common_model::{CounterReset, FloatHistogram, Span};

use super::items::Scanner;
use crate::lexer::go_quote;
use crate::parser::ParseErrors;

const CONTEXT: &str = "histogram description";
const A_KEY: &str = "histogram description key, e.g. buckets:[5 10 7]";

/// The keys, in the spelling messages use.
const KEYS: &[&str] = &[
    "schema",
    "sum",
    "count",
    "z_bucket",
    "z_bucket_w",
    "custom_values",
    "buckets",
    "offset",
    "n_buckets",
    "n_offset",
    "counter_reset_hint",
];

/// What was read so far; spans are made at the end.
#[derive(Default)]
struct Parts {
    histogram: FloatHistogram,
    offset: i32,
    negative_offset: i32,
    seen: Vec<&'static str>,
}

impl Scanner<'_> {
    /// A histogram, and whether its reset hint was written.
    pub(super) fn histogram(&mut self) -> Result<(FloatHistogram, bool), ParseErrors> {
        self.eat("{{");
        let mut parts = Parts::default();
        let padded = self.eat_spaces();
        if !self.eat("}}") {
            if padded {
                return Err(self.unexpected(CONTEXT, "\"}}\""));
            }
            loop {
                self.field(&mut parts)?;
                let space = self.eat_spaces();
                if self.eat("}}") {
                    break;
                }
                if !space {
                    return Err(self.unexpected(CONTEXT, A_KEY));
                }
            }
        }
        let hint_is_set = parts.seen.contains(&"counter_reset_hint");
        let mut histogram = parts.histogram;
        histogram.positive_spans = spans(parts.offset, histogram.positive_buckets.len());
        histogram.negative_spans = spans(parts.negative_offset, histogram.negative_buckets.len());
        Ok((histogram, hint_is_set))
    }

    fn field(&mut self, parts: &mut Parts) -> Result<(), ParseErrors> {
        let start = self.at;
        let word = self.take_while(|c| c.is_ascii_alphabetic() || c == '_');
        if word.is_empty() {
            return Err(self.unexpected(CONTEXT, A_KEY));
        }
        let Some(key) = KEYS.iter().find(|key| key.eq_ignore_ascii_case(word)) else {
            let word = go_quote(word);
            return Err(self.complain(start, format!("bad histogram descriptor found: {word}")));
        };
        if !self.eat(":") {
            let message = "missing `:` for histogram descriptor";
            return Err(self.complain(start, message.to_owned()));
        }
        if parts.seen.contains(key) {
            return Err(self.complain(start, format!("duplicate key \"{key}\" in histogram")));
        }
        parts.seen.push(key);
        let histogram = &mut parts.histogram;
        match *key {
            "schema" => histogram.schema = self.integer()?,
            "offset" => parts.offset = self.integer()?,
            "n_offset" => parts.negative_offset = self.integer()?,
            "sum" => histogram.sum = self.signed_number()?,
            "count" => histogram.count = self.signed_number()?,
            "z_bucket" => histogram.zero_count = self.signed_number()?,
            "z_bucket_w" => histogram.zero_threshold = self.signed_number()?,
            "custom_values" => histogram.custom_values = self.numbers()?,
            "buckets" => histogram.positive_buckets = self.numbers()?,
            "n_buckets" => histogram.negative_buckets = self.numbers()?,
            _ => histogram.counter_reset = self.reset_hint()?,
        }
        Ok(())
    }

    fn integer(&mut self) -> Result<i32, ParseErrors> {
        let start = self.at;
        let text = self.take_while(|c| c == '-' || c.is_ascii_digit());
        text.parse().map_err(|_| {
            let text = go_quote(text);
            self.complain(start, format!("expected an integer in {CONTEXT}, got {text}"))
        })
    }

    /// `[1 2.5 Inf]`, at least one.
    fn numbers(&mut self) -> Result<Vec<f64>, ParseErrors> {
        if !self.eat("[") {
            return Err(self.unexpected(CONTEXT, "\"[\""));
        }
        let mut numbers = Vec::new();
        loop {
            numbers.push(self.signed_number()?);
            let space = self.eat_spaces();
            if self.eat("]") {
                return Ok(numbers);
            }
            if !space {
                return Err(self.unexpected(CONTEXT, "\"]\""));
            }
        }
    }

    fn reset_hint(&mut self) -> Result<CounterReset, ParseErrors> {
        let start = self.at;
        let word = self.take_while(|c| c.is_ascii_alphabetic() || c == '_');
        match word.to_ascii_lowercase().as_str() {
            "unknown" => Ok(CounterReset::Unknown),
            "reset" => Ok(CounterReset::Reset),
            "not_reset" => Ok(CounterReset::NotReset),
            "gauge" => Ok(CounterReset::Gauge),
            _ => {
                let word = go_quote(word);
                Err(self.complain(start, format!("bad histogram descriptor found: {word}")))
            }
        }
    }
}

fn spans(offset: i32, count: usize) -> Vec<Span> {
    match u32::try_from(count) {
        Ok(length) if length > 0 => vec![Span { offset, length }],
        _ => Vec::new(),
    }
}
