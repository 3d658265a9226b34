//! What a flag's value may be, and the words in which Go refuses one.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::World;

const MILLIS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];
/// Go keeps durations as nanoseconds in 63 bits.
const DURATION_MILLIS_MAX: u64 = (i64::MAX / 1_000_000) as u64;

/// What the value of a flag or argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On or off; takes no value but has a form with `no-`.
    Bool,
    /// Any text.
    Str,
    /// A whole number; as with kingpin, `5e7` is one.
    Int,
    /// A number.
    Float,
    /// Prometheus' durations: `15d`, `1h30m`.
    Duration,
    /// Go's durations: `1h30m0.5s`.
    GoDuration,
    /// A byte size with a unit, powers of two: `512MB`.
    Bytes,
    /// One of these.
    Enum(&'static [&'static str]),
    /// One of these; the first text names the thing in errors: `unrecognized log level x`.
    OneOf(&'static str, &'static [&'static str]),
    /// A path that exists.
    File,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Text(String),
    Int(i64),
    Float(f64),
    Duration(Duration),
    Bytes(u64),
}

impl Value {
    /// Checks a text; the error is the bare message.
    pub(super) fn parse(kind: Kind, text: &str, world: &World<'_>) -> Result<Value, String> {
        match kind {
            Kind::Bool => parse_bool(text).map(Value::Bool),
            Kind::Str => Ok(Value::Text(text.to_owned())),
            Kind::Int => parse_number(text).map(|number| Value::Int(number as i64)),
            Kind::Float => parse_number(text).map(Value::Float),
            Kind::Duration => parse_duration(text).map(Value::Duration),
            Kind::GoDuration => parse_go_duration(text).map(Value::Duration),
            Kind::Bytes => parse_bytes(text).map(Value::Bytes),
            Kind::Enum(allowed) if allowed.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Enum(allowed) => {
                Err(format!("enum value must be one of {}, got '{text}'", allowed.join(",")))
            }
            Kind::OneOf(_, allowed) if allowed.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::OneOf(thing, _) => Err(format!("unrecognized {thing} {text}")),
            Kind::File if (world.exists)(Path::new(text)) => Ok(Value::Text(text.to_owned())),
            Kind::File => Err(format!("path '{text}' does not exist")),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Text(text) => f.write_str(text),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Duration(value) => f.write_str(&format_duration(*value)),
            Value::Bytes(value) => f.write_str(&format_bytes(*value)),
        }
    }
}

/// A boolean as Go's `strconv.ParseBool` takes it.
pub(super) fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

fn parse_number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
}

/// A duration in Prometheus' notation: whole numbers with `y w d h m s ms`, largest first, or `0`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match text {
        "" => return Err("empty duration string".to_owned()),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {text:?}");
    let (mut rest, mut units, mut millis) = (text, MILLIS.as_slice(), 0u64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest.bytes().skip(digits).take_while(u8::is_ascii_lowercase).count();
        let unit = rest.get(digits..digits + letters).ok_or_else(invalid)?;
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(invalid)?;
        if digits == 0 {
            return Err(invalid());
        }
        let too_long = || "duration out of range".to_owned();
        let number: u64 = rest[..digits].parse().map_err(|_| too_long())?;
        let part = number.checked_mul(units[at].1).ok_or_else(too_long)?;
        millis = millis.checked_add(part).ok_or_else(too_long)?;
        if millis > DURATION_MILLIS_MAX {
            return Err(too_long());
        }
        (rest, units) = (&rest[digits + letters..], &units[at + 1..]);
    }
    Ok(Duration::from_millis(millis))
}

/// The shortest text that Prometheus prints for a duration: `15d`, `1h30m`, `0s`.
fn format_duration(duration: Duration) -> String {
    let mut millis = duration.as_millis() as u64;
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in MILLIS {
        // Years and weeks only where nothing is left over.
        let exact = matches!(unit, "y" | "w" | "d");
        let number = millis / size;
        if number > 0 && (!exact || millis.is_multiple_of(size)) {
            text.push_str(&format!("{number}{unit}"));
            millis %= size;
        }
    }
    text
}

