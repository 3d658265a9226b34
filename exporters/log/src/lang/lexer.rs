//! From the bytes of a program to tokens.
//!
//! Columns are counted the way mtail counts them, its oddities included: a comment swallows its line
//! feed and leaves the start column of the next token where the comment ended.

use super::position::Position;
use super::token::{Kind, Token};

/// Functions that are built in, and the words that are only so before a parenthesis.
const BUILTINS: &[&str] = &[
    "bool",
    "float",
    "getfilename",
    "int",
    "len",
    "settime",
    "string",
    "strptime",
    "strtol",
    "subst",
    "timestamp",
    "tolower",
];

/// Stands for the end of a program in test corpora.
const END_MARK: char = '\u{2424}';

/// Cuts a program into tokens, one at a time: what a slash means is known to the parser only.
#[derive(Debug)]
pub(super) struct Lexer<'p> {
    rest: &'p [u8],
    /// The character that was read last, and its width in bytes.
    current: Option<char>,
    width: i32,
    line: i32,
    column: i32,
    start: i32,
    text: String,
    in_regex: bool,
}

impl<'p> Lexer<'p> {
    pub(super) fn new(source: &'p [u8]) -> Lexer<'p> {
        Lexer {
            rest: source,
            current: None,
            width: 0,
            line: 0,
            column: 0,
            start: 0,
            text: String::new(),
            in_regex: false,
        }
    }

    /// Says that a pattern follows.
    pub(super) fn enter_regex(&mut self) {
        self.in_regex = true;
    }

    /// Whether the next character other than white space is `wanted`.
    pub(super) fn followed_by(&self, wanted: u8) -> bool {
        let blank = |b: &&u8| matches!(**b, b' ' | b'\t' | b'\r');
        self.rest.iter().find(|b| !blank(b)) == Some(&wanted)
    }

    /// The next token; at the end of the program it is [`Kind::Eof`] for ever.
    pub(super) fn next_token(&mut self) -> Token {
        if self.in_regex {
            self.in_regex = false;
            return self.regex();
        }
        loop {
            let next = self.peek();
            match next {
                Some('#') => self.comment(),
                Some(c) if c != '\n' && is_space(c) => {
                    self.advance();
                    self.ignore();
                }
                _ => break,
            }
        }
        let Some(c) = self.peek() else {
            self.advance();
            self.step();
            return self.emit(Kind::Eof);
        };
        match c {
            '"' => self.quoted(),
            '$' => self.capref(),
            '@' => self.decorator(),
            c if c.is_numeric_digit() || c == '.' => self.numeric(),
            c if c.is_alphabetic_letter() => self.identifier(),
            _ => self.operator(c),
        }
    }

    /// The next character with its width, left where it is. An invalid byte is one character.
    fn decode(&self) -> (Option<char>, usize) {
        let head = &self.rest[..self.rest.len().min(4)];
        let (found, width) = match std::str::from_utf8(head) {
            Ok(text) => first_char(text),
            Err(error) => match std::str::from_utf8(&head[..error.valid_up_to()]) {
                Ok(text) if !text.is_empty() => first_char(text),
                _ => (Some(char::REPLACEMENT_CHARACTER), 1),
            },
        };
        if found == Some(END_MARK) { (None, width) } else { (found, width) }
    }

    fn peek(&self) -> Option<char> {
        self.decode().0
    }

    /// Reads a character without counting its column.
    fn advance(&mut self) -> Option<char> {
        let (found, width) = self.decode();
        self.current = found;
        match found {
            Some(_) => self.rest = &self.rest[width..],
            None => self.rest = &[],
        }
        self.width = if found.is_some() { i32::try_from(width).unwrap_or(1) } else { 1 };
        found
    }

    fn step(&mut self) {
        if self.current == Some('\n') {
            self.line = self.line.saturating_add(1);
            self.column = 0;
        } else {
            self.column = self.column.saturating_add(self.width);
        }
    }

    /// Takes the next character into the token.
    fn accept(&mut self) {
        if let Some(c) = self.advance() {
            self.text.push(c);
        }
        self.step();
    }

    /// Counts the next character to the token, but leaves it out of its text.
    fn skip(&mut self) {
        self.advance();
        self.step();
    }

    /// Leaves the character that was read last out altogether.
    fn ignore(&mut self) {
        self.step();
        self.start = self.column;
    }

    fn position(&self) -> Position {
        Position { line: self.line, start: self.start, end: self.column - 1 }
    }

    fn emit(&mut self, kind: Kind) -> Token {
        let position = self.position();
        self.start = self.column;
        Token { kind, spelling: std::mem::take(&mut self.text), position }
    }

    fn invalid(&mut self, message: String) -> Token {
        self.text = message;
        self.emit(Kind::Invalid)
    }

    fn comment(&mut self) {
        self.advance();
        self.ignore();
        loop {
            match self.peek() {
                Some('\n') => {
                    self.advance();
                    self.step();
                    return;
                }
                Some(_) => {
                    self.advance();
                    self.ignore();
                }
                None => return,
            }
        }
    }

    fn accept_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.accept();
        }
    }

    fn numeric(&mut self) -> Token {
        self.accept_while(char::is_numeric_digit);
        if !self.peek().is_some_and(|c| matches!(c, '.' | 'e' | 'E') || is_duration_unit(c)) {
            return self.emit(Kind::IntLiteral);
        }
        if self.peek() == Some('.') {
            self.accept();
            self.accept_while(char::is_numeric_digit);
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.accept();
            if matches!(self.peek(), Some('+' | '-')) {
                self.accept();
            }
            self.accept_while(char::is_numeric_digit);
        }
        if self.peek().is_some_and(is_duration_unit) {
            let part = |c: char| {
                c.is_numeric_digit() || matches!(c, '.' | '-' | '+') || is_duration_unit(c)
            };
            self.accept_while(part);
            return self.emit(Kind::DurationLiteral);
        }
        self.emit(Kind::FloatLiteral)
    }

    /// Reads to `end`, unescaping only `end`; `None` when the line ends before it.
    fn delimited(&mut self, end: char) -> Option<()> {
        loop {
            match self.peek() {
                Some('\\') => {
                    self.skip();
                    match self.peek() {
                        None | Some('\n') => return None,
                        Some(c) => {
                            if c != end {
                                self.text.push('\\');
                            }
                            self.accept();
                        }
                    }
                }
                None | Some('\n') => return None,
                Some(c) if c == end => return Some(()),
                Some(_) => self.accept(),
            }
        }
    }

    /// After a text that does not end, mtail has read the character that broke it.
    fn unterminated(&mut self, what: &str, quote: &str) -> Token {
        self.advance();
        let message = format!("Unterminated {what}: \"{quote}{}\"", self.text);
        self.invalid(message)
    }

    fn quoted(&mut self) -> Token {
        self.skip();
        if self.delimited('"').is_none() {
            return self.unterminated("quoted string", "\\\"");
        }
        self.skip();
        self.emit(Kind::Str)
    }

    fn regex(&mut self) -> Token {
        if self.delimited('/').is_none() {
            return self.unterminated("regular expression", "/");
        }
        self.emit(Kind::Regex)
    }

    fn capref(&mut self) -> Token {
        self.skip();
        self.accept_while(is_word);
        let numbered = self.text.chars().all(char::is_numeric_digit);
        self.emit(if numbered { Kind::Capref } else { Kind::CaprefNamed })
    }

    fn decorator(&mut self) -> Token {
        self.skip();
        self.accept_while(is_word);
        self.emit(Kind::Deco)
    }

    fn identifier(&mut self) -> Token {
        self.accept();
        self.accept_while(is_word);
        let kind = match Kind::keyword(&self.text) {
            Some(kind) => kind,
            None if BUILTINS.contains(&self.text.as_str()) => Kind::Builtin,
            // A later version's function; a metric of that name stays one.
            None if matches!(&*self.text, "defined" | "json" | "logfmt")
                && self.followed_by(b'(') =>
            {
                Kind::Builtin
            }
            None => Kind::Id,
        };
        self.emit(kind)
    }

    fn operator(&mut self, first: char) -> Token {
        self.accept();
        let second = self.peek();
        if first == '-' && second.is_some_and(char::is_numeric_digit) {
            return self.numeric();
        }
        let (kind, long) = match (first, second) {
            ('-', Some('-')) => (Kind::Dec, true),
            ('+', Some('+')) => (Kind::Inc, true),
            ('+', Some('=')) => (Kind::AddAssign, true),
            ('*', Some('*')) => (Kind::Pow, true),
            ('=', Some('=')) => (Kind::Eq, true),
            ('=', Some('~')) => (Kind::Match, true),
            ('<', Some('=')) => (Kind::Le, true),
            ('<', Some('<')) => (Kind::Shl, true),
            ('>', Some('=')) => (Kind::Ge, true),
            ('>', Some('>')) => (Kind::Shr, true),
            ('!', Some('=')) => (Kind::Ne, true),
            ('!', Some('~')) => (Kind::NotMatch, true),
            ('&', Some('&')) => (Kind::And, true),
            ('|', Some('|')) => (Kind::Or, true),
            _ => match single(first) {
                Some(kind) => (kind, false),
                None => return self.unexpected(first),
            },
        };
        if long {
            self.accept();
        }
        self.emit(kind)
    }

    fn unexpected(&mut self, c: char) -> Token {
        self.invalid(format!("Unexpected input: {}", crate::go::quote_rune(c)))
    }
}

