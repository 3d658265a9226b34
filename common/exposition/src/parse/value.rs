//! Numbers as Go reads them, with Go's complaints.

use common_model::{NORMAL_NAN, parse_float};

use super::error::go_quote;

/// Digits that fit a double without a second look.
const QUICK_DIGITS_MAX: usize = 15;

/// A float: what Go took before 1.13, no hexadecimal and no underscores. Every NaN is the one that is stored.
pub(crate) fn float(bytes: &[u8]) -> Result<f64, String> {
    if !bytes.is_empty() && bytes.len() <= QUICK_DIGITS_MAX && bytes.iter().all(u8::is_ascii_digit)
    {
        return Ok(bytes.iter().fold(0_u64, |n, b| n * 10 + u64::from(b - b'0')) as f64);
    }
    if bytes.iter().any(|b| matches!(b, b'p' | b'P' | b'_')) {
        return Err("unsupported character in float".to_owned());
    }
    let value = std::str::from_utf8(bytes).ok().and_then(parse_float);
    match value {
        Some(value) if value.is_nan() => Ok(f64::from_bits(NORMAL_NAN)),
        Some(value) if value.is_infinite() && bytes.iter().any(u8::is_ascii_digit) => {
            Err(format!("strconv.ParseFloat: parsing {}: value out of range", go_quote(bytes)))
        }
        Some(value) => Ok(value),
        None => Err(format!("strconv.ParseFloat: parsing {}: invalid syntax", go_quote(bytes))),
    }
}

/// A number of milliseconds in plain digits.
pub(super) fn integer(bytes: &[u8]) -> Result<i64, String> {
    let value = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    value
        .ok_or_else(|| format!("strconv.ParseInt: parsing {}: value out of range", go_quote(bytes)))
}

/// Seconds to milliseconds as Go converts: what does not fit becomes the smallest number.
pub(super) fn seconds_to_ms(seconds: f64) -> i64 {
    let ms = seconds * 1000.0;
    if ms >= i64::MAX as f64 { i64::MIN } else { ms as i64 }
}
