//! Numbers, durations and texts as Go reads them.

use common_model::parse_float;

use super::cursor::Parser;
use crate::lexer::{Kind, Token, go_quote, unquote};

/// Units of durations with their milliseconds, the greatest first: in that order they must stand.
const UNITS: &[(&str, u64)] = &[
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Longest duration: Go counts nanoseconds in 63 bits.
const DURATION_MS_MAX: u64 = i64::MAX as u64 / 1_000_000;

impl Parser<'_> {
    /// Value of a number or, in seconds, of a duration; complains and gives 0 where it has none.
    pub(super) fn number_value(&mut self, token: Token) -> f64 {
        let text = self.text_of(token);
        let value = if token.kind == Kind::Duration {
            parse_duration_ms(text).map(seconds)
        } else {
            parse_number(text).map_err(|problem| {
                let text = go_quote(text);
                format!("error parsing number: strconv.ParseFloat: parsing {text}: {problem}")
            })
        };
        value.unwrap_or_else(|message| {
            self.complain(token.span(), message);
            0.0
        })
    }

    /// The bytes a string token stands for.
    pub(super) fn unquoted(&mut self, token: Token) -> Vec<u8> {
        let text = self.text_of(token);
        unquote(text).unwrap_or_else(|problem| {
            let message = format!("error unquoting string {}: {problem}", go_quote(text));
            self.complain(token.span(), message);
            Vec::new()
        })
    }

    /// The text a string token stands for; what is no UTF-8 becomes U+FFFD.
    pub(super) fn unquoted_lossy(&mut self, token: Token) -> String {
        String::from_utf8_lossy(&self.unquoted(token)).into_owned()
    }
}

/// Milliseconds to seconds, rounded once, as Go's `Duration.Seconds`.
#[expect(clippy::cast_precision_loss, reason = "durations are below 2^53 milliseconds")]
pub(super) fn seconds(ms: u64) -> f64 {
    (ms / 1000) as f64 + (ms % 1000) as f64 / 1000.0
}

/// A duration like `1h30m` in milliseconds; units go from the greatest to the smallest.
///
/// # Errors
/// In upstream's words.
pub fn parse_duration_ms(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    let bad = || format!("not a valid duration string: {}", go_quote(text));
    let out_of_range = || "duration out of range".to_owned();
    let mut rest = text;
    let mut total = 0_u64;
    let mut units = UNITS;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let count: u64 = rest[..unit_at].parse().map_err(|_| bad())?;
        rest = &rest[unit_at..];
        let (unit, after) =
            rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
        rest = after;
        if !UNITS.iter().any(|(name, _)| *name == unit) {
            return Err(format!("unknown unit {} in duration {}", go_quote(unit), go_quote(text)));
        }
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(bad)?;
        let ms = count.checked_mul(units[at].1).ok_or_else(out_of_range)?;
        total =
            total.checked_add(ms).filter(|ms| *ms <= DURATION_MS_MAX).ok_or_else(out_of_range)?;
        units = &units[at + 1..];
    }
    Ok(total)
}

/// A number literal: integers with Go's prefixes and underscores, floats, `Inf`, `NaN`.
pub(super) fn parse_number(text: &str) -> Result<f64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    if !underscores_separate_digits(text) {
        return Err(SYNTAX);
    }
    let plain = text.replace('_', "");
    if let Some(value) = parse_integer(&plain) {
        return Ok(value);
    }
    let value = parse_float(&plain).ok_or(SYNTAX)?;
    if value.is_infinite() && plain.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err("value out of range");
    }
    Ok(value)
}

/// `strconv.ParseInt` with base 0, for what the lexer takes for a number.
#[expect(clippy::cast_precision_loss, reason = "Go converts the integer just so")]
fn parse_integer(text: &str) -> Option<f64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    i64::from_str_radix(digits, radix).ok().map(|value| value as f64)
}

/// Go lets underscores stand between digits, or between a prefix and the first digit.
fn underscores_separate_digits(text: &str) -> bool {
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let digits = if hex { &text.as_bytes()[2..] } else { text.as_bytes() };
    let is_digit = |byte: Option<&u8>| {
        byte.is_some_and(|b| b.is_ascii_digit() || (hex && b.is_ascii_hexdigit()))
    };
    digits.iter().enumerate().filter(|(_, byte)| **byte == b'_').all(|(at, _)| {
        let before = if at == 0 { hex } else { is_digit(digits.get(at - 1)) };
        before && is_digit(digits.get(at + 1))
    })
}
