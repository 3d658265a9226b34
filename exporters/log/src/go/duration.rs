//! Go's `time.Duration` as text.

/// Nanoseconds of each unit, longer names first.
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Parses `1h30m` to nanoseconds: `time.ParseDuration`.
///
/// # Errors
/// In Go's words.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", super::quote(text.as_bytes()));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let whole_length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, behind) = rest.split_at(whole_length);
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => behind.split_at(behind.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_length = behind.bytes().take_while(|&b| b != b'.' && !b.is_ascii_digit()).count();
        let (unit, behind) = behind.split_at(unit_length);
        rest = behind;
        if unit.is_empty() {
            let quoted = super::quote(text.as_bytes());
            return Err(format!("time: missing unit in duration {quoted}"));
        }
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let (unit, quoted) = (super::quote(unit.as_bytes()), super::quote(text.as_bytes()));
            return Err(format!("time: unknown unit {unit} in duration {quoted}"));
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let part = whole.checked_mul(*scale).ok_or_else(invalid)?;
        total = total.checked_add(part).ok_or_else(invalid)?;
        total = total.checked_add(fraction_ns(fraction, *scale)).ok_or_else(invalid)?;
        if total > 1 << 63 {
            return Err(invalid());
        }
    }
    match i64::try_from(total) {
        Ok(total) if negative => Ok(-total),
        Ok(total) => Ok(total),
        Err(_) if negative => Ok(i64::MIN),
        Err(_) => Err(invalid()),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "Go computes the fraction in floating point, too; it is less than one unit"
)]
fn fraction_ns(digits: &str, scale: u64) -> u64 {
    let (mut value, mut divisor) = (0_u64, 1.0_f64);
    for digit in digits.bytes() {
        let Some(next) = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0')))
        else {
            break;
        };
        value = next;
        divisor *= 10.0;
    }
    (value as f64 * (scale as f64 / divisor)) as u64
}

/// Shows nanoseconds as Go shows a duration.
#[must_use]
pub(crate) fn show_duration(nanoseconds: i64) -> String {
    let total = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let with_fraction = |value: u64, digits: u32| {
        let scale = 10_u64.pow(digits);
        let fraction = format!("{:0width$}", value % scale, width = digits as usize);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{}{dot}{fraction}", value / scale)
    };
    match total {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{total}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", with_fraction(total, 3)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", with_fraction(total, 6)),
        _ => {
            let minutes = total / 60_000_000_000;
            let seconds = with_fraction(total % 60_000_000_000, 9);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown_as_in_go() {
        fn check(text: &str, expected: Result<i64, &str>, shown: &str) {
            assert_eq!(parse_duration(text), expected.map_err(str::to_owned), "{text}");
            if let Ok(value) = expected {
                assert_eq!(show_duration(value), shown);
            }
        }
        check("1h30m", Ok(5_400_000_000_000), "1h30m0s");
        check("1.5s", Ok(1_500_000_000), "1.5s");
        check("5ms", Ok(5_000_000), "5ms");
        check("-.5m", Ok(-30_000_000_000), "-30s");
        check("1d", Err("time: unknown unit \"d\" in duration \"1d\""), "");
        check("1", Err("time: missing unit in duration \"1\""), "");
        check("9999999999h", Err("time: invalid duration \"9999999999h\""), "");
    }
}