fn single(c: char) -> Option<Kind> {
    Some(match c {
        '\n' => Kind::Nl,
        '{' => Kind::LCurly,
        '}' => Kind::RCurly,
        '(' => Kind::LParen,
        ')' => Kind::RParen,
        '[' => Kind::LSquare,
        ']' => Kind::RSquare,
        ',' => Kind::Comma,
        '-' => Kind::Minus,
        '+' => Kind::Plus,
        '*' => Kind::Mul,
        '=' => Kind::Assign,
        '<' => Kind::Lt,
        '>' => Kind::Gt,
        '/' => Kind::Div,
        '%' => Kind::Mod,
        '&' => Kind::BitAnd,
        '|' => Kind::BitOr,
        '^' => Kind::Xor,
        '~' => Kind::Not,
        _ => return None,
    })
}

fn first_char(text: &str) -> (Option<char>, usize) {
    text.chars().next().map_or((None, 0), |c| (Some(c), c.len_utf8()))
}

fn is_duration_unit(c: char) -> bool {
    matches!(c, 's' | 'm' | 'h' | 'd')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphabetic_letter() || c.is_numeric_digit()
}

/// Go's `unicode.IsSpace`.
fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// Go's classes of characters: `L` and `Nd`, not Unicode's derived properties.
trait Classes: Copy {
    fn is_alphabetic_letter(self) -> bool;
    fn is_numeric_digit(self) -> bool;
}

impl Classes for char {
    fn is_alphabetic_letter(self) -> bool {
        self.is_ascii_alphabetic() || (!self.is_ascii() && crate::go::is_letter(self))
    }

    fn is_numeric_digit(self) -> bool {
        self.is_ascii_digit() || (!self.is_ascii() && crate::go::is_digit(self))
    }
}
