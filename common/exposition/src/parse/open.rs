//! OpenMetrics, event by event.

use common_model::{MetricType, TimestampMs};

use super::error::{Error, go_quote};
use super::labels::unescape;
use super::parser::{Event, ExemplarText, Parser, Series, Step};
use super::scan::Token;
use super::value;

const NO_EOF: &str = "data does not end with # EOF";

impl<'a> Parser<'a> {
    pub(super) fn next_open(&mut self) -> Result<Option<Event<'a>>, Error> {
        self.begin = self.scan.at;
        let token = self.token();
        match token {
            Token::EofWord => match self.token() {
                Token::Eof => Ok(None),
                _ => Err(self.error("unexpected data after # EOF")),
            },
            Token::Eof => Err(self.error(NO_EOF)),
            Token::Help | Token::Type | Token::Unit => self.meta_open(token).map(Some),
            Token::BraceOpen | Token::MetricName => {
                let (raw, token) = self.series(token)?;
                self.sample_open(raw, token).map(|sample| Some(Event::Series(sample)))
            }
            _ => Err(self.unexpected("expected a valid start token", token)),
        }
    }

    fn meta_open(&mut self, keyword: Token) -> Step<Event<'a>> {
        let name = self.meta_name(keyword)?;
        if self.token() != Token::Text {
            return Err(self.error(format!("expected text in {keyword}")));
        }
        let line = self.scan.token();
        let text = line.get(1..line.len().saturating_sub(1)).unwrap_or_default();
        match keyword {
            Token::Type => {
                self.kind = self.open_type(text)?;
                Ok(Event::Type { name, kind: self.kind })
            }
            Token::Help => Ok(Event::Help { name, text: self.help_text(text, unescape)? }),
            _ => {
                let base = name.strip_suffix(text).and_then(|base| base.strip_suffix(b"_"));
                if !text.is_empty() && base.is_none() {
                    let (unit, name) = (go_quote(text), go_quote(name));
                    return Err(self.error(format!("unit {unit} not a suffix of metric {name}")));
                }
                Ok(Event::Unit { name, unit: text })
            }
        }
    }

    fn open_type(&self, text: &[u8]) -> Step<MetricType> {
        Ok(match text {
            b"counter" => MetricType::Counter,
            b"gauge" => MetricType::Gauge,
            b"histogram" => MetricType::Histogram,
            b"gaugehistogram" => MetricType::GaugeHistogram,
            b"summary" => MetricType::Summary,
            b"info" => MetricType::Info,
            b"stateset" => MetricType::StateSet,
            b"unknown" => MetricType::Unknown,
            _ => return Err(self.error(format!("invalid metric type {}", go_quote(text)))),
        })
    }

    /// The value and what follows it, `token` being the first token after the series.
    pub(super) fn sample_open(&mut self, raw: &'a [u8], token: Token) -> Step<Series<'a>> {
        let value = self.open_value(token, "metric")?;
        let (mut timestamp, mut exemplar) = (None, None);
        match self.token() {
            Token::Eof => return Err(self.error(NO_EOF)),
            Token::Comment => exemplar = Some(self.exemplar()?),
            Token::Timestamp => {
                timestamp = Some(self.open_timestamp("timestamp")?);
                match self.token() {
                    Token::Linebreak => {}
                    Token::Comment => exemplar = Some(self.exemplar()?),
                    token => {
                        return Err(self.unexpected("expected next entry after timestamp", token));
                    }
                }
            }
            // Anything else is looked at where the next event starts, and refused there: the
            // original counts the sample, too.
            _ => {}
        }
        Ok(Series { raw, value, timestamp, exemplar, kind: self.kind })
    }

    /// From the first label of an exemplar to the end of the line.
    fn exemplar(&mut self) -> Step<ExemplarText<'a>> {
        let from = self.scan.at.saturating_sub(1);
        self.label_set(true, true)?;
        let raw = self.scan.slice(from, self.scan.at);
        let token = self.token();
        let value = self.open_value(token, "exemplar labels")?;
        let mut timestamp = None;
        match self.token() {
            Token::Eof => return Err(self.error(NO_EOF)),
            Token::Linebreak => {}
            Token::Timestamp => {
                timestamp = Some(self.open_timestamp("exemplar timestamp")?);
                match self.token() {
                    Token::Linebreak => {}
                    token => {
                        let message = "expected next entry after exemplar timestamp";
                        return Err(self.unexpected(message, token));
                    }
                }
            }
            token => return Err(self.unexpected("expected timestamp or comment", token)),
        }
        Ok(ExemplarText { raw, value, timestamp })
    }

    fn open_value(&self, token: Token, after: &str) -> Step<f64> {
        if token != Token::Value {
            return Err(self.unexpected(&format!("expected value after {after}"), token));
        }
        self.number(self.scan.token().get(1..).unwrap_or_default())
    }

    fn open_timestamp(&self, what: &str) -> Step<TimestampMs> {
        let seconds = self.number(self.scan.token().get(1..).unwrap_or_default())?;
        if !seconds.is_finite() {
            let text = if seconds.is_nan() {
                "NaN"
            } else if seconds > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(self.error(format!("invalid {what} {text}")));
        }
        Ok(value::seconds_to_ms(seconds))
    }
}
