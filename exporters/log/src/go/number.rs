//! Go's `strconv` for numbers.

use std::fmt::Write as _;

/// So many decimal digits are an `i64` whatever they are.
const DIGITS_THAT_FIT: usize = 18;

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// It is none.
    Syntax,
    /// It is too large.
    Range,
    /// Nobody counts to that base.
    Base(i64),
}

impl NumberError {
    /// In Go's words, for a function of `strconv`.
    #[must_use]
    pub(crate) fn text(self, function: &str, input: &[u8]) -> String {
        let quoted = super::quote(input);
        match self {
            NumberError::Syntax => format!("strconv.{function}: parsing {quoted}: invalid syntax"),
            NumberError::Range => {
                format!("strconv.{function}: parsing {quoted}: value out of range")
            }
            NumberError::Base(base) => {
                format!("strconv.{function}: parsing {quoted}: invalid base {base}")
            }
        }
    }
}

/// `strconv.ParseInt(text, base, 64)` for a base other than 0.
///
/// # Errors
/// Where Go gives one.
pub(crate) fn parse_int(text: &[u8], base: i64) -> Result<i64, NumberError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() {
        return Err(NumberError::Syntax);
    }
    if base == 10 && digits.len() <= DIGITS_THAT_FIT {
        let mut value = 0;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(NumberError::Syntax);
            }
            value = value * 10 + i64::from(digit);
        }
        return Ok(if negative { -value } else { value });
    }
    let radix = u32::try_from(base).ok().filter(|base| (2..=36).contains(base));
    let radix = radix.ok_or(NumberError::Base(base))?;
    let mut value = Some(0_u64);
    for &byte in digits {
        let digit = char::from(byte).to_digit(radix).ok_or(NumberError::Syntax)?;
        let grown = value.and_then(|v| v.checked_mul(u64::from(radix)));
        value = grown.and_then(|v| v.checked_add(u64::from(digit)));
    }
    let value = value.ok_or(NumberError::Range)?;
    match i64::try_from(value) {
        Ok(value) => Ok(if negative { -value } else { value }),
        Err(_) if negative && value == 1 << 63 => Ok(i64::MIN),
        Err(_) => Err(NumberError::Range),
    }
}

/// `strconv.ParseFloat(text, 64)`.
///
/// # Errors
/// Where Go gives one.
pub(crate) fn parse_float(text: &[u8]) -> Result<f64, NumberError> {
    let text = std::str::from_utf8(text).map_err(|_| NumberError::Syntax)?;
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = |value: f64| if negative { -value } else { value };
    if body.eq_ignore_ascii_case("inf") || body.eq_ignore_ascii_case("infinity") {
        return Ok(signed(f64::INFINITY));
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let without;
    let mut plain = body;
    if body.contains('_') {
        if !underscores_are_right(body) {
            return Err(NumberError::Syntax);
        }
        without = body.replace('_', "");
        plain = &without;
    }
    if let Some(hex) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return parse_hex(hex).map(signed);
    }
    let allowed = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    let starts = plain.as_bytes().first().is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    if !starts || !plain.bytes().all(allowed) {
        return Err(NumberError::Syntax);
    }
    let value: f64 = plain.parse().map_err(|_| NumberError::Syntax)?;
    if value.is_infinite() { Err(NumberError::Range) } else { Ok(signed(value)) }
}

/// Underscores stand between digits, or behind the prefix of a base.
fn underscores_are_right(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut before, mut rest, mut hex) = (b'^', bytes, false);
    if let [b'0', letter, tail @ ..] = bytes
        && matches!(letter.to_ascii_lowercase(), b'b' | b'o' | b'x')
    {
        (before, rest, hex) = (b'0', tail, letter.eq_ignore_ascii_case(&b'x'));
    }
    for &byte in rest {
        if byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit()) {
            before = b'0';
        } else if byte == b'_' {
            if before != b'0' {
                return false;
            }
            before = b'_';
        } else {
            if before == b'_' {
                return false;
            }
            before = b'!';
        }
    }
    before != b'_'
}

