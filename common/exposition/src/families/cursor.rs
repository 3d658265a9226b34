//! One line under a cursor: the tokens of the document parser.

use crate::parse::go_quote;

/// Why a line was refused: the message, with the place where the cursor stood.
pub(super) type Refusal = String;

const CUT_OFF: &str = "unexpected end of input stream";

/// A line and a position in it.
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    pub(super) at: usize,
    /// Whether a line break follows; reading beyond a line without one is an error.
    terminated: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a [u8], terminated: bool) -> Cursor<'a> {
        Cursor { line, at: 0, terminated }
    }

    /// The byte under the cursor; a line break at the end.
    pub(super) fn peek(&self) -> Result<u8, Refusal> {
        match self.line.get(self.at) {
            Some(&byte) => Ok(byte),
            None if self.terminated => Ok(b'\n'),
            None => Err(CUT_OFF.to_owned()),
        }
    }

    pub(super) fn take(&mut self, byte: u8) -> Result<bool, Refusal> {
        let found = self.peek()? == byte;
        self.at += usize::from(found);
        Ok(found)
    }

    /// Skips blanks and tabs; the byte behind them.
    pub(super) fn blanks(&mut self) -> Result<u8, Refusal> {
        while matches!(self.line.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.peek()
    }

    /// Everything up to a blank or the end of the line.
    pub(super) fn word(&mut self) -> Result<&'a [u8], Refusal> {
        let from = self.at;
        while !matches!(self.peek()?, b' ' | b'\t' | b'\n') {
            self.at += 1;
        }
        Ok(&self.line[from..self.at])
    }

    /// The rest of the line as it stands.
    pub(super) fn rest(&mut self) -> Result<&'a [u8], Refusal> {
        let from = self.at.min(self.line.len());
        self.at = self.line.len();
        self.peek()?;
        Ok(&self.line[from..])
    }

    /// The rest of the line with `\\`, `\n` and `\"` replaced.
    pub(super) fn help(&mut self) -> Result<Vec<u8>, Refusal> {
        let mut text = Vec::with_capacity(self.line.len() - self.at.min(self.line.len()));
        loop {
            match self.peek()? {
                b'\n' => return Ok(text),
                b'\\' => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                byte => text.push(byte),
            }
            self.at += 1;
        }
    }

    /// A name, bare or in quotes; empty where none starts. `colon` for metrics' names.
    pub(super) fn name(&mut self, colon: bool, what: &str) -> Result<Vec<u8>, Refusal> {
        if self.peek()? == b'"' {
            return self.quoted(what);
        }
        let from = self.at;
        let fits = |byte: u8, first: bool| {
            byte.is_ascii_alphabetic()
                || byte == b'_'
                || (colon && byte == b':')
                || (!first && byte.is_ascii_digit())
        };
        while fits(self.peek()?, self.at == from) {
            self.at += 1;
        }
        Ok(self.line[from..self.at].to_vec())
    }

    /// What stands in double quotes, the first of which is under the cursor.
    pub(super) fn quoted(&mut self, what: &str) -> Result<Vec<u8>, Refusal> {
        let mut text = Vec::new();
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(text);
                }
                b'\n' => {
                    return Err(format!("{what} {} contains unescaped new-line", go_quote(&text)));
                }
                b'\\' => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                byte => text.push(byte),
            }
            self.at += 1;
        }
    }

    /// What the byte after a backslash stands for; the cursor stays on it.
    fn escaped(&self) -> Result<u8, Refusal> {
        match self.peek()? {
            b'n' => Ok(b'\n'),
            byte @ (b'\\' | b'"') => Ok(byte),
            byte => Err(format!("invalid escape sequence '\\{}'", char::from(byte))),
        }
    }
}

/// A byte as Go's `%q` writes it.
pub(super) fn quote_byte(byte: u8) -> String {
    let text = go_quote(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes());
    let inner = text.trim_matches('"');
    match byte {
        b'"' => "'\"'".to_owned(),
        b'\'' => "'\\''".to_owned(),
        _ => format!("'{inner}'"),
    }
}
