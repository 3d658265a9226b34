//! The parser's place in the text: one token of lookahead, the complaints, the nesting depth.
//!
//! The lookahead is read only when a decision needs it, as upstream's generated parser does it:
//! the order of complaints of lexer and parser depends on that.

use super::{ERRORS_MAX, Options, PATTERNS_BYTES_MAX, ParseError, ParseErrors};
use crate::ast::Span;
use crate::lexer::{Kind, Lexer, Token};

/// Why a rule did not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fail {
    /// The next token is unexpected; the innermost rule that has words for it complains.
    Unexpected,
    /// Somebody complained already.
    Reported,
}

/// Parses one text.
pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    pub(super) text: &'a str,
    pub(super) options: &'a Options,
    pub(super) errors: Vec<ParseError>,
    ahead: Option<Token>,
    last_end: u32,
    depth: u32,
    duration_operators: u32,
    pattern_bytes: usize,
}

impl<'a> Parser<'a> {
    /// A parser at the start of `text`.
    ///
    /// # Errors
    /// When the text is too long.
    pub(super) fn new(text: &'a str, options: &'a Options) -> Result<Parser<'a>, ParseErrors> {
        let mut parser = Parser {
            lexer: Lexer::new(text),
            text,
            options,
            errors: Vec::new(),
            ahead: None,
            last_end: 0,
            depth: 0,
            duration_operators: 0,
            pattern_bytes: 0,
        };
        let bytes_max = options.text_bytes_max.min(u32::MAX as usize);
        if text.len() > bytes_max {
            let length = text.len();
            let message = format!("query is {length} bytes long, at most {bytes_max} are allowed");
            parser.complain(Span::default(), message);
            return Err(ParseErrors(parser.errors));
        }
        Ok(parser)
    }

    /// The next token, left where it is.
    pub(super) fn peek(&mut self) -> Token {
        if let Some(token) = self.ahead {
            return token;
        }
        let token = self.lexer.next_token();
        if token.kind == Kind::Error {
            let message = self.lexer.error().to_owned();
            self.complain(Span { start: token.start, end: token.end }, message);
        }
        self.ahead = Some(token);
        token
    }

    /// The next token, consumed.
    pub(super) fn bump(&mut self) -> Token {
        let token = self.peek();
        self.ahead = None;
        self.last_end = token.end;
        token
    }

    /// Consumes the next token when it is of that kind.
    pub(super) fn eat(&mut self, kind: Kind) -> bool {
        let found = self.peek().kind == kind;
        if found {
            self.bump();
        }
        found
    }

    /// Consumes the next token, which must be of that kind.
    pub(super) fn expect(&mut self, kind: Kind) -> Result<Token, Fail> {
        if self.peek().kind == kind { Ok(self.bump()) } else { Err(Fail::Unexpected) }
    }

    /// End of the last token consumed.
    pub(super) fn last_end(&self) -> u32 {
        self.last_end
    }

    /// What a token stands for in the text.
    pub(super) fn text_of(&self, token: Token) -> &'a str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or("")
    }

    /// Adds a complaint; beyond [`ERRORS_MAX`] they are dropped.
    pub(super) fn complain(&mut self, span: Span, message: String) {
        if self.errors.len() < ERRORS_MAX {
            let position = span.position(self.text);
            self.errors.push(ParseError { span, position, message });
        }
    }

    /// Complains about the next token, unless the lexer did.
    pub(super) fn unexpected(&mut self, context: &str, expected: &str) -> Fail {
        let token = self.peek();
        if token.kind != Kind::Error {
            let mut message = format!("unexpected {}", token.describe(self.text_of(token)));
            if !context.is_empty() {
                message.push_str(" in ");
                message.push_str(context);
            }
            if !expected.is_empty() {
                message.push_str(", expected ");
                message.push_str(expected);
            }
            self.complain(token.span(), message);
        }
        Fail::Reported
    }

    /// Gives an unexpected token the words of this context.
    pub(super) fn within<T>(
        &mut self,
        result: Result<T, Fail>,
        context: &str,
        expected: &str,
    ) -> Result<T, Fail> {
        result.map_err(|fail| match fail {
            Fail::Unexpected => self.unexpected(context, expected),
            Fail::Reported => fail,
        })
    }

    /// One level deeper, which [`Parser::leave`] undoes.
    pub(super) fn enter(&mut self) -> Result<(), Fail> {
        self.depth += 1;
        self.limit(self.depth, self.options.nesting_max)
    }

    /// One level back.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Refuses a tree that has grown too high.
    pub(super) fn limit_height(&mut self, height: u32) -> Result<(), Fail> {
        self.limit(height, self.options.height_max)
    }

    fn limit(&mut self, levels: u32, levels_max: u32) -> Result<(), Fail> {
        if levels <= levels_max {
            return Ok(());
        }
        let place = Span { start: self.last_end, end: self.last_end };
        self.complain(place, format!("expression is deeper than {levels_max} levels"));
        Err(Fail::Reported)
    }

    /// At the start of a duration expression.
    pub(super) fn start_duration(&mut self) {
        self.duration_operators = 0;
    }

    /// Refuses a duration expression with too many operators, which could be as high as that.
    pub(super) fn count_duration_operator(&mut self) -> Result<(), Fail> {
        self.duration_operators += 1;
        self.limit_height(self.duration_operators)
    }

    /// Refuses regular expressions that together take too much memory.
    pub(super) fn count_pattern(&mut self, bytes: usize, span: Span) -> Result<(), Fail> {
        self.pattern_bytes = self.pattern_bytes.saturating_add(bytes);
        if self.pattern_bytes <= PATTERNS_BYTES_MAX {
            return Ok(());
        }
        let message = format!(
            "regular expressions of the query take more than {PATTERNS_BYTES_MAX} bytes of memory"
        );
        self.complain(span, message);
        Err(Fail::Reported)
    }

    /// The result, when nobody complained.
    pub(super) fn finish<T>(self, result: T) -> Result<T, ParseErrors> {
        if self.errors.is_empty() { Ok(result) } else { Err(ParseErrors(self.errors)) }
    }

    /// The complaints, the last of them about an unexpected token that no rule had words for.
    pub(super) fn give_up(mut self, fail: Fail) -> ParseErrors {
        if fail == Fail::Unexpected {
            self.unexpected("", "");
        }
        ParseErrors(self.errors)
    }
}

impl Token {
    /// Its place.
    pub(super) fn span(self) -> Span {
        Span { start: self.start, end: self.end }
    }
}
