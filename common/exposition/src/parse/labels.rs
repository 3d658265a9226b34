//! From the raw bytes of a series to its label set: only done for series that are new.

use std::borrow::Cow;

use common_model::{Labels, METRIC_NAME, MetricType, parse_float};

use super::error::{Error, go_quote};
use super::scan::{Scan, State, Token};
use crate::number::push_open_float;

/// The labels that stand in `raw`, the bytes that [`crate::Series::raw`] gave, name included and
/// sorted. `kind` is the type the last TYPE line declared: buckets of histograms and quantiles of
/// summaries are written as Prometheus 3 stores them, `1.0` for `1`.
///
/// A label that stands twice and bytes that are no UTF-8 are errors, as Prometheus gives them when
/// it appends the sample.
pub fn labels_of(raw: &[u8], kind: MetricType) -> Result<Labels, Error> {
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(16);
    collect(raw, kind, &mut pairs)?;
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(twice) = pairs.windows(2).find(|two| two[0].0 == two[1].0) {
        let name = &twice[0].0;
        return Err(refuse(format!("label name \"{name}\" is not unique: invalid sample")));
    }
    Ok(Labels::from_sorted(
        pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| (&**n, &**v)),
    ))
}

/// What stands in the bytes of a series, escapes and all, quotes taken off.
pub(super) enum Part<'a> {
    /// The metric's name.
    Metric(&'a [u8]),
    /// Name and value of a label.
    Label(&'a [u8], &'a [u8]),
}

/// Goes through the bytes of a series part by part.
pub(super) fn each_part<'a, E>(
    raw: &'a [u8],
    mut visit: impl FnMut(Part<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut scan = Scan::new(raw, false);
    if scan.name(true) {
        visit(Part::Metric(scan.token()))?;
    }
    // The rest is known to lex, or this was never a series: then whatever is odd ends it.
    let mut name: Option<&[u8]> = None;
    let mut quoted = false;
    scan.state = State::Labels;
    while let Some(token) = next_label_token(&mut scan) {
        let bytes = scan.token();
        match token {
            Token::LabelName | Token::QuotedString => {
                quoted = token == Token::QuotedString;
                name = Some(if quoted { strip_quotes(bytes) } else { bytes });
            }
            // A quoted string without a value is the metric's name.
            Token::Comma | Token::BraceClose => {
                if let Some(name) = name.take().filter(|_| quoted) {
                    visit(Part::Metric(name))?;
                }
            }
            Token::LabelValue => {
                let Some(name) = name.take() else { continue };
                visit(Part::Label(name, strip_quotes(bytes)))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The label of which a series of this type has many, for one thing that is counted.
pub(super) fn special(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Histogram => "le",
        MetricType::Summary => "quantile",
        _ => "",
    }
}

fn collect<'a>(
    raw: &'a [u8],
    kind: MetricType,
    pairs: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
) -> Result<(), Error> {
    let special = special(kind);
    each_part(raw, |part| {
        let (name, value) = match part {
            Part::Metric(name) => (Cow::Borrowed(METRIC_NAME), text(name)?),
            Part::Label(name, value) => (text(name)?, text(value)?),
        };
        let value = if name == special { normalized(value) } else { value };
        pairs.push((name, value));
        Ok(())
    })
}

fn next_label_token(scan: &mut Scan<'_>) -> Option<Token> {
    scan.start = scan.at;
    if scan.at >= scan.bytes.len() {
        return None;
    }
    let token = match scan.peek() {
        b'{' | b' ' | b'\t' => scan.one(Token::Whitespace),
        b'}' => scan.one(Token::BraceClose),
        b',' => scan.one(Token::Comma),
        b'=' => {
            scan.state = State::LabelValue;
            return Some(scan.one(Token::Equal));
        }
        b'"' if scan.quoted(false, false) => {
            if scan.state == State::LabelValue {
                Token::LabelValue
            } else {
                Token::QuotedString
            }
        }
        _ if scan.name(false) => Token::LabelName,
        _ => return None,
    };
    if token != Token::Whitespace {
        scan.state = State::Labels;
    }
    Some(token)
}

fn strip_quotes(bytes: &[u8]) -> &[u8] {
    bytes.get(1..bytes.len().saturating_sub(1)).unwrap_or_default()
}

/// `le="1"` and `le="1.0"` are one series: the server keeps the latter.
fn normalized(value: Cow<'_, str>) -> Cow<'_, str> {
    let Some(number) = parse_float(&value) else { return value };
    let mut text = Vec::with_capacity(24);
    push_open_float(&mut text, number);
    // Numbers are written in ASCII.
    String::from_utf8(text).map_or(value, Cow::Owned)
}

fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(unescape(text)),
        Err(_) => Err(refuse(format!("invalid UTF-8 in {}", go_quote(bytes)))),
    }
}

/// `\"`, `\\` and `\n` are escapes, any other backslash stands for itself.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    replace(text, |c| match c {
        '"' => Some('"'),
        '\\' => Some('\\'),
        'n' => Some('\n'),
        _ => None,
    })
}

/// Help texts in the text format: `\\` and `\n`.
pub(super) fn unescape_help(text: &str) -> Cow<'_, str> {
    replace(text, |c| match c {
        '\\' => Some('\\'),
        'n' => Some('\n'),
        _ => None,
    })
}

fn replace(text: &str, known: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.clone().next().and_then(&known) } else { None };
        if escaped.is_some() {
            chars.next();
        }
        out.push(escaped.unwrap_or(c));
    }
    Cow::Owned(out)
}

fn refuse(message: String) -> Error {
    Error { message, line: 0, column: 0 }
}
