//! The longer tokens: numbers, durations, strings, words, comments.

use super::quote::{go_quote, go_unicode};
use super::{Kind, Lexer, Step};

pub(super) fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

const DIGITS: &str = "0123456789";
const HEX_DIGITS: &str = "0123456789abcdefABCDEF";

impl Lexer<'_> {
    /// To the end of the line; the `#` has been read.
    pub(super) fn comment(&mut self) -> Kind {
        self.eat_while(|c| c != '\n' && c != '\r');
        Kind::Comment
    }

    /// A word outside braces; its first character has been read.
    pub(super) fn keyword_or_identifier(&mut self) -> Kind {
        self.eat_while(|c| is_alphanumeric(c) || c == ':');
        let word = &self.input[self.start..self.at];
        match Kind::keyword(word) {
            // These came late: only before a parenthesis they are no names.
            Some(Kind::Fill | Kind::FillLeft | Kind::FillRight) if !self.parenthesis_follows() => {
                Kind::Identifier
            }
            Some(kind) => kind,
            None if word.contains(':') => Kind::MetricIdentifier,
            None => Kind::Identifier,
        }
    }

    fn parenthesis_follows(&self) -> bool {
        self.input[self.at..].trim_start_matches([' ', '\t', '\n', '\r']).starts_with('(')
    }

    /// `step`, `range`, `min_of` or `max_of` in brackets; `first` has been read. Other words give
    /// nothing and move nothing.
    pub(super) fn duration_keyword(&mut self, first: char) -> Option<Kind> {
        if !matches!(first, 's' | 'S' | 'r' | 'R' | 'm' | 'M') {
            return None;
        }
        let before = self.at;
        self.eat_while(|c| c.is_ascii_alphabetic() || c == '_');
        let word = &self.input[self.start..self.at];
        let kind = Kind::keyword(word)
            .filter(|kind| matches!(kind, Kind::Step | Kind::Range | Kind::MinOf | Kind::MaxOf));
        if kind.is_none() {
            self.at = before;
        }
        kind
    }

    /// A number, or a duration like `1h30m`; the first character has been read.
    pub(super) fn number_or_duration(&mut self) -> Step {
        self.at = self.start;
        if self.scan_number() {
            return Ok(Some(Kind::Number));
        }
        if self.scan_duration() {
            return Ok(Some(Kind::Duration));
        }
        let text = go_quote(&self.input[self.start..self.at]);
        self.fail(format!("bad number or duration syntax: {text}"))
    }

    /// Upstream's scanner, step for step: what it has read when it fails stands in the message.
    fn scan_number(&mut self) -> bool {
        let mut digits = DIGITS;
        if self.eat('0') && self.eat_any("xX") {
            self.eat('_');
            digits = HEX_DIGITS;
        }
        self.eat('.');
        self.eat_any(digits);
        let (mut dot_seen, mut exponent_seen) = (false, false);
        while let Some(c) = self.peek() {
            match c {
                c if digits.contains(c) && !(matches!(c, 'e' | 'E')) => {
                    self.eat_while(|c| digits.contains(c));
                }
                '.' => {
                    self.bump();
                    if dot_seen {
                        return false;
                    }
                    dot_seen = true;
                    // Neither twice in a row nor before an underscore nor in hexadecimals.
                    if self.eat_any("_.") || digits.len() > DIGITS.len() {
                        return false;
                    }
                }
                'e' | 'E' => {
                    self.bump();
                    if exponent_seen {
                        return false;
                    }
                    exponent_seen = true;
                    self.eat_any("+-");
                    if self.eat_any("._eE") || self.peek().is_none() {
                        return false;
                    }
                }
                '_' => {
                    self.bump();
                    if self.eat_any("._eE") || self.peek().is_none() {
                        return false;
                    }
                }
                _ => break,
            }
        }
        self.at > self.start && !self.peek().is_some_and(is_alphanumeric)
    }

    /// The rest of a duration after its first digits. Units are checked when it is read.
    fn scan_duration(&mut self) -> bool {
        if !self.eat_any("smhdwy") {
            return false;
        }
        self.eat('s');
        while self.eat_any(DIGITS) {
            self.eat_while(|c| c.is_ascii_digit());
            if !self.eat_any("smhdw") {
                return false;
            }
            self.eat('s');
        }
        if self.peek().is_some_and(is_alphanumeric) {
            // The character that is too much stands in the message.
            self.bump();
            return false;
        }
        true
    }

    /// A string in double or single quotes; the opening one has been read.
    pub(super) fn string(&mut self, quote: char) -> Step {
        loop {
            match self.bump() {
                None | Some('\n') => {
                    return self.fail("unterminated quoted string".to_owned());
                }
                Some(char::REPLACEMENT_CHARACTER) => {
                    return self.fail("invalid UTF-8 rune".to_owned());
                }
                Some('\\') => {
                    if let Err(message) = self.escape(quote) {
                        return self.fail(message);
                    }
                }
                Some(c) if c == quote => return Ok(Some(Kind::String)),
                Some(_) => {}
            }
        }
    }

    /// A string in backticks; the opening one has been read.
    pub(super) fn raw_string(&mut self) -> Step {
        loop {
            match self.bump() {
                None => return self.fail("unterminated raw string".to_owned()),
                Some(char::REPLACEMENT_CHARACTER) => {
                    return self.fail("invalid UTF-8 rune".to_owned());
                }
                Some('`') => return Ok(Some(Kind::String)),
                Some(_) => {}
            }
        }
    }

    /// One escape sequence; the backslash has been read.
    fn escape(&mut self, quote: char) -> Result<(), String> {
        let unterminated = || "escape sequence not terminated".to_owned();
        let (count, radix, code_max) = match self.bump() {
            None => return Err(unterminated()),
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
            Some(c) if c == quote => return Ok(()),
            Some('0'..='7') => {
                self.at -= 1;
                (3, 8, 255)
            }
            Some('x') => (2, 16, 255),
            Some('u') => (4, 16, u32::from(char::MAX)),
            Some('U') => (8, 16, u32::from(char::MAX)),
            Some(c) => return Err(format!("unknown escape sequence {}", go_unicode(c))),
        };
        let mut code = 0_u32;
        for _ in 0..count {
            let c = self.bump().ok_or_else(unterminated)?;
            let digit = c
                .to_digit(radix)
                .ok_or_else(|| format!("illegal character {} in escape sequence", go_unicode(c)))?;
            // Eight hexadecimal digits fill the 32 bits exactly.
            code = code.wrapping_mul(radix).wrapping_add(digit);
        }
        if code > code_max || (0xd800..0xe000).contains(&code) {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }
}
