//! Series descriptions of upstream's test language: `up{job="a"} 1 2+3x4 _x2 stale {{sum:1}}`.
//!
//! `promtool test rules` and the conformance tests load their series with it.

mod histogram;
mod items;

use std::sync::Arc;

use common_model::{FloatHistogram, Labels, LabelsBuilder, METRIC_NAME};

use super::cursor::{Fail, Parser};
use super::{Options, ParseErrors};
use crate::ast::Span;
use crate::lexer::Kind;
use items::Scanner;

const CONTEXT: &str = "label set";

/// Most values one line may stand for.
pub const SERIES_VALUES_MAX: u64 = 1 << 20;

/// What one step of a series holds.
#[derive(Clone, Debug, PartialEq)]
pub enum SequenceValue {
    /// `_`: no sample.
    Omitted,
    /// A float; `stale` is the staleness marker.
    Float(f64),
    /// A native histogram.
    Histogram {
        /// The histogram.
        histogram: Arc<FloatHistogram>,
        /// Whether `counter_reset_hint` was written; else a comparison does not look at it.
        hint_is_set: bool,
    },
}

/// A series and its values, one for each step.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesDescription {
    /// Name and labels.
    pub labels: Labels,
    /// Whether the line ends its labels with `@st`: its values are not samples but start times,
    /// in seconds relative to the sample, and may be written as durations.
    pub start_times: bool,
    /// The values, repetitions written out.
    pub values: Vec<SequenceValue>,
}

/// How `{{...}}+{{...}}x3` adds, or for `false` subtracts; an error is told as it stands.
pub type Combine<'c> =
    &'c dyn Fn(&FloatHistogram, &FloatHistogram, bool) -> Result<FloatHistogram, String>;

/// Parses a series with its values. Arithmetic on histograms is the evaluator's, and comes in as
/// `combine`.
///
/// # Errors
/// The first complaint about the line.
pub fn parse_series_description_with(
    line: &str,
    combine: Combine<'_>,
) -> Result<SeriesDescription, ParseErrors> {
    let (labels, values_at) = metric(line)?;
    let mut scanner = Scanner::new(line, values_at, combine);
    let (start_times, values) = scanner.sequence()?;
    Ok(SeriesDescription { labels, start_times, values })
}

/// Parses a metric without values: `up{job="a"}`.
///
/// # Errors
/// As [`super::parse`].
pub fn parse_metric(text: &str) -> Result<Labels, ParseErrors> {
    let (labels, end) = metric(text)?;
    let rest = &text[end..];
    if rest.trim().is_empty() {
        return Ok(labels);
    }
    let start = end + (rest.len() - rest.trim_start().len());
    let message = format!("unexpected {} after the metric", crate::lexer::go_quote(rest.trim()));
    Err(complaint(text, start, text.len(), message))
}

/// Labels at the start of the text, and where they end.
fn metric(text: &str) -> Result<(Labels, usize), ParseErrors> {
    let options = Options::default();
    let mut parser = Parser::new(text, &options)?;
    match metric_of(&mut parser) {
        Ok(labels) => {
            let end = parser.last_end() as usize;
            parser.finish((labels, end))
        }
        Err(fail) => Err(parser.give_up(fail)),
    }
}

/// Reads nothing beyond the metric: what follows is no query text.
fn metric_of(parser: &mut Parser<'_>) -> Result<Labels, Fail> {
    let mut labels = LabelsBuilder::default();
    let token = parser.peek();
    let mut has_braces = token.kind == Kind::LeftBrace;
    if token.kind.can_name_a_metric() {
        parser.bump();
        labels.set(METRIC_NAME, parser.text_of(token));
        has_braces = parser.text[token.end as usize..].starts_with('{');
    } else if !has_braces {
        return Err(Fail::Unexpected);
    }
    if has_braces {
        parser.expect(Kind::LeftBrace)?;
        label_set(parser, &mut labels)?;
    }
    Ok(labels.build())
}

fn label_set(parser: &mut Parser<'_>, labels: &mut LabelsBuilder) -> Result<(), Fail> {
    if parser.eat(Kind::RightBrace) {
        return Ok(());
    }
    loop {
        label(parser, labels)?;
        let comma = parser.eat(Kind::Comma);
        if parser.eat(Kind::RightBrace) {
            return Ok(());
        }
        if !comma {
            return Err(parser.unexpected(CONTEXT, "\",\" or \"}\""));
        }
    }
}

fn label(parser: &mut Parser<'_>, labels: &mut LabelsBuilder) -> Result<(), Fail> {
    let token = parser.peek();
    let name = match token.kind {
        Kind::Identifier => {
            parser.bump();
            parser.text_of(token).to_owned()
        }
        Kind::String => {
            parser.bump();
            parser.unquoted_lossy(token)
        }
        _ => return Err(parser.unexpected(CONTEXT, "identifier or \"}\"")),
    };
    if !parser.eat(Kind::Assign) {
        if token.kind == Kind::String {
            labels.set(METRIC_NAME, &name);
            return Ok(());
        }
        return Err(parser.unexpected(CONTEXT, "\"=\""));
    }
    let value = parser.peek();
    if value.kind != Kind::String {
        return Err(parser.unexpected(CONTEXT, "string"));
    }
    parser.bump();
    let value = parser.unquoted_lossy(value);
    labels.set(&name, &value);
    Ok(())
}

/// One complaint about a part of the text.
fn complaint(text: &str, start: usize, end: usize, message: String) -> ParseErrors {
    // Lines longer than 4 GiB were refused before.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let span = Span { start: offset(start), end: offset(end) };
    let position = span.position(text);
    ParseErrors(vec![super::ParseError { span, position, message }])
}