/// A duration in Go's notation: `1h30m0.5s`, `250ms`, `1.5h`; as with kingpin also in days and
/// weeks.
pub fn parse_go_duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() || rest.starts_with('-') {
        return Err(invalid());
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let size = match &rest[..letters] {
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            "w" => 604_800e9,
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            unit => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        };
        nanos += number * size;
        rest = &rest[letters..];
    }
    if nanos > i64::MAX as f64 {
        return Err(invalid());
    }
    Ok(Duration::from_nanos(nanos as u64))
}

const BYTE_UNITS: [&str; 7] = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

/// A byte size with a unit, in powers of two: `512MB`, `1.5GiB`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let invalid = || format!("units: invalid {text}");
    if text == "0" {
        return Ok(0);
    }
    let (mut rest, mut bytes) = (text, 0.0);
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = &rest[..letters];
        if unit.is_empty() {
            return Err(format!("units: missing unit in {text}"));
        }
        let plain = unit.replace('i', "");
        let power = BYTE_UNITS.iter().position(|name| *name == unit || **name == plain);
        let Some(power) = power else {
            return Err(format!("units: unknown unit {unit} in {text}"));
        };
        bytes += number * 1024f64.powi(power as i32);
        rest = &rest[letters..];
    }
    if bytes > i64::MAX as f64 {
        return Err(format!("units: overflow parsing unit in {text}"));
    }
    Ok(bytes as u64)
}

/// The largest unit that divides the size, joined by smaller ones: `1GB512MB`, `0B`.
fn format_bytes(bytes: u64) -> String {
    if bytes == 0 {
        return "0B".to_owned();
    }
    let (mut text, mut rest) = (String::new(), bytes);
    for (power, unit) in BYTE_UNITS.iter().enumerate().rev() {
        let size = 1u64 << (10 * power);
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_prometheus_durations() {
        let check = |text: &str, expected: Result<u64, &str>| {
            let got = parse_duration(text).map(|d| d.as_millis() as u64);
            assert_eq!(got, expected.map_err(str::to_owned), "{text}");
        };
        check("15d", Ok(15 * 86_400_000));
        check("1h30m", Ok(5_400_000));
        check("250ms", Ok(250));
        check("0", Ok(0));
        check("", Err("empty duration string"));
        check("5", Err("not a valid duration string: \"5\""));
        check("30m1h", Err("not a valid duration string: \"30m1h\""));
        check("1.5h", Err("not a valid duration string: \"1.5h\""));
        check("9999999y", Err("duration out of range"));
        check("é", Err("not a valid duration string: \"é\""));
    }

    #[test]
    fn durations_print_as_prometheus_prints_them() {
        for text in ["0s", "5m", "15d", "1h30m", "2w", "1y", "36h1ms", "8d"] {
            let printed = format_duration(parse_duration(text).unwrap());
            let expected = if text == "36h1ms" { "36h1ms" } else { text };
            assert_eq!(printed, expected);
        }
    }

    #[test]
    fn sizes_need_a_unit() {
        let check = |text: &str, expected: Result<u64, &str>| {
            assert_eq!(parse_bytes(text), expected.map_err(str::to_owned), "{text}");
        };
        check("512MB", Ok(512 << 20));
        check("1KiB", Ok(1024));
        check("1.5GB", Ok(3 << 29));
        check("0", Ok(0));
        check("3x", Err("units: unknown unit x in 3x"));
        check("3", Err("units: missing unit in 3"));
        check("MB", Err("units: invalid MB"));
        assert_eq!(format_bytes(1 << 30), "1GB");
        assert_eq!(format_bytes((1 << 30) + 1024), "1GB1KB");
    }

    #[test]
    fn go_durations_take_fractions() {
        let check = |text: &str, expected: Result<u64, &str>| {
            let got = parse_go_duration(text).map(|d| d.as_millis() as u64);
            assert_eq!(got, expected.map_err(str::to_owned), "{text}");
        };
        check("1.5h", Ok(5_400_000));
        check("250ms", Ok(250));
        check("1m0.5s", Ok(60_500));
        check("5", Err("time: missing unit in duration \"5\""));
        check("1w1.5d", Ok(8 * 86_400_000 + 43_200_000));
        check("5y", Err("time: unknown unit \"y\" in duration \"5y\""));
        check("x", Err("time: invalid duration \"x\""));
    }
}
