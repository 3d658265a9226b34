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

/// Powers of ten that a double holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Digits that fit in 64 bits.
const MANTISSA_DIGITS_MAX: usize = 19;
/// Integers up to this one are doubles, each of them.
const MANTISSA_MAX: u64 = 1 << 53;

/// The number that `line` begins with, when a line break follows and nothing needs rounding but one
/// multiplication or division by a power of ten, which rounds as it should: nearly all numbers. With
/// it the bytes taken, line break included. `None` decides nothing.
pub(super) fn quick(line: &[u8]) -> Option<(f64, usize)> {
    let negative = line.first() == Some(&b'-');
    let mut at = usize::from(negative);
    let mut mantissa = 0_u64;
    let mut digits = |at: &mut usize| {
        let from = *at;
        while let Some(digit) = line.get(*at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            *at += 1;
        }
        *at - from
    };
    let mut count = digits(&mut at);
    let (whole, mut exponent) = (count, 0);
    if line.get(at) == Some(&b'.') {
        at += 1;
        let fraction = digits(&mut at);
        if fraction == 0 {
            return None;
        }
        count += fraction;
        exponent = -(fraction as i32);
    }
    if whole == 0 || count > MANTISSA_DIGITS_MAX || mantissa > MANTISSA_MAX {
        return None;
    }
    if line.get(at) == Some(&b'e') {
        let (power, behind) = quick_exponent(line, at + 1)?;
        exponent += power;
        at = behind;
    }
    if line.get(at) != Some(&b'\n') {
        return None;
    }
    let ten = *TENS.get(exponent.unsigned_abs() as usize)?;
    let value = if exponent < 0 { mantissa as f64 / ten } else { mantissa as f64 * ten };
    Some((if negative { -value } else { value }, at + 1))
}

/// A sign and one or two digits; where they end.
fn quick_exponent(line: &[u8], at: usize) -> Option<(i32, usize)> {
    let sign = match line.get(at)? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = line.get(at + 1..)?.iter().take_while(|b| b.is_ascii_digit()).take(3);
    let digits = digits.map(|b| i32::from(b - b'0'));
    let (count, power) = digits.fold((0, 0), |(count, n), digit| (count + 1, n * 10 + digit));
    matches!(count, 1 | 2).then_some((sign * power, at + 1 + count))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_way_knows_most_numbers_and_agrees_with_the_slow_one() {
        for text in [
            "0",
            "-0",
            "1",
            "42",
            "-7",
            "0.5",
            "1.25",
            "-3.0625",
            "123456.789",
            "1e+06",
            "1.5e+09",
            "2.5e-05",
            "1.7e+01",
            "9007199254740992",
            "0.1",
            "0.001",
            "1.23457e+06",
            "5e-22",
            "1e+22",
            "000012",
            "3.14159",
        ] {
            let line = format!("{text}\nb 1\n");
            let found = quick(line.as_bytes()).map(|(value, taken)| (value.to_bits(), taken));
            let wanted = float(text.as_bytes()).map(f64::to_bits).ok();
            assert_eq!(found, wanted.map(|bits| (bits, text.len() + 1)), "{text}");
        }
    }

    #[test]
    fn the_quick_way_leaves_alone_what_it_does_not_know() {
        for line in [
            "",
            "\n",
            "-\n",
            ".5\n",
            "5.\n",
            "+1\n",
            "1",
            "1 2\n",
            "1e5\n",
            "1e+\n",
            "1e+123\n",
            "1e+23\n",
            "1e-23\n",
            "NaN\n",
            "+Inf\n",
            "0x1p4\n",
            "1_0\n",
            "9007199254740993\n",
            "1\r\n",
            "1.\n",
            "18446744073709551617\n",
            "100000000000000000001\n",
            "1.2.3\n",
            "1e+1.5\n",
            "1\0\n",
            "1E+5\n",
        ] {
            assert_eq!(quick(line.as_bytes()), None, "{line:?}");
        }
    }
}
