//! What templates can call on times and durations.

use super::{Duration, Time, layout};
use crate::value::{Type, Value};
use jiff::Span;
use jiff::tz::TimeZone;

/// The parameters of a method of `time.Time`.
pub(crate) fn time_method(name: &str) -> Option<&'static [Type]> {
    Some(match name {
        "Format" => &[Type::String],
        "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano" | "UTC" | "Local" | "Year" | "Month"
        | "Day" | "Hour" | "Minute" | "Second" | "Nanosecond" | "Weekday" | "YearDay"
        | "IsZero" | "String" => &[],
        "Before" | "After" | "Equal" | "Sub" => &[Type::Time],
        "Add" => &[Type::Duration],
        "AddDate" => &[Type::Int, Type::Int, Type::Int],
        _ => return None,
    })
}

/// Calls a method of `time.Time`.
pub(crate) fn time_call(time: &Time, name: &str, args: &[Value]) -> Result<Value, String> {
    let zoned = time.zoned();
    Ok(match (name, args) {
        ("Format", [layout]) => Value::from(time.format(layout.as_str().unwrap_or_default())),
        ("Unix", _) => Value::Int(time.nanos().div_euclid(1_000_000_000) as i64),
        ("UnixMilli", _) => Value::Int(time.nanos().div_euclid(1_000_000) as i64),
        ("UnixMicro", _) => Value::Int(time.nanos().div_euclid(1_000) as i64),
        // Go's int64 wraps in the same years.
        ("UnixNano", _) => Value::Int(time.nanos() as i64),
        // The process' own zone is not known here; everything that has none is UTC.
        ("UTC" | "Local", _) => Value::Time(time.in_zone(TimeZone::UTC)),
        ("Year", _) => Value::Int(zoned.year().into()),
        ("Month", _) => Value::from(layout::month(&zoned)),
        ("Day", _) => Value::Int(zoned.day().into()),
        ("Hour", _) => Value::Int(zoned.hour().into()),
        ("Minute", _) => Value::Int(zoned.minute().into()),
        ("Second", _) => Value::Int(zoned.second().into()),
        ("Nanosecond", _) => Value::Int(zoned.subsec_nanosecond().into()),
        ("Weekday", _) => Value::from(layout::weekday(&zoned)),
        ("YearDay", _) => Value::Int(zoned.day_of_year().into()),
        ("IsZero", _) => Value::Bool(time.is_zero()),
        ("String", _) => Value::from(time.to_string()),
        ("Before", [Value::Time(other)]) => Value::Bool(time.nanos() < other.nanos()),
        ("After", [Value::Time(other)]) => Value::Bool(time.nanos() > other.nanos()),
        ("Equal", [Value::Time(other)]) => Value::Bool(time.nanos() == other.nanos()),
        ("Sub", [Value::Time(other)]) => Value::Duration(time.since(other)),
        ("Add", [Value::Duration(duration)]) => {
            Value::Time(Time::from_nanos(time.nanos() + i128::from(duration.0)).like(time))
        }
        ("AddDate", [Value::Int(years), Value::Int(months), Value::Int(days)]) => {
            Value::Time(add_date(time, *years, *months, *days)?)
        }
        _ => return Err(format!("no method {name}")),
    })
}

fn add_date(time: &Time, years: i64, months: i64, days: i64) -> Result<Time, String> {
    let span = Span::new().try_years(years);
    let span = span.and_then(|span| span.try_months(months)).and_then(|span| span.try_days(days));
    let moved = span.and_then(|span| time.zoned().checked_add(span));
    moved
        .map(|zoned| Time::from_nanos(zoned.timestamp().as_nanosecond()).like(time))
        .map_err(|_| "date out of range".to_owned())
}

/// The parameters of a method of `time.Duration`.
pub(crate) fn duration_method(name: &str) -> Option<&'static [Type]> {
    Some(match name {
        "Seconds" | "Minutes" | "Hours" | "Milliseconds" | "Microseconds" | "Nanoseconds"
        | "String" | "Abs" => &[],
        "Round" | "Truncate" => &[Type::Duration],
        _ => return None,
    })
}

/// Calls a method of `time.Duration`.
pub(crate) fn duration_call(
    duration: Duration,
    name: &str,
    args: &[Value],
) -> Result<Value, String> {
    Ok(match (name, args) {
        ("Seconds", _) => Value::Float(duration.seconds()),
        ("Minutes", _) => Value::Float(duration.0 as f64 / 60e9),
        ("Hours", _) => Value::Float(duration.0 as f64 / 3600e9),
        ("Milliseconds", _) => Value::Int(duration.0 / 1_000_000),
        ("Microseconds", _) => Value::Int(duration.0 / 1_000),
        ("Nanoseconds", _) => Value::Int(duration.0),
        ("String", _) => Value::from(duration.to_string()),
        ("Abs", _) => Value::Duration(Duration(duration.0.saturating_abs())),
        ("Truncate", [Value::Duration(unit)]) => Value::Duration(truncate(duration, *unit)),
        ("Round", [Value::Duration(unit)]) => {
            // Halves are rounded away from zero.
            let half = (unit.0 / 2 + unit.0 % 2) * if duration.0 < 0 { -1 } else { 1 };
            truncate_or_same(Duration(duration.0.saturating_add(half)), duration, *unit)
        }
        _ => return Err(format!("no method {name}")),
    })
}

fn truncate(duration: Duration, unit: Duration) -> Duration {
    if unit.0 <= 0 { duration } else { Duration(duration.0 - duration.0 % unit.0) }
}

fn truncate_or_same(moved: Duration, duration: Duration, unit: Duration) -> Value {
    Value::Duration(if unit.0 <= 0 { duration } else { truncate(moved, unit) })
}
