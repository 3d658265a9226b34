//! From the text of a template to tokens.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No more tokens follow; the message says why.
    Error,
    Eof,
    Text,
    LeftDelim,
    RightDelim,
    Space,
    Bool,
    Char,
    CharConstant,
    Number,
    String,
    RawString,
    Field,
    Identifier,
    Variable,
    LeftParen,
    RightParen,
    Pipe,
    Assign,
    Declare,
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

const KEYWORDS: &[(&str, Kind)] = &[
    ("block", Kind::Block),
    ("break", Kind::Break),
    ("continue", Kind::Continue),
    ("define", Kind::Define),
    ("else", Kind::Else),
    ("end", Kind::End),
    ("if", Kind::If),
    ("nil", Kind::Nil),
    ("range", Kind::Range),
    ("template", Kind::Template),
    ("with", Kind::With),
];

/// One token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Where it stands, in bytes.
    pub(crate) at: usize,
    /// The line on which it starts.
    pub(crate) line: usize,
    /// As it is written; the message of an error.
    pub(crate) text: String,
}

impl Token {
    /// As errors name it.
    pub(crate) fn describe(&self) -> String {
        let keyword = self.kind == Kind::Dot || KEYWORDS.iter().any(|(_, kind)| *kind == self.kind);
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.text.clone(),
            _ if keyword => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                let start: String = self.text.chars().take(10).collect();
                format!("{}...", crate::format::quote(&start))
            }
            _ => crate::format::quote(&self.text),
        }
    }
}

/// Splits a template; the last token is an error or the end.
pub(crate) fn lex(text: &str) -> Vec<Token> {
    let mut lexer =
        Lexer { text, at: 0, start: 0, line: 1, counted: 0, paren_depth: 0, tokens: Vec::new() };
    if let Err(message) = lexer.run() {
        let line = lexer.line_of(lexer.start);
        lexer.tokens.push(Token { kind: Kind::Error, at: lexer.start, line, text: message });
    }
    lexer.tokens
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const TRIM_LEFT: [&str; 4] = ["- ", "-\t", "-\r", "-\n"];
const TRIM_RIGHT: [&str; 4] = [" -}}", "\t-}}", "\r-}}", "\n-}}"];
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Where the token being read starts.
    start: usize,
    /// The line of byte `counted`.
    line: usize,
    counted: usize,
    paren_depth: usize,
    tokens: Vec<Token>,
}

