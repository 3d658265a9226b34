//! Cuts a query into tokens, on demand and with byte offsets.
//!
//! There are three modes, as upstream has them: plain text, the inside of braces (where keywords
//! are identifiers) and the inside of brackets (where only duration arithmetic stands).

mod quote;
mod scan;
mod token;

pub use quote::{go_quote, go_quote_bytes, unquote};
pub use token::{Kind, Token};

use quote::go_quote_char;

/// Which characters mean what at the current place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Statement,
    Braces,
    /// In brackets, before the first number; after it [`Mode::Statement`] goes on.
    Duration,
}

/// Cuts a query into tokens.
#[derive(Debug)]
pub struct Lexer<'a> {
    input: &'a str,
    at: usize,
    /// Where the current token, or the text an error is about, starts.
    start: usize,
    mode: Mode,
    paren_depth: u32,
    bracket_open: bool,
    colon_seen: bool,
    duration_seen: bool,
    error: String,
    done: bool,
}

/// The lexer gave up; the message stands in `error`.
struct Stop;

type Step = Result<Option<Kind>, Stop>;

impl<'a> Lexer<'a> {
    /// A lexer at the start of `input`, of which only the first 4 GiB are looked at.
    #[must_use]
    pub fn new(input: &'a str) -> Lexer<'a> {
        Lexer {
            input,
            at: 0,
            start: 0,
            mode: Mode::Statement,
            paren_depth: 0,
            bracket_open: false,
            colon_seen: false,
            duration_seen: false,
            error: String::new(),
            done: false,
        }
    }

    /// The text the lexer works on.
    #[must_use]
    pub fn input(&self) -> &'a str {
        self.input
    }

    /// Byte after the last token.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Message of the [`Kind::Error`] token.
    #[must_use]
    pub fn error(&self) -> &str {
        &self.error
    }

    /// The next token; comments are left out. After an error or the end, the end for ever.
    pub fn next_token(&mut self) -> Token {
        loop {
            self.start = self.at;
            if self.done {
                return self.token(Kind::Eof);
            }
            let step = match self.mode {
                Mode::Statement => self.statement(),
                Mode::Braces => self.braces(),
                Mode::Duration => self.duration(),
            };
            match step {
                Ok(Some(Kind::Comment) | None) => {}
                Ok(Some(kind)) => {
                    self.done = kind == Kind::Eof;
                    return self.token(kind);
                }
                Err(Stop) => {
                    self.done = true;
                    self.at = self.input.len();
                    return self.token(Kind::Error);
                }
            }
        }
    }

    fn token(&self, kind: Kind) -> Token {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Token { kind, start: offset(self.start), end: offset(self.at) }
    }

