//! What both dialects share: events, series, the way through label sets.

use std::borrow::Cow;

use common_model::{Exemplar, Labels, MetricType, TimestampMs};

use super::error::{Error, go_quote};
use super::labels::labels_of;
use super::scan::{Scan, State, Token};
use super::{lex_open, lex_text, value};

/// Which grammar a text follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The text formats 0.0.4 and 1.0.0.
    Text,
    /// OpenMetrics 1.0 and 0.0.1.
    OpenMetrics,
}

/// One thing that stands in an exposition.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// `# TYPE name type`
    Type {
        /// Name of the family; not checked to be UTF-8.
        name: &'a [u8],
        /// Declared type.
        kind: MetricType,
    },
    /// `# HELP name text`
    Help {
        /// Name of the family; not checked to be UTF-8.
        name: &'a [u8],
        /// The text, unescaped.
        text: Cow<'a, str>,
    },
    /// `# UNIT name unit`
    Unit {
        /// Name of the family; not checked to be UTF-8.
        name: &'a [u8],
        /// The unit.
        unit: &'a [u8],
    },
    /// Any other comment, from the `#` on.
    Comment(&'a [u8]),
    /// A sample.
    Series(Series<'a>),
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series<'a> {
    /// Name and labels as they stand: the same bytes are the same series.
    pub raw: &'a [u8],
    /// The value; every NaN is the one that is stored.
    pub value: f64,
    /// The target's own timestamp, where it gives one.
    pub timestamp: Option<TimestampMs>,
    /// The exemplar, where there is one.
    pub exemplar: Option<ExemplarText<'a>>,
    /// The type that the last TYPE line declared, for whatever metric: [`labels_of`] needs it.
    pub kind: MetricType,
}

impl Series<'_> {
    /// The label set; see [`labels_of`].
    pub fn labels(&self) -> Result<Labels, Error> {
        labels_of(self.raw, self.kind)
    }
}

/// An exemplar whose labels are not built yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExemplarText<'a> {
    /// From the opening brace to the closing one.
    pub raw: &'a [u8],
    /// The observed value.
    pub value: f64,
    /// When it was observed, where the target says so.
    pub timestamp: Option<TimestampMs>,
}

impl ExemplarText<'_> {
    /// The exemplar with its labels.
    pub fn build(&self) -> Result<Exemplar, Error> {
        let labels = labels_of(self.raw, MetricType::Unknown)?;
        Ok(Exemplar { labels, value: self.value, timestamp: self.timestamp })
    }
}

/// Goes through an exposition event by event; everything is borrowed from the input.
///
/// ```
/// use common_exposition::{Dialect, Event, Parser};
///
/// let mut parser = Parser::new(b"# TYPE up gauge\nup{job=\"a\"} 1\n", Dialect::Text);
/// assert!(matches!(parser.next()?, Some(Event::Type { name: b"up", .. })));
/// let Some(Event::Series(series)) = parser.next()? else { panic!("a sample") };
/// assert_eq!((series.raw, series.value), (&b"up{job=\"a\"}"[..], 1.0));
/// assert_eq!(series.labels()?.to_string(), r#"{__name__="up", job="a"}"#);
/// assert_eq!(parser.next()?, None);
/// # Ok::<(), common_exposition::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parser<'a> {
    pub(super) scan: Scan<'a>,
    dialect: Dialect,
    /// Where the current line, or what is left of it, starts.
    pub(super) begin: usize,
    pub(super) kind: MetricType,
}

/// A step that can fail.
pub(super) type Step<T> = Result<T, Error>;

