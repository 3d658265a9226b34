//! The text formats 0.0.4 and 1.0.0, event by event.

use common_model::MetricType;

use super::error::{Error, go_quote};
use super::labels::unescape_help;
use super::parser::{Event, Parser, Series, Step};
use super::scan::Token;
use super::value;

impl<'a> Parser<'a> {
    pub(super) fn next_text(&mut self) -> Result<Option<Event<'a>>, Error> {
        loop {
            self.begin = self.scan.at;
            let token = self.token();
            match token {
                Token::Eof => return Ok(None),
                Token::Linebreak => {}
                Token::Help | Token::Type => return self.meta_text(token).map(Some),
                Token::Comment => {
                    let text = self.scan.token();
                    self.line_end("linebreak expected after comment")?;
                    return Ok(Some(Event::Comment(text)));
                }
                Token::BraceOpen | Token::MetricName => {
                    let (raw, token) = self.series(token)?;
                    return self.sample_text(raw, token).map(|sample| Some(Event::Series(sample)));
                }
                _ => return Err(self.unexpected("expected a valid start token", token)),
            }
        }
    }

    fn meta_text(&mut self, keyword: Token) -> Step<Event<'a>> {
        let name = self.meta_name(keyword)?;
        let token = self.token();
        if token != Token::Text {
            return Err(self.error(format!("expected text in {keyword}, got {token}")));
        }
        let text = self.scan.token().get(1..).unwrap_or_default();
        let event = if keyword == Token::Type {
            self.kind = match text {
                b"counter" => MetricType::Counter,
                b"gauge" => MetricType::Gauge,
                b"histogram" => MetricType::Histogram,
                b"summary" => MetricType::Summary,
                b"untyped" => MetricType::Unknown,
                _ => return Err(self.error(format!("invalid metric type {}", go_quote(text)))),
            };
            Event::Type { name, kind: self.kind }
        } else {
            Event::Help { name, text: self.help_text(text, unescape_help)? }
        };
        self.line_end("linebreak expected after metadata")?;
        Ok(event)
    }

    fn line_end(&mut self, message: &str) -> Step<()> {
        match self.token() {
            Token::Linebreak => Ok(()),
            token => Err(self.unexpected(message, token)),
        }
    }

    /// The value and what follows it, `token` being the first token after the series.
    pub(super) fn sample_text(&mut self, raw: &'a [u8], token: Token) -> Step<Series<'a>> {
        if token != Token::Value {
            return Err(self.unexpected("expected value after metric", token));
        }
        let value = self.number(self.scan.token())?;
        let mut timestamp = None;
        match self.token() {
            Token::Linebreak => {}
            Token::Timestamp => {
                let number = value::integer(self.scan.token());
                timestamp = Some(number.map_err(|message| self.complaint(&message))?);
                self.line_end("expected next entry after timestamp")?;
            }
            token => return Err(self.unexpected("expected timestamp or new record", token)),
        }
        Ok(Series { raw, value, timestamp, exemplar: None, kind: self.kind })
    }
}
