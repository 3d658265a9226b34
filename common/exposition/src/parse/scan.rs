//! Bytes under a cursor: what both lexers are made of.

use std::fmt;

/// What a lexer found. Printed by the names the original gives them in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Invalid,
    Eof,
    Linebreak,
    Whitespace,
    Help,
    Type,
    Unit,
    EofWord,
    Text,
    Comment,
    MetricName,
    QuotedString,
    BraceOpen,
    BraceClose,
    LabelName,
    LabelValue,
    Comma,
    Equal,
    Timestamp,
    Value,
}

impl Token {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Token::Invalid => "INVALID",
            Token::Eof => "EOF",
            Token::Linebreak => "LINEBREAK",
            Token::Whitespace => "WHITESPACE",
            Token::Help => "HELP",
            Token::Type => "TYPE",
            Token::Unit => "UNIT",
            Token::EofWord => "EOFWORD",
            Token::Text => "TEXT",
            Token::Comment => "COMMENT",
            Token::MetricName => "MNAME",
            Token::QuotedString => "QSTRING",
            Token::BraceOpen => "BOPEN",
            Token::BraceClose => "BCLOSE",
            Token::LabelName => "LNAME",
            Token::LabelValue => "LVALUE",
            Token::Comma => "COMMA",
            Token::Equal => "EQUAL",
            Token::Timestamp => "TIMESTAMP",
            Token::Value => "VALUE",
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where in a line the lexers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Init,
    Comment,
    MetaName,
    MetaText,
    Labels,
    LabelValue,
    Value,
    Timestamp,
    Exemplar,
    ExemplarValue,
    ExemplarTimestamp,
}

/// A position in the input. `start` is where the current token began, `at` the first byte that is
/// not part of it; after [`Token::Invalid`] that is the byte that did not fit.
///
/// A NUL byte fits no rule, as in the original's generated lexers, except inside help texts,
/// comments and label values. The end of the input reads as NUL, too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) start: usize,
    pub(super) at: usize,
    pub(super) state: State,
    /// The text format ends every input with a line break of its own.
    pub(super) extra_linebreak: bool,
}

const LETTER: u8 = 1;
const COLON: u8 = 2;
const DIGIT: u8 = 4;

/// What a byte may be in a name.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER,
            b':' => COLON,
            b'0'..=b'9' => DIGIT,
            _ => 0,
        };
        byte += 1;
    }
    class
};

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8], extra_linebreak: bool) -> Scan<'a> {
        Scan { bytes, start: 0, at: 0, state: State::Init, extra_linebreak }
    }

    /// Length including the added line break.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + usize::from(self.extra_linebreak)
    }

    /// The byte at `at`; NUL behind the end.
    pub(super) fn peek(&self) -> u8 {
        self.byte(self.at)
    }

    pub(super) fn byte(&self, at: usize) -> u8 {
        match self.bytes.get(at) {
            Some(&byte) => byte,
            None if self.extra_linebreak && at == self.bytes.len() => b'\n',
            None => 0,
        }
    }

    /// The current token. The added line break is never part of one that anybody reads.
    pub(super) fn token(&self) -> &'a [u8] {
        self.slice(self.start, self.at)
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        let to = to.min(self.bytes.len());
        &self.bytes[from.min(to)..to]
    }

    /// Takes one byte and gives `token`.
    pub(super) fn one(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    /// Takes a metric's name or a label's, whose first letter is under the cursor.
    pub(super) fn name(&mut self, metric: bool) -> bool {
        let first = if metric { LETTER | COLON } else { LETTER };
        if CLASS[usize::from(self.peek())] & first == 0 {
            return false;
        }
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&b| CLASS[usize::from(b)] & (first | DIGIT) == 0);
        self.at += length.unwrap_or(rest.len());
        true
    }

    /// Takes a string in double quotes; the opening one is under the cursor. `line` says whether a
    /// line break ends it early, `nul` whether NUL does.
    pub(super) fn quoted(&mut self, line: bool, nul: bool) -> bool {
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let stop = |&b: &u8| b == b'"' || b == b'\\' || (b == b'\n' && line) || (b == 0 && nul);
            match rest.iter().position(stop) {
                Some(length) => self.at += length,
                // The added line break is like any other inside quotes.
                None if line => {
                    self.at = self.bytes.len();
                    return false;
                }
                None => {
                    self.at = self.len();
                    return false;
                }
            }
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return true;
                }
                b'\\' => {
                    self.at += 1;
                    while !nul && self.at < self.bytes.len() && self.peek() == 0 {
                        self.at += 1;
                    }
                    if matches!(self.peek(), b'\n' | 0) {
                        return false;
                    }
                    self.at += 1;
                }
                _ => return false,
            }
        }
    }

    /// Takes bytes up to a blank, a line break, NUL, or one that `stop` names; how many.
    pub(super) fn word(&mut self, stop: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let ends = |&b: &u8| matches!(b, b' ' | b'\n' | 0) || stop(b);
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        length
    }

    /// Moves to the end of the line.
    pub(super) fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    /// Takes a keyword, skipping NUL bytes, or stops at the first byte that differs.
    pub(super) fn keyword(&mut self, word: &[u8]) -> bool {
        for &wanted in word {
            if self.peek() != wanted {
                return false;
            }
            self.at += 1;
            while self.at < self.bytes.len() && self.peek() == 0 {
                self.at += 1;
            }
        }
        true
    }
}
