//! Numbers for people to read.

use crate::format::format_general;
use crate::time::Time;
use crate::value::Value;

/// A number out of whatever a template gives.
pub(crate) fn to_float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::Duration(value) => Ok(value.seconds()),
        Value::String(text) => common_model::parse_float(text).ok_or_else(|| {
            let text = crate::format::quote(text);
            format!("strconv.ParseFloat: parsing {text}: invalid syntax")
        }),
        value => Err(format!("can't convert {} to float", value.type_name())),
    }
}

/// `%.4g`
fn four(value: f64) -> String {
    format_general(value, 4)
}

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// Divides by `unit` as often as it gives a prefix.
fn with_prefix(mut value: f64, unit: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < unit {
            break;
        }
        prefix = next;
        value /= unit;
    }
    (value, prefix)
}

fn with_small_prefix(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    (value, prefix)
}

/// With SI prefixes: `1.234k`.
pub(super) fn decimal(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return four(value);
    }
    let (value, prefix) = if value.abs() >= 1.0 {
        with_prefix(value, 1000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"])
    } else {
        with_small_prefix(value)
    };
    format!("{}{prefix}", four(value))
}

/// With binary prefixes: `1.205Mi`.
pub(super) fn binary(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return four(value);
    }
    let prefixes = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
    let (value, prefix) = with_prefix(value, 1024.0, &prefixes);
    format!("{}{prefix}", four(value))
}

/// Seconds as `1d 2h 3m 4s`, or with a prefix below one second.
pub(crate) fn duration(value: f64) -> String {
    if !value.is_finite() {
        return four(value);
    }
    if value == 0.0 {
        return format!("{}s", four(value));
    }
    if value.abs() < 1.0 {
        let (value, prefix) = with_small_prefix(value);
        return format!("{}{prefix}s", four(value));
    }
    let (sign, value) = if value < 0.0 { ("-", -value) } else { ("", value) };
    let whole = value as i64;
    let (seconds, minutes) = (whole % 60, whole / 60 % 60);
    let (hours, days) = (whole / 60 / 60 % 24, whole / 60 / 60 / 24);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", four(value))
    }
}

/// A ratio as `12.34%`.
pub(super) fn percentage(value: f64) -> String {
    format!("{}%", four(value * 100.0))
}

/// A point in time from seconds since 1970, to the millisecond.
pub(super) fn time(value: f64) -> Result<Time, String> {
    if !value.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let nanos = value * 1e9;
    if nanos > i64::MAX as f64 || nanos < i64::MIN as f64 {
        let value = common_model::format_float(value);
        return Err(format!(
            "{value} cannot be represented as a nanoseconds timestamp since it overflows int64"
        ));
    }
    Ok(Time::from_millis(nanos as i64 / 1_000_000))
}

/// The same as text; what is no number is printed as such.
pub(super) fn timestamp(value: f64) -> Result<String, String> {
    if !value.is_finite() {
        return Ok(four(value));
    }
    time(value).map(|time| time.to_string())
}
