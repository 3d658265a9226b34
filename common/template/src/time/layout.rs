//! Go's layouts: the reference time Mon Jan 2 15:04:05 MST 2006, spelled as the output should be.

use super::Time;
use jiff::Zoned;
use std::fmt::Write;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A part of a layout that stands for something.
#[derive(Clone, Copy, Debug)]
enum Part {
    LongMonth,
    Month,
    NumMonth { zero: bool },
    LongWeekday,
    Weekday,
    Day { fill: Option<char> },
    YearDay { fill: char },
    Hour,
    Hour12 { zero: bool },
    Minute { zero: bool },
    Second { zero: bool },
    LongYear,
    Year,
    Noon { upper: bool },
    Zone,
    Offset { z: bool, colon: bool, seconds: bool, minutes: bool },
    Fraction { digits: usize, trim: bool, sign: char },
}

/// Longer spellings stand before the shorter ones that they begin with.
const SPELLINGS: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::Zone),
    ("002", Part::YearDay { fill: '0' }),
    ("01", Part::NumMonth { zero: true }),
    ("02", Part::Day { fill: Some('0') }),
    ("03", Part::Hour12 { zero: true }),
    ("04", Part::Minute { zero: true }),
    ("05", Part::Second { zero: true }),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumMonth { zero: false }),
    ("2006", Part::LongYear),
    ("2", Part::Day { fill: None }),
    ("__2", Part::YearDay { fill: ' ' }),
    ("_2", Part::Day { fill: Some(' ') }),
    ("3", Part::Hour12 { zero: false }),
    ("4", Part::Minute { zero: false }),
    ("5", Part::Second { zero: false }),
    ("PM", Part::Noon { upper: true }),
    ("pm", Part::Noon { upper: false }),
    ("-070000", Part::Offset { z: false, colon: false, seconds: true, minutes: true }),
    ("-07:00:00", Part::Offset { z: false, colon: true, seconds: true, minutes: true }),
    ("-0700", Part::Offset { z: false, colon: false, seconds: false, minutes: true }),
    ("-07:00", Part::Offset { z: false, colon: true, seconds: false, minutes: true }),
    ("-07", Part::Offset { z: false, colon: false, seconds: false, minutes: false }),
    ("Z070000", Part::Offset { z: true, colon: false, seconds: true, minutes: true }),
    ("Z07:00:00", Part::Offset { z: true, colon: true, seconds: true, minutes: true }),
    ("Z0700", Part::Offset { z: true, colon: false, seconds: false, minutes: true }),
    ("Z07:00", Part::Offset { z: true, colon: true, seconds: false, minutes: true }),
    ("Z07", Part::Offset { z: true, colon: false, seconds: false, minutes: false }),
];