impl<'t> Lexer<'t> {
    fn run(&mut self) -> Result<(), String> {
        let mut trim = false;
        loop {
            trim = match self.text_until_action(trim) {
                Some(comment) if comment => self.comment()?,
                Some(_) => self.action()?,
                None => {
                    self.start = self.at;
                    self.emit(Kind::Eof);
                    return Ok(());
                }
            };
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn line_of(&mut self, at: usize) -> usize {
        let newlines = |range: Range<usize>| self.text[range].matches('\n').count();
        if at >= self.counted {
            self.line += newlines(self.counted..at);
        } else {
            self.line -= newlines(at..self.counted);
        }
        self.counted = at;
        self.line
    }

    fn emit(&mut self, kind: Kind) {
        let line = self.line_of(self.start);
        let text = self.text[self.start..self.at].to_owned();
        self.tokens.push(Token { kind, at: self.start, line, text });
        self.start = self.at;
    }

    /// Reads up to the next `{{` and behind it; says whether a comment follows. `None` at the end.
    fn text_until_action(&mut self, trim_start: bool) -> Option<bool> {
        if trim_start {
            self.at = self.text.len() - self.rest().trim_start_matches(SPACES).len();
        }
        self.start = self.at;
        let Some(length) = self.rest().find(LEFT) else {
            self.at = self.text.len();
            self.emit_text(self.at);
            return None;
        };
        let delimiter = self.at + length;
        let inside = &self.text[delimiter + LEFT.len()..];
        let trim_end = TRIM_LEFT.iter().any(|marker| inside.starts_with(marker));
        let end = if trim_end {
            self.start + self.text[self.start..delimiter].trim_end_matches(SPACES).len()
        } else {
            delimiter
        };
        self.emit_text(end);
        self.start = delimiter;
        self.at = delimiter + LEFT.len();
        let marker = if trim_end { 2 } else { 0 };
        if self.text[self.at + marker..].starts_with("/*") {
            self.at += marker;
            return Some(true);
        }
        self.emit(Kind::LeftDelim);
        self.at += marker;
        self.start = self.at;
        self.paren_depth = 0;
        Some(false)
    }

    fn emit_text(&mut self, end: usize) {
        if end > self.start {
            self.at = end;
            self.emit(Kind::Text);
        }
    }

    /// Reads a comment with what closes it; says whether what follows is trimmed.
    fn comment(&mut self) -> Result<bool, String> {
        self.start = self.at;
        let Some(length) = self.rest().find("*/") else {
            return Err("unclosed comment".to_owned());
        };
        self.at += length + 2;
        match self.right_delimiter() {
            Some(trim) => {
                self.at += if trim { TRIM_RIGHT[0].len() } else { RIGHT.len() };
                self.start = self.at;
                Ok(trim)
            }
            None => Err("comment ends before closing delimiter".to_owned()),
        }
    }

    /// Whether `}}` follows, and whether it trims.
    fn right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if TRIM_RIGHT.iter().any(|marker| rest.starts_with(marker)) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    /// Reads an action up to its `}}`; says whether what follows is trimmed.
    fn action(&mut self) -> Result<bool, String> {
        loop {
            if let Some(trim) = self.right_delimiter() {
                if self.paren_depth > 0 {
                    return Err("unclosed left paren".to_owned());
                }
                if trim {
                    self.at += 2;
                    self.start = self.at;
                }
                self.at += RIGHT.len();
                self.emit(Kind::RightDelim);
                return Ok(trim);
            }
            self.inside_action()?;
        }
    }

    fn inside_action(&mut self) -> Result<(), String> {
        self.start = self.at;
        let Some(c) = self.next() else { return Err("unclosed action".to_owned()) };
        match c {
            c if SPACES.contains(&c) => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return Err("expected :=".to_owned());
                }
                self.emit(Kind::Declare);
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string")?,
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant")?,
            '`' => {
                let Some(length) = self.rest().find('`') else {
                    return Err("unterminated raw quoted string".to_owned());
                };
                self.at += length + 1;
                self.emit(Kind::RawString);
            }
            '$' => self.field_or_variable(Kind::Variable)?,
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                self.field_or_variable(Kind::Field)?;
            }
            '.' | '+' | '-' | '0'..='9' => self.number()?,
            c if is_alphanumeric(c) => self.identifier()?,
            '(' => {
                self.emit(Kind::LeftParen);
                self.paren_depth += 1;
            }
            ')' => {
                if self.paren_depth == 0 {
                    return Err("unexpected right paren".to_owned());
                }
                self.paren_depth -= 1;
                self.emit(Kind::RightParen);
            }
            ' '..='~' => self.emit(Kind::Char),
            c => return Err(format!("unrecognized character in action: {}", code_point(c))),
        }
        Ok(())
    }

    /// The run of spaces that has begun; it ends before a space that belongs to ` -}}`.
    fn space(&mut self) {
        self.at = self.start;
        while self.peek().is_some_and(|c| SPACES.contains(&c)) {
            if self.right_delimiter() == Some(true) {
                break;
            }
            self.at += 1;
        }
        self.emit(Kind::Space);
    }

    fn quoted(&mut self, quote: char, kind: Kind, problem: &str) -> Result<(), String> {
        loop {
            match self.next() {
                Some('\\') => {
                    if matches!(self.next(), None | Some('\n')) {
                        return Err(problem.to_owned());
                    }
                }
                None | Some('\n') => return Err(problem.to_owned()),
                Some(c) if c == quote => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        Ok(())
    }

    fn word(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        match self.peek() {
            None => Ok(()),
            Some(c) if SPACES.contains(&c) || ".,|:)(=}".contains(c) => Ok(()),
            Some(c) => Err(format!("bad character {}", code_point(c))),
        }
    }

    fn field_or_variable(&mut self, kind: Kind) -> Result<(), String> {
        self.word()?;
        let alone = self.at == self.start + 1;
        self.emit(if alone && kind == Kind::Field { Kind::Dot } else { kind });
        Ok(())
    }

    fn identifier(&mut self) -> Result<(), String> {
        self.word()?;
        let word = &self.text[self.start..self.at];
        let kind = match KEYWORDS.iter().find(|(keyword, _)| *keyword == word) {
            Some((_, kind)) => *kind,
            None if word == "true" || word == "false" => Kind::Bool,
            None => Kind::Identifier,
        };
        self.emit(kind);
        Ok(())
    }

    fn accept(&mut self, set: &str) -> bool {
        let accepted = self.peek().is_some_and(|c| set.contains(c));
        if accepted {
            self.at += 1;
        }
        accepted
    }

    /// A number by its characters; whether it is one is seen when it is read.
    fn number(&mut self) -> Result<(), String> {
        self.at = self.start;
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        let decimal = digits.len() == 11;
        if (decimal && self.accept("eE")) || (digits.len() > 11 && self.accept("pP")) {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            let text = crate::format::quote(&self.text[self.start..self.at]);
            return Err(format!("bad number syntax: {text}"));
        }
        self.emit(Kind::Number);
        Ok(())
    }
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Go's `%#U`.
fn code_point(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}
