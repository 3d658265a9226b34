//! Escapes that stand for one character.

use super::Parser;
use crate::error::{Error, ErrorCode};

const CODE_POINT_MAX: u32 = 0x10_FFFF;

impl Parser<'_> {
    /// Reads an escape; the caller saw the backslash.
    pub(super) fn escape(&mut self) -> Result<u32, Error> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.next() else {
            return Err(Error::new(ErrorCode::TrailingBackslash, ""));
        };
        let code_point = match c {
            // A single digit would be a reference back, which there is not.
            '1'..='7' if !matches!(self.peek(), Some('0'..='7')) => None,
            '0'..='7' => Some(self.octal(c)),
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' => Some(0x0a),
            'r' => Some(0x0d),
            't' => Some(0x09),
            'v' => Some(0x0b),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        code_point.ok_or_else(|| self.error_since(ErrorCode::InvalidEscape, start))
    }

    /// Up to three octal digits, of which the first is read.
    fn octal(&mut self, first: char) -> u32 {
        let mut value = first.to_digit(8).unwrap_or(0);
        for _ in 1..3 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            self.at += 1;
            value = value * 8 + digit;
        }
        value
    }

    /// `\x41` or `\x{1F600}`, behind the x.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.next()?;
        if first != '{' {
            let second = self.next();
            return Some(first.to_digit(16)? * 16 + second?.to_digit(16)?);
        }
        let (mut value, mut digits) = (0_u32, 0);
        loop {
            let c = self.next()?;
            if c == '}' {
                return (digits > 0).then_some(value);
            }
            value = value * 16 + c.to_digit(16)?;
            if value > CODE_POINT_MAX {
                return None;
            }
            digits += 1;
        }
    }
}