impl<'a> Parser<'a> {
    /// A parser at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8], dialect: Dialect) -> Parser<'a> {
        let scan = Scan::new(bytes, dialect == Dialect::Text);
        Parser { scan, dialect, begin: 0, kind: MetricType::Unknown }
    }

    /// The next event; `None` at the end. After an error the parser is of no further use.
    #[expect(clippy::should_implement_trait, reason = "a step can fail, which iterators lack")]
    pub fn next(&mut self) -> Result<Option<Event<'a>>, Error> {
        match self.dialect {
            Dialect::Text => self.next_text(),
            Dialect::OpenMetrics => self.next_open(),
        }
    }

    /// The next `len` bytes where they can be a whole series, name and labels, with a value behind:
    /// for those who know series by their bytes and save taking them apart. Nothing moves.
    #[must_use]
    pub fn ahead(&self, len: usize) -> Option<&'a [u8]> {
        let rest = self.line_ahead()?;
        let raw = rest.get(..len)?;
        // A blank and something that can be neither a brace nor more blanks: nothing that follows
        // could still belong to the series.
        let ends = rest.get(len) == Some(&b' ')
            && !matches!(rest.get(len + 1), Some(b'{' | b' ' | b'\t') | None);
        (ends && len > 0).then_some(raw)
    }

    /// The sample whose series is what [`Parser::ahead`] gave for `len`, when these bytes are known
    /// to be a series in this dialect.
    pub fn known(&mut self, len: usize) -> Result<Series<'a>, Error> {
        let at = self.scan.at;
        let raw = self.scan.slice(at, at + len);
        self.begin = at;
        self.scan.start = at;
        self.scan.at = at + len;
        let rest = self.scan.bytes.get(at + len + 1..).unwrap_or_default();
        if let Some((value, taken)) = value::quick(rest) {
            self.scan.at += 1 + taken;
            return Ok(Series { raw, value, timestamp: None, exemplar: None, kind: self.kind });
        }
        self.scan.state = State::Value;
        let token = self.token();
        match self.dialect {
            Dialect::Text => self.sample_text(raw, token),
            Dialect::OpenMetrics => self.sample_open(raw, token),
        }
    }

    /// The next `len` bytes where a comment begins there and they end with a line. Nothing moves.
    #[must_use]
    pub fn comment_ahead(&self, len: usize) -> Option<&'a [u8]> {
        let line = self.line_ahead()?.get(..len)?;
        (line.first() == Some(&b'#') && line.last() == Some(&b'\n')).then_some(line)
    }

    /// Passes over what [`Parser::comment_ahead`] gave for `len`, when these bytes are known to be
    /// one event in this dialect, which declares this type, if any.
    pub fn skip_comment(&mut self, len: usize, kind: Option<MetricType>) {
        self.scan.at += len;
        self.kind = kind.unwrap_or(self.kind);
    }

    /// What is left, when a line begins there.
    fn line_ahead(&self) -> Option<&'a [u8]> {
        let at_start = self.scan.state == State::Init;
        self.scan.bytes.get(self.scan.at..).filter(|_| at_start)
    }

    /// Bytes of the input that are dealt with.
    #[must_use]
    pub fn position(&self) -> usize {
        self.scan.at.min(self.scan.bytes.len())
    }

    pub(super) fn token(&mut self) -> Token {
        match self.dialect {
            Dialect::Text => lex_text::next(&mut self.scan),
            Dialect::OpenMetrics => lex_open::next(&mut self.scan),
        }
    }

    /// `message`, got this token while parsing this line.
    pub(super) fn unexpected(&self, message: &str, got: Token) -> Error {
        let end = (self.scan.at + 1).min(self.scan.len());
        let quote = |from: usize| {
            let mut bytes = self.scan.slice(from, end).to_vec();
            if end > self.scan.bytes.len() {
                bytes.push(b'\n');
            }
            go_quote(&bytes)
        };
        let (token, line) = (quote(self.scan.start), quote(self.begin));
        self.error(format!("{message}, got {token} (\"{got}\") while parsing: {line}"))
    }

    /// `message` while parsing what was read of this line.
    pub(super) fn complaint(&self, message: &str) -> Error {
        let line = go_quote(self.scan.slice(self.begin, self.scan.at));
        self.error(format!("{message} while parsing: {line}"))
    }

    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        let before = self.scan.slice(0, self.scan.start);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
        Error { message: message.into(), line, column }
    }

    /// The name after HELP, TYPE or UNIT, quotes taken off.
    pub(super) fn meta_name(&mut self, keyword: Token) -> Step<&'a [u8]> {
        let token = self.token();
        if token != Token::MetricName {
            return Err(self.unexpected(&format!("expected metric name after {keyword}"), token));
        }
        let name = self.scan.token();
        let inner = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\""));
        Ok(inner.unwrap_or(name))
    }

    pub(super) fn help_text(
        &self,
        text: &'a [u8],
        unescape: fn(&'a str) -> Cow<'a, str>,
    ) -> Step<Cow<'a, str>> {
        match std::str::from_utf8(text) {
            Ok(text) => Ok(unescape(text)),
            Err(_) => {
                let quoted = go_quote(text);
                Err(self.error(format!("help text {quoted} is not a valid utf8 string")))
            }
        }
    }

    /// The rest of a label set, the brace being open. Whether the metric is named inside, where
    /// `named` says that it was not named before.
    pub(super) fn label_set(&mut self, mut named: bool, exemplar: bool) -> Step<bool> {
        let mut token = self.token();
        loop {
            let quoted = match token {
                Token::BraceClose => return Ok(named),
                Token::LabelName => false,
                Token::QuotedString => true,
                _ => return Err(self.unexpected("expected label name", token)),
            };
            token = self.token();
            // A quoted string without a value is the metric's name.
            if quoted && matches!(token, Token::Comma | Token::BraceClose) {
                if exemplar {
                    return Err(self.unexpected("expected label name", token));
                }
                if named {
                    return Err(self.complaint("metric name already set"));
                }
                named = true;
                if token == Token::BraceClose {
                    return Ok(named);
                }
                token = self.token();
                continue;
            }
            token = self.label_value(token)?;
        }
    }

    /// From the equal sign to the token after the value and its comma.
    fn label_value(&mut self, equal: Token) -> Step<Token> {
        if equal != Token::Equal {
            return Err(self.unexpected("expected equal", equal));
        }
        let token = self.token();
        if token != Token::LabelValue {
            return Err(self.unexpected("expected label value", token));
        }
        let value = self.scan.token();
        if std::str::from_utf8(value).is_err() {
            return Err(self.error(format!("invalid UTF-8 label value: {}", go_quote(value))));
        }
        let token = self.token();
        match (token, self.dialect) {
            (Token::Comma, _) => Ok(self.token()),
            (Token::BraceClose, _) | (_, Dialect::Text) => Ok(token),
            _ => Err(self.unexpected("expected comma or brace close", token)),
        }
    }

    /// Name and labels of a sample, `first` being the first token of its line; the token after.
    pub(super) fn series(&mut self, first: Token) -> Step<(&'a [u8], Token)> {
        let mut end = self.scan.at;
        let mut token = first;
        if first == Token::MetricName {
            token = self.token();
        }
        if token == Token::BraceOpen {
            if !self.label_set(first == Token::MetricName, false)? {
                token = self.token();
                let _ = token;
                return Err(self.complaint("metric name not set"));
            }
            end = self.scan.at;
            token = self.token();
        }
        Ok((self.scan.slice(self.begin, end), token))
    }

    pub(super) fn number(&self, text: &[u8]) -> Step<f64> {
        value::float(text).map_err(|message| self.complaint(&message))
    }
}
