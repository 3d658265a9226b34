//! Numbers and strings, in Go's spelling.

use super::Parser;
use crate::ast::{Number, Term};
use crate::error::Error;
use crate::format::quote;
use crate::lex::{Kind, Token};

impl Parser<'_> {
    /// A number or a character constant.
    pub(super) fn number(&self, token: &Token) -> Result<Term, Error> {
        let text = token.text.clone();
        let number = if token.kind == Kind::CharConstant {
            let (code_point, rest) =
                unquote_char(&text).ok_or_else(|| self.error("invalid syntax"))?;
            if rest != "'" {
                return Err(self.error(&format!("malformed character constant: {text}")));
            }
            Number::Int(i64::from(u32::from(code_point)))
        } else {
            let problem = |problem| self.error(&format!("{problem}: {}", quote(&text)));
            match read_number(&text) {
                Some(Number::Float(_)) if is_integer(&text) => {
                    return Err(problem("integer overflow"));
                }
                Some(number) => number,
                None => return Err(problem("illegal number syntax")),
            }
        };
        Ok(Term::Number { text, number })
    }

    pub(super) fn unquote(&self, text: &str) -> Result<String, Error> {
        unquote(text).ok_or_else(|| self.error("invalid syntax"))
    }
}

/// Whether nothing in the spelling says that it is a float.
fn is_integer(text: &str) -> bool {
    !text.contains(['.', 'e', 'E', 'p', 'P'])
}

/// An integer in Go's bases, or a float. Imaginary numbers are refused: nothing here computes
/// with them.
fn read_number(text: &str) -> Option<Number> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if let Some(digits) = without_underscores(digits, base != 10)
        && !digits.is_empty()
        && digits.chars().all(|c| c.is_digit(base))
    {
        let sign = if negative { "-" } else { "" };
        if let Ok(value) = i64::from_str_radix(&format!("{sign}{digits}"), base) {
            return Some(Number::Int(value));
        }
        let unsigned = u64::from_str_radix(&digits, base).ok().filter(|_| !negative);
        return Some(unsigned.map_or(Number::Float(f64::INFINITY), |_| Number::Overflow));
    }
    let plain = without_underscores(&lower, false)?;
    let value = common_model::parse_float(&plain).filter(|value| value.is_finite())?;
    Some(Number::Float(if negative { -value } else { value }))
}

/// Underscores may only stand between digits, or behind a base prefix.
fn without_underscores(text: &str, after_prefix: bool) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    for (at, byte) in bytes.iter().enumerate() {
        let before = if at == 0 { after_prefix } else { digit(at - 1) };
        if *byte == b'_' && !(before && digit(at + 1)) {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

/// What a quoted string means: `strconv.Unquote`.
fn unquote(text: &str) -> Option<String> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.strip_suffix('`').map(|raw| raw.replace('\r', ""));
    }
    let mut rest = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some(c) = rest.chars().next() {
        match c {
            '"' | '\n' => return None,
            '\\' => rest = unescape(rest, '"', &mut bytes)?,
            c => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    // Go's strings may hold any bytes; ours are UTF-8.
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first character behind the quote, and what follows it.
fn unquote_char(text: &str) -> Option<(char, &str)> {
    let inner = text.strip_prefix('\'')?;
    if !inner.starts_with('\\') {
        let c = inner.chars().next().filter(|c| *c != '\'')?;
        return Some((c, &inner[c.len_utf8()..]));
    }
    let mut bytes = Vec::new();
    let rest = unescape(inner, '\'', &mut bytes)?;
    let c = match bytes.as_slice() {
        [byte] => char::from(*byte),
        bytes => std::str::from_utf8(bytes).ok()?.chars().next()?,
    };
    Some((c, rest))
}

/// Appends what the escape at the start of `text` means, and returns what follows it.
fn unescape<'t>(text: &'t str, quote: char, bytes: &mut Vec<u8>) -> Option<&'t str> {
    let mut chars = text[1..].chars();
    let c = chars.next()?;
    let rest = chars.as_str();
    let plain = match c {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '\'' | '"' if c == quote => c as u8,
        'x' => {
            bytes.push(u8::try_from(read_digits(rest, 2, 16)?).ok()?);
            return Some(&rest[2..]);
        }
        'u' | 'U' => {
            let length = if c == 'u' { 4 } else { 8 };
            let c = char::from_u32(read_digits(rest, length, 16)?)?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(&rest[length..]);
        }
        '0'..='7' => {
            let digits = &text[1..];
            bytes.push(u8::try_from(read_digits(digits, 3, 8)?).ok()?);
            return Some(&digits[3..]);
        }
        _ => return None,
    };
    bytes.push(plain);
    Some(rest)
}

fn read_digits(text: &str, length: usize, base: u32) -> Option<u32> {
    let digits = text.get(..length)?;
    if digits.chars().all(|c| c.is_digit(base)) {
        u32::from_str_radix(digits, base).ok()
    } else {
        None
    }
}