/// Formats a time.
pub(super) fn format(time: &Time, layout: &str) -> String {
    let zoned = time.zoned();
    let mut out = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        let found = if c.is_ascii() { part(rest) } else { None };
        match found {
            Some((part, length)) => {
                write_part(&mut out, part, &zoned);
                rest = &rest[length..];
            }
            None if rest.starts_with("_2006") => {
                out.push('_');
                rest = &rest[1..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

/// The part that a layout begins with, and its length.
fn part(layout: &str) -> Option<(Part, usize)> {
    if let Some(fraction) = fraction(layout) {
        return Some(fraction);
    }
    if layout.starts_with("_2006") {
        return None;
    }
    let (spelling, part) = SPELLINGS.iter().find(|(spelling, _)| layout.starts_with(spelling))?;
    let word = matches!(part, Part::Month | Part::Weekday);
    let next = layout.as_bytes().get(spelling.len());
    // "Month" is no "Mon" with "th" behind it.
    if word && next.is_some_and(u8::is_ascii_lowercase) {
        return None;
    }
    Some((*part, spelling.len()))
}

/// `.000` or `,999`, unless more digits follow.
fn fraction(layout: &str) -> Option<(Part, usize)> {
    let bytes = layout.as_bytes();
    let (sign, digit) = (*bytes.first()?, *bytes.get(1)?);
    if !matches!(sign, b'.' | b',') || !matches!(digit, b'0' | b'9') {
        return None;
    }
    let digits = bytes[1..].iter().take_while(|b| **b == digit).count();
    if bytes.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((Part::Fraction { digits, trim: digit == b'9', sign: char::from(sign) }, digits + 1))
}

fn month_name(month: i8) -> &'static str {
    // Months count from 1.
    usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or("")
}

/// The English name of a time's weekday.
pub(super) fn weekday(zoned: &Zoned) -> &'static str {
    let day = zoned.weekday().to_sunday_zero_offset();
    usize::try_from(day).ok().and_then(|day| WEEKDAYS.get(day)).copied().unwrap_or("")
}

/// The English name of a time's month.
pub(super) fn month(zoned: &Zoned) -> &'static str {
    month_name(zoned.month())
}

fn write_number(out: &mut String, number: i64, zero: bool) {
    // Writing to a String cannot fail.
    let _ = if zero { write!(out, "{number:02}") } else { write!(out, "{number}") };
}

fn write_part(out: &mut String, part: Part, zoned: &Zoned) {
    let hour = i64::from(zoned.hour());
    match part {
        Part::LongMonth => out.push_str(month(zoned)),
        Part::Month => out.push_str(&month(zoned)[..3]),
        Part::NumMonth { zero } => write_number(out, zoned.month().into(), zero),
        Part::LongWeekday => out.push_str(weekday(zoned)),
        Part::Weekday => out.push_str(&weekday(zoned)[..3]),
        Part::Day { fill: Some(' ') } => {
            let _ = write!(out, "{:2}", zoned.day());
        }
        Part::Day { fill } => write_number(out, zoned.day().into(), fill.is_some()),
        Part::YearDay { fill: '0' } => {
            let _ = write!(out, "{:03}", zoned.day_of_year());
        }
        Part::YearDay { .. } => {
            let _ = write!(out, "{:3}", zoned.day_of_year());
        }
        Part::Hour => write_number(out, hour, true),
        Part::Hour12 { zero } => {
            write_number(out, if hour % 12 == 0 { 12 } else { hour % 12 }, zero);
        }
        Part::Minute { zero } => write_number(out, zoned.minute().into(), zero),
        Part::Second { zero } => write_number(out, zoned.second().into(), zero),
        Part::LongYear => {
            let year = i64::from(zoned.year());
            let _ = if year < 0 { write!(out, "-{:04}", -year) } else { write!(out, "{year:04}") };
        }
        Part::Year => write_number(out, i64::from(zoned.year()).rem_euclid(100), true),
        Part::Noon { upper } => out.push_str(match (hour >= 12, upper) {
            (true, true) => "PM",
            (true, false) => "pm",
            (false, true) => "AM",
            (false, false) => "am",
        }),
        Part::Zone => {
            let info = zoned.time_zone().to_offset_info(zoned.timestamp());
            out.push_str(info.abbreviation());
        }
        Part::Offset { .. } => write_offset(out, part, zoned.offset().seconds()),
        Part::Fraction { digits, trim, sign } => {
            let nanos = format!("{:09}", zoned.subsec_nanosecond());
            let mut text: String =
                nanos.chars().chain(std::iter::repeat('0')).take(digits).collect();
            if trim {
                text.truncate(text.trim_end_matches('0').len());
            }
            if !text.is_empty() {
                out.push(sign);
                out.push_str(&text);
            }
        }
    }
}

fn write_offset(out: &mut String, part: Part, offset: i32) {
    let Part::Offset { z, colon, seconds, minutes } = part else { return };
    if z && offset == 0 {
        out.push('Z');
        return;
    }
    let total = offset.unsigned_abs();
    let colon = if colon { ":" } else { "" };
    let sign = if offset < 0 { '-' } else { '+' };
    // Writing to a String cannot fail.
    let _ = write!(out, "{sign}{:02}", total / 3600);
    if minutes {
        let _ = write!(out, "{colon}{:02}", total / 60 % 60);
    }
    if seconds {
        let _ = write!(out, "{colon}{:02}", total % 60);
    }
}
