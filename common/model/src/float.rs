//! Floats as Go prints and reads them: what stands on the wire, in JSON and in labels.

use std::fmt::Write;

/// `strconv.FormatFloat(v, 'g', -1, 64)`: the shortest digits that read back, as `1e+06` when the
/// decimal exponent is below −4 or at least 6. The form of the exposition formats and of `%v`.
#[must_use]
pub fn format_float(value: f64) -> String {
    let mut text = String::new();
    push_float(&mut text, value);
    text
}

/// [`format_float`], appended to `text`.
pub fn push_float(text: &mut String, value: f64) {
    if let Some(special) = special(value) {
        text.push_str(special);
        return;
    }
    let magnitude = value.abs();
    // Plain form covers what nearly every sample is: zero, and magnitudes from 1e-4 up to 1e6.
    if magnitude == 0.0 || (1e-4..1e6).contains(&magnitude) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{value}");
        return;
    }
    let start = text.len();
    let _ = write!(text, "{value:e}");
    // Rust writes 1e6 and 1e-5, Go 1e+06 and 1e-05.
    if let Some(at) = text[start..].find('e').map(|at| start + at) {
        let exponent = text.split_off(at + 1);
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent.as_str()),
        };
        text.push(sign);
        if digits.len() < 2 {
            text.push('0');
        }
        text.push_str(digits);
    }
}

/// `strconv.FormatFloat(v, 'f', -1, 64)`: the shortest digits, never an exponent. The form of
/// sample values in the HTTP API.
#[must_use]
pub fn format_float_fixed(value: f64) -> String {
    match special(value) {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

/// `strconv.ParseFloat(text, 64)` for what metrics contain: decimal, exponents, hexadecimal floats
/// and integers with a `p` exponent, `Inf`, `Infinity` and `NaN` in any case, a sign. Underscores
/// are refused, as Go refuses them outside literals; values out of range become infinite.
#[must_use]
pub fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let first = *unsigned.as_bytes().first()?;
    if unsigned.len() > 1 && first == b'0' && matches!(unsigned.as_bytes()[1], b'x' | b'X') {
        let value = parse_hex(&unsigned[2..])?;
        return Some(if text.starts_with('-') { -value } else { value });
    }
    match first.to_ascii_lowercase() {
        b'n' if !unsigned.eq_ignore_ascii_case("nan") || unsigned.len() != text.len() => None,
        b'n' => Some(f64::NAN),
        // Rust's own parser takes the words and decimals in exactly Go's spelling.
        b'i' | b'0'..=b'9' | b'.' => text.parse().ok(),
        _ => None,
    }
}

/// `hex digits [. hex digits] p [sign] decimal digits`, the exponent being mandatory.
fn parse_hex(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.checked_sub(4 * i32::try_from(fraction.len()).ok()?)?;
    Some(value * 2_f64.powi(shift))
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, general, fixed) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.0, "1", "1"),
            (100_000.0, "100000", "100000"),
            (1e6, "1e+06", "1000000"),
            (1_044_480.0, "1.04448e+06", "1044480"),
            (1e-4, "0.0001", "0.0001"),
            (1e-5, "1e-05", "0.00001"),
            (1.5e-10, "1.5e-10", "0.00000000015"),
            (1e100, "1e+100", &format!("1{}", "0".repeat(100))),
            (-2.5e7, "-2.5e+07", "-25000000"),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            assert_eq!(format_float(value), general);
            assert_eq!(format_float_fixed(value), fixed);
        }
    }

    #[test]
    fn floats_are_read_as_go_reads_them() {
        for (text, wanted) in [
            ("1", Some(1.0)),
            ("+1.5e3", Some(1500.0)),
            ("-Inf", Some(f64::NEG_INFINITY)),
            ("infinity", Some(f64::INFINITY)),
            ("0x1p4", Some(16.0)),
            ("-0x1.8p1", Some(-3.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("0x10", None),
            ("1_000", None),
            ("", None),
            ("-", None),
            ("1e", None),
            ("+nan", None),
        ] {
            assert_eq!(parse_float(text), wanted, "{text:?}");
        }
        assert!(parse_float("nAn").is_some_and(f64::is_nan));
    }
}
