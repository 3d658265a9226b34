//! Floats to bytes, quickly: nearly all samples are integers.

use std::io::Write;

use common_model::push_float;

/// Integers below have at most fifteen digits: their shortest form is their own digits.
const EXACT_MAX: f64 = 1e15;
/// From here on Go's `g` form has an exponent.
const PLAIN_MAX: u64 = 1_000_000;

/// Appends `value` in Go's `g` form, as the text format has it.
pub(crate) fn push_number(out: &mut Vec<u8>, value: f64) {
    let magnitude = value.abs();
    if magnitude < EXACT_MAX
        && magnitude.trunc() == magnitude
        && !(value == 0.0 && value.is_sign_negative())
    {
        if value < 0.0 {
            out.push(b'-');
        }
        push_integer(out, magnitude as u64);
    } else {
        let mut text = String::with_capacity(24);
        push_float(&mut text, value);
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends `value` as OpenMetrics has floats: never without a dot or an exponent.
pub(crate) fn push_open_float(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    if value == 0.0 {
        out.extend_from_slice(b"0.0");
        return;
    }
    push_number(out, value);
    if value.is_finite() && !out[start..].iter().any(|b| matches!(b, b'.' | b'e')) {
        out.extend_from_slice(b".0");
    }
}

/// Appends a count in plain digits, as OpenMetrics has them; fractions fall back to floats.
pub(crate) fn push_open_count(out: &mut Vec<u8>, value: f64) {
    if value >= 0.0 && value <= u64::MAX as f64 && value.trunc() == value {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{}", value as u64);
    } else {
        push_open_float(out, value);
    }
}

fn push_integer(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let digits = &digits[at..];
    if number < PLAIN_MAX {
        out.extend_from_slice(digits);
        return;
    }
    let exponent = digits.len() - 1;
    let last = digits.iter().rposition(|&digit| digit != b'0').unwrap_or(0);
    out.push(digits[0]);
    if last > 0 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..=last]);
    }
    out.extend_from_slice(b"e+");
    out.push(b'0' + (exponent / 10) as u8);
    out.push(b'0' + (exponent % 10) as u8);
}

#[cfg(test)]
mod tests {
    use common_model::format_float;

    use super::*;

    fn written(push: impl Fn(&mut Vec<u8>, f64), value: f64) -> String {
        let mut out = Vec::new();
        push(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_quick_way_writes_what_the_slow_way_writes() {
        let mut values = vec![0.0, -0.0, 0.5, 1e-7, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for power in 0..18 {
            for factor in [1.0, 1.5, 9.0, 9.999_999, 1.234_567, 7.0] {
                let value = factor * 10_f64.powi(power);
                values.extend([value, value + 1.0, -value, value.trunc(), value - 1.0]);
            }
        }
        for value in values {
            assert_eq!(written(push_number, value), format_float(value));
        }
    }

    #[test]
    fn openmetrics_floats_have_a_dot_or_an_exponent() {
        for (value, float, count) in [
            (0.0, "0.0", "0"),
            (1.0, "1.0", "1"),
            (-1.0, "-1.0", "-1.0"),
            (2.5, "2.5", "2.5"),
            (1e6, "1e+06", "1000000"),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
        ] {
            assert_eq!(written(push_open_float, value), float);
            assert_eq!(written(push_open_count, value), count);
        }
    }
}
