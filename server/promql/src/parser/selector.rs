//! Selectors: a name, matchers in braces, or both.

use common_model::{METRIC_NAME, MatchOp, Matcher};

use super::cursor::{Fail, Parser};
use crate::ast::{Extended, Shift, Span, VectorSelector};
use crate::lexer::{Kind, Token};

const CONTEXT: &str = "label matching";

impl Parser<'_> {
    /// A selector without modifiers.
    pub(super) fn selector(&mut self) -> Result<VectorSelector, Fail> {
        let token = self.peek();
        if token.kind.can_name_a_metric() {
            self.bump();
            return self.selector_named(token);
        }
        if token.kind != Kind::LeftBrace {
            return Err(Fail::Unexpected);
        }
        let (matchers, span) = self.matchers()?;
        Ok(selector(String::new(), matchers, span))
    }

    /// A selector whose name has been read.
    pub(super) fn selector_named(&mut self, name: Token) -> Result<VectorSelector, Fail> {
        let (mut matchers, end) = if self.peek().kind == Kind::LeftBrace {
            let (matchers, span) = self.matchers()?;
            (matchers, span.end)
        } else {
            (Vec::new(), name.end)
        };
        let text = self.text_of(name);
        matchers.push(Matcher::equal(METRIC_NAME, text));
        Ok(selector(text.to_owned(), matchers, Span { start: name.start, end }))
    }

    fn matchers(&mut self) -> Result<(Vec<Matcher>, Span), Fail> {
        let open = self.expect(Kind::LeftBrace)?;
        let mut matchers = Vec::new();
        if self.peek().kind != Kind::RightBrace {
            loop {
                matchers.extend(self.matcher()?);
                let comma = self.eat(Kind::Comma);
                if self.peek().kind == Kind::RightBrace {
                    break;
                }
                if !comma {
                    return Err(self.unexpected(CONTEXT, "\",\" or \"}\""));
                }
            }
        }
        let close = self.expect(Kind::RightBrace)?;
        Ok((matchers, open.span().to(close.span())))
    }

    /// One matcher, or none where its pattern is refused.
    fn matcher(&mut self) -> Result<Option<Matcher>, Fail> {
        let name = self.peek();
        let name_text = match name.kind {
            Kind::Identifier => {
                self.bump();
                self.text_of(name).to_owned()
            }
            Kind::String => {
                self.bump();
                self.unquoted_lossy(name)
            }
            _ => return Err(self.unexpected(CONTEXT, "identifier or \"}\"")),
        };
        let op = match self.peek().kind {
            Kind::Assign => MatchOp::Equal,
            Kind::NotEqual => MatchOp::NotEqual,
            Kind::RegexMatch => MatchOp::Regex,
            Kind::RegexNotMatch => MatchOp::NotRegex,
            _ if name.kind == Kind::String => {
                return Ok(Some(Matcher::equal(METRIC_NAME, name_text)));
            }
            _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
        };
        self.bump();
        let value = self.peek();
        if value.kind != Kind::String {
            return Err(self.unexpected(CONTEXT, "string"));
        }
        self.bump();
        let value_text = self.unquoted_lossy(value);
        match common_re2::matcher(&name_text, op, &value_text) {
            Ok(matcher) => {
                let bytes = matcher.pattern().map_or(0, |pattern| pattern.heap_bytes());
                self.count_pattern(bytes, name.span().to(value.span()))?;
                Ok(Some(matcher))
            }
            Err(error) => {
                self.complain(name.span().to(value.span()), error.to_string());
                Ok(None)
            }
        }
    }
}

fn selector(name: String, matchers: Vec<Matcher>, span: Span) -> VectorSelector {
    let shift = Shift::default();
    VectorSelector { name, matchers, shift, extended: Extended::No, span }
}
