//! Durations as Prometheus writes them (`1h30m`, `15s`), and as Go does (`1.5h`, `-2m0.5s`).

use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// Go keeps a duration in 64-bit signed nanoseconds.
const NANOS_MAX: u128 = i64::MAX as u128;
const MILLIS_PER_SECOND: u64 = 1000;

/// Prometheus' units in the only order they may be written in, with their milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3600 * MILLIS_PER_SECOND),
    ("w", 7 * 24 * 3600 * MILLIS_PER_SECOND),
    ("d", 24 * 3600 * MILLIS_PER_SECOND),
    ("h", 3600 * MILLIS_PER_SECOND),
    ("m", 60 * MILLIS_PER_SECOND),
    ("s", MILLIS_PER_SECOND),
    ("ms", 1),
];

/// Go's units with their nanoseconds.
const GO_UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1000),
    ("\u{b5}s", 1000),
    ("\u{3bc}s", 1000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There is nothing.
    #[error("empty duration string")]
    Empty,
    /// It is not numbers with units in descending order.
    #[error("not a valid duration string: \"{0}\"")]
    Malformed(String),
    /// It is longer than about 292 years.
    #[error("duration out of range")]
    OutOfRange,
    /// It is not a duration in Go's syntax.
    #[error("time: invalid duration \"{0}\"")]
    NotGo(String),
}

/// Reads `1y2w3d4h5m6s7ms`, any part of which may be absent, or `0`.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let malformed = || DurationError::Malformed(text.to_owned());
    let (mut rest, mut units, mut millis) = (text, UNITS.as_slice(), 0_u128);
    while !rest.is_empty() {
        let (digits, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_where(after, |c| !c.is_ascii_alphabetic());
        let place = units.iter().position(|(name, _)| *name == unit).ok_or_else(malformed)?;
        if digits.is_empty() {
            return Err(malformed());
        }
        // What has too many digits is out of range in any unit.
        let number: u64 = digits.parse().unwrap_or(u64::MAX);
        millis += u128::from(number) * u128::from(units[place].1);
        units = &units[place + 1..];
        rest = after;
    }
    if millis * 1_000_000 > NANOS_MAX {
        return Err(DurationError::OutOfRange);
    }
    Ok(Duration::from_millis(u64::try_from(millis).map_err(|_| DurationError::OutOfRange)?))
}

/// Writes a duration as Prometheus does; parts of a millisecond are left out.
///
/// Years, weeks and days are used only where nothing is left over.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in UNITS {
        let size = u128::from(size);
        let exactly = matches!(unit, "y" | "w" | "d");
        if exactly && !millis.is_multiple_of(size) {
            continue;
        }
        let count = millis / size;
        if count > 0 {
            // Writing into a String cannot fail.
            let _ = write!(text, "{count}{unit}");
            millis -= count * size;
        }
    }
    text
}

/// Reads a duration as Go's `time.ParseDuration` does, in nanoseconds, negative ones included.
pub fn parse_go_nanos(text: &str) -> Result<i64, DurationError> {
    let invalid = || DurationError::NotGo(text.to_owned());
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned == "0" {
        return Ok(0);
    }
    let (mut rest, mut nanos) = (unsigned, 0_u128);
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let (whole, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_where(after, |c| !c.is_ascii_digit()),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let (unit, after) = split_where(after, |c| c == '.' || c.is_ascii_digit());
        let size = GO_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?.1;
        let count: u128 =
            if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        nanos = count
            .checked_mul(u128::from(size))
            .and_then(|n| n.checked_add(nanos))
            .filter(|n| *n <= NANOS_MAX)
            .ok_or_else(invalid)?
            + fraction_nanos(fraction, size);
        rest = after;
    }
    let nanos = i64::try_from(nanos).map_err(|_| invalid())?;
    Ok(if negative { -nanos } else { nanos })
}

/// Reads a duration in Go's syntax that must not be negative.
pub fn parse_go(text: &str) -> Result<Duration, DurationError> {
    let nanos = parse_go_nanos(text)?;
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| DurationError::NotGo(text.to_owned()))
}

/// For `#[serde(deserialize_with = "common_config::duration::deserialize")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// The same for durations in Go's syntax.
pub fn deserialize_go<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_go(&text).map_err(serde::de::Error::custom)
}

fn fraction_nanos(digits: &str, unit_nanos: u64) -> u128 {
    let (mut scale, mut value) = (1_u128, 0_u128);
    // More digits than this are below a nanosecond even in hours.
    for digit in digits.bytes().take(15) {
        value = value * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    value * u128::from(unit_nanos) / scale
}

fn split_where(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_printed_as_prometheus_does() {
        let check = |text: &str, millis: u64, printed: &str| {
            let duration = parse(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(format(duration), printed, "{text}");
        };
        check("0", 0, "0s");
        check("0w", 0, "0s");
        check("0s", 0, "0s");
        check("324ms", 324, "324ms");
        check("3s", 3000, "3s");
        check("5m", 300_000, "5m");
        check("1h", 3_600_000, "1h");
        check("4d", 345_600_000, "4d");
        check("4d1h", 349_200_000, "97h");
        check("14d", 1_209_600_000, "2w");
        check("3w", 1_814_400_000, "3w");
        check("3w2d1h", 1_990_800_000, "553h");
        check("10y", 315_360_000_000, "10y");
        check("90s", 90_000, "1m30s");
        check("1y2w3d4h5m6s7ms", 33_019_506_007, "9172h5m6s7ms");
        check("8w", 4_838_400_000, "8w");
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_gos_words() {
        let check = |text: &str, wanted: &str| {
            assert_eq!(parse(text).unwrap_err().to_string(), wanted, "{text}");
        };
        check("", "empty duration string");
        for text in
            ["1", "1y1m1d", "-1w", "1.5d", "d", "294y ", "1m1m", "15", "1M", "é", "1\u{b5}s"]
        {
            check(text, &format!("not a valid duration string: \"{text}\""));
        }
        check("294y", "duration out of range");
        check("200y10400w", "duration out of range");
        check("107675d", "duration out of range");
        check("2584200h", "duration out of range");
        check("99999999999999999999999s", "duration out of range");
    }

    #[test]
    fn go_durations_have_fractions_and_signs() {
        let check = |text: &str, nanos: Option<i64>| {
            assert_eq!(parse_go_nanos(text).ok(), nanos, "{text}");
        };
        check("1.5h", Some(5_400_000_000_000));
        check("-2m0.5s", Some(-120_500_000_000));
        check(".5s", Some(500_000_000));
        check("1us1\u{b5}s1\u{3bc}s1ns", Some(3001));
        check("0", Some(0));
        check("+5s", Some(5_000_000_000));
        check("5.s", Some(5_000_000_000));
        check("2562047h", Some(9_223_369_200_000_000_000));
        for text in
            ["", "3", "-", "s", ".", "-.", ".s", "1d", "3000000h", "1h ", "9223372036854775808ns"]
        {
            check(text, None);
        }
        assert_eq!(parse_go("-1s"), Err(DurationError::NotGo("-1s".to_owned())));
    }
}