    fn statement(&mut self) -> Step {
        let Some(c) = self.bump() else {
            if self.paren_depth != 0 {
                return self.fail("unclosed left parenthesis".to_owned());
            }
            if self.bracket_open {
                return self.fail("unclosed left bracket".to_owned());
            }
            return Ok(Some(Kind::Eof));
        };
        let kind = match c {
            '#' => return Ok(Some(self.comment())),
            ',' => Kind::Comma,
            ' ' | '\t' | '\n' | '\r' => return Ok(None),
            '=' if self.eat('=') => Kind::Equal,
            '=' if self.peek() == Some('~') => {
                return self.fail("unexpected character after '=': '~'".to_owned());
            }
            '=' => Kind::Assign,
            '!' if self.eat('=') => Kind::NotEqual,
            '!' => {
                let next = go_quote_char(self.bump());
                // The end of the input moves nothing; else the complaint is about what follows.
                return self.fail(format!("unexpected character after '!': {next}"));
            }
            '<' if self.eat('=') => Kind::LessEqual,
            '<' if self.eat('/') => Kind::TrimUpper,
            '<' => Kind::Less,
            '>' if self.eat('=') => Kind::GreaterEqual,
            '>' if self.eat('/') => Kind::TrimLower,
            '>' => Kind::Greater,
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                return self.number_or_duration();
            }
            '0'..='9' => return self.number_or_duration(),
            '"' | '\'' => return self.string(c),
            '`' => return self.raw_string(),
            'a'..='z' | 'A'..='Z' | '_' | ':' if !self.bracket_open => {
                return Ok(Some(self.keyword_or_identifier()));
            }
            ':' => return self.colon(),
            'a'..='z' | 'A'..='Z' | '_' => return self.word_in_brackets(c),
            '{' => {
                self.mode = Mode::Braces;
                Kind::LeftBrace
            }
            '[' | ']' => return self.bracket(c),
            '@' => Kind::At,
            c => match arithmetic(c) {
                Some(kind) => return self.parenthesis_or(kind),
                None => {
                    let c = go_quote_char(Some(c));
                    return self.fail(format!("unexpected character: {c}"));
                }
            },
        };
        Ok(Some(kind))
    }

    fn bracket(&mut self, c: char) -> Step {
        match (c, self.bracket_open) {
            ('[', false) => {
                self.colon_seen = false;
                self.bracket_open = true;
                self.mode = Mode::Duration;
                Ok(Some(Kind::LeftBracket))
            }
            ('[', true) => self.fail("unexpected left bracket '['".to_owned()),
            (_, true) => {
                self.bracket_open = false;
                Ok(Some(Kind::RightBracket))
            }
            (_, false) => self.fail("unexpected right bracket ']'".to_owned()),
        }
    }

    /// In brackets once a number was read; `first` has been read.
    fn word_in_brackets(&mut self, first: char) -> Step {
        if let Some(kind) = self.duration_keyword(first) {
            return Ok(Some(kind));
        }
        let first = go_quote_char(Some(first));
        self.fail(format!("unexpected character: {first}, expected ':'"))
    }

    /// In brackets once a number was read.
    fn colon(&mut self) -> Step {
        if self.colon_seen {
            return self.fail("unexpected colon ':'".to_owned());
        }
        self.colon_seen = true;
        Ok(Some(Kind::Colon))
    }

    fn duration(&mut self) -> Step {
        let Some(c) = self.bump() else {
            let message = "unexpected end of input in duration expression";
            return self.fail(message.to_owned());
        };
        match c {
            ']' => {
                self.bracket_open = false;
                self.colon_seen = false;
                self.mode = Mode::Statement;
                return Ok(Some(Kind::RightBracket));
            }
            ':' => {
                // Upstream has passed the colon when it complains.
                self.start = self.at;
                if !self.duration_seen {
                    let message = "unexpected colon before duration in duration expression";
                    return self.fail(message.to_owned());
                }
                if self.colon_seen {
                    let message = "unexpected repeated colon in duration expression";
                    return self.fail(message.to_owned());
                }
                self.start = self.at - 1;
                self.colon_seen = true;
                return Ok(Some(Kind::Colon));
            }
            ' ' | '\t' | '\n' | '\r' => return Ok(None),
            ',' => return Ok(Some(Kind::Comma)),
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => {}
            '.' | '0'..='9' => {
                self.duration_seen = true;
                self.mode = Mode::Statement;
                return self.number_or_duration();
            }
            c => {
                if let Some(kind) = arithmetic(c) {
                    return self.parenthesis_or(kind);
                }
                if let Some(kind) = self.duration_keyword(c) {
                    return Ok(Some(kind));
                }
            }
        }
        let c = go_quote_char(Some(c));
        self.fail(format!("unexpected character in duration expression: {c}"))
    }

    fn braces(&mut self) -> Step {
        let Some(c) = self.bump() else {
            return self.fail("unexpected end of input inside braces".to_owned());
        };
        let kind = match c {
            '#' => return Ok(Some(self.comment())),
            ' ' | '\t' | '\n' | '\r' => return Ok(None),
            'a'..='z' | 'A'..='Z' | '_' => {
                self.eat_while(scan::is_alphanumeric);
                Kind::Identifier
            }
            ',' => Kind::Comma,
            '"' | '\'' => return self.string(c),
            '`' => return self.raw_string(),
            '=' if self.eat('~') => Kind::RegexMatch,
            '=' => Kind::Assign,
            '!' if self.eat('~') => Kind::RegexNotMatch,
            '!' if self.eat('=') => Kind::NotEqual,
            '!' => {
                let next = go_quote_char(self.bump());
                return self.fail(format!("unexpected character after '!' inside braces: {next}"));
            }
            '{' => return self.fail("unexpected left brace '{'".to_owned()),
            '}' => {
                self.mode = Mode::Statement;
                Kind::RightBrace
            }
            c => {
                let c = go_quote_char(Some(c));
                return self.fail(format!("unexpected character inside braces: {c}"));
            }
        };
        Ok(Some(kind))
    }

    /// Counts parentheses; a closing one too many is an error after it, as upstream has it.
    fn parenthesis_or(&mut self, kind: Kind) -> Step {
        match kind {
            Kind::LeftParen => self.paren_depth += 1,
            Kind::RightParen if self.paren_depth == 0 => {
                self.start = self.at;
                return self.fail("unexpected right parenthesis ')'".to_owned());
            }
            Kind::RightParen => self.paren_depth -= 1,
            _ => {}
        }
        Ok(Some(kind))
    }

    fn fail(&mut self, message: String) -> Step {
        self.error = message;
        Err(Stop)
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn peek(&self) -> Option<char> {
        // `at` is always a character boundary: it only moves by whole characters.
        self.input[self.at..].chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn eat_any(&mut self, set: &str) -> bool {
        let found = self.peek().is_some_and(|c| set.contains(c));
        if found {
            self.bump();
        }
        found
    }

    fn eat_while(&mut self, accept: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&accept) {
            self.bump();
        }
    }
}

/// What means the same in brackets and outside.
fn arithmetic(c: char) -> Option<Kind> {
    Some(match c {
        '+' => Kind::Add,
        '-' => Kind::Sub,
        '*' => Kind::Mul,
        '/' => Kind::Div,
        '%' => Kind::Mod,
        '^' => Kind::Pow,
        '(' => Kind::LeftParen,
        ')' => Kind::RightParen,
        _ => return None,
    })
}