/// A hexadecimal floating-point number behind its prefix: `1.8p3`.
fn parse_hex(text: &str) -> Result<f64, NumberError> {
    let split = text.find(['p', 'P']).ok_or(NumberError::Syntax)?;
    let (digits, exponent) = (&text[..split], &text[split + 1..]);
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Syntax);
    }
    let mut exponent: i32 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { -100_000 } else { 100_000 });
    exponent = exponent.clamp(-100_000, 100_000);
    let (mut value, mut seen, mut fraction, mut sticky) = (0_u64, false, false, false);
    for byte in digits.bytes() {
        if byte == b'.' && !fraction {
            fraction = true;
            continue;
        }
        let digit = char::from(byte).to_digit(16).ok_or(NumberError::Syntax)?;
        seen = true;
        if value >> 58 == 0 {
            value = value << 4 | u64::from(digit);
            exponent -= if fraction { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            exponent += if fraction { 0 } else { 4 };
        }
    }
    if !seen {
        return Err(NumberError::Syntax);
    }
    #[expect(clippy::cast_precision_loss, reason = "rounding to the nearest is what is wanted")]
    let mantissa = (value | u64::from(sticky)) as f64;
    // In two steps, so that neither factor leaves the range before the product does.
    let (first, second) = (exponent / 2, exponent - exponent / 2);
    let value = mantissa * 2_f64.powi(first) * 2_f64.powi(second);
    if value.is_infinite() { Err(NumberError::Range) } else { Ok(value) }
}

/// `strconv.FormatFloat(value, 'g', -1, 64)`, which is also `%g`.
#[must_use]
pub(crate) fn format_g(value: f64) -> String {
    let mut text = String::new();
    write_g(&mut text, value);
    text
}

/// Appends [`format_g`].
pub(crate) fn write_g(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
        return;
    }
    if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        return;
    }
    let magnitude = value.abs();
    // Writing to a string cannot fail.
    if magnitude == 0.0 || (1e-4..1e6).contains(&magnitude) {
        let _ = write!(out, "{value}");
        return;
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
}

/// Go's conversion of a float to `int64` on amd64: what does not fit is the smallest number.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "checked")]
pub(crate) fn to_int64(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// `math.Mod`.
#[must_use]
pub(crate) fn mod_float(a: f64, b: f64) -> f64 {
    a % b
}

/// `math.Pow`.
#[must_use]
pub(crate) fn pow_float(a: f64, b: f64) -> f64 {
    a.powf(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_what_go_takes() {
        fn check(text: &str, base: i64, expected: Result<i64, NumberError>) {
            assert_eq!(parse_int(text.as_bytes(), base), expected, "{text}");
        }
        check("+5", 10, Ok(5));
        check("-9223372036854775808", 10, Ok(i64::MIN));
        check("9223372036854775808", 10, Err(NumberError::Range));
        check("0x10", 16, Err(NumberError::Syntax));
        check("1_000", 10, Err(NumberError::Syntax));
        check("fF", 16, Ok(255));
        check("", 10, Err(NumberError::Syntax));
        check("1", 37, Err(NumberError::Base(37)));
    }

    #[test]
    fn floats_are_what_go_takes() {
        fn check(text: &str, expected: Result<f64, NumberError>) {
            assert_eq!(parse_float(text.as_bytes()), expected, "{text}");
        }
        check("Inf", Ok(f64::INFINITY));
        check("-infinity", Ok(f64::NEG_INFINITY));
        check("0x1p-2", Ok(0.25));
        check("0x1.8p1", Ok(3.0));
        check("1_0", Ok(10.0));
        check("1__0", Err(NumberError::Syntax));
        check("1e400", Err(NumberError::Range));
        check(".5", Ok(0.5));
        check("1e", Err(NumberError::Syntax));
        check("", Err(NumberError::Syntax));
        check("e5", Err(NumberError::Syntax));
    }

    #[test]
    fn floats_are_shown_as_go_shows_them() {
        fn check(value: f64, expected: &str) {
            assert_eq!(format_g(value), expected);
        }
        check(1.5, "1.5");
        check(0.0, "0");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(1e6, "1e+06");
        check(20_999_999.5, "2.09999995e+07");
        check(f64::NEG_INFINITY, "-Inf");
    }
}
