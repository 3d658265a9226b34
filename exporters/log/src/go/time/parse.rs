//! `time.ParseInLocation`.

use jiff::tz::TimeZone;

use super::layout::{Element, Layout, OffsetStyle};
use super::{Civil, Moment, days_in, is_leap, offset_at, resolve, zone_at};

const MONTHS: &[&str] = &[
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
const DAYS: &[&str] =
    &["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Why a text has not the form of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParseError {
    /// It differs from the layout.
    Shape,
    /// Something is left behind it.
    Extra,
    /// A number is too large for what it counts.
    Range(&'static str),
}

/// A moment, and how the clock that was read counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) moment: Moment,
    /// What the clock showed, in the zone that the moment is in.
    pub(crate) civil: Civil,
    /// The zone's offset where it is fixed; `None` for the zone that was asked for.
    pub(crate) offset: Option<i64>,
}

#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: u32,
    pm: bool,
    am: bool,
    utc: bool,
    offset: Option<i64>,
    zone_name: String,
}

/// Parses `value` in the form of `layout`; a clock without zone is one in `zone`.
pub(crate) fn parse(layout: &Layout, value: &[u8], zone: &TimeZone) -> Result<Parsed, ParseError> {
    let mut value = value;
    let mut fields = Fields::default();
    for part in &layout.parts {
        value = skip(value, &part.prefix)?;
        fields.read(part.element, part.has_fraction_next, &mut value)?;
    }
    value = skip(value, &layout.tail)?;
    if value.is_empty() { fields.finish(zone) } else { Err(ParseError::Extra) }
}

/// Takes the text of a layout off a value; a space stands for any number of spaces.
fn skip<'v>(value: &'v [u8], prefix: &[u8]) -> Result<&'v [u8], ParseError> {
    let (mut value, mut prefix) = (value, prefix);
    while let Some((&wanted, _)) = prefix.split_first() {
        if wanted == b' ' {
            if !value.is_empty() && value[0] != b' ' {
                return Err(ParseError::Shape);
            }
            prefix = trim_spaces(prefix);
            value = trim_spaces(value);
            continue;
        }
        if value.first() != Some(&wanted) {
            return Err(ParseError::Shape);
        }
        (prefix, value) = (&prefix[1..], &value[1..]);
    }
    Ok(value)
}

fn trim_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&b| b == b' ').count();
    &text[spaces..]
}

fn take<'v>(value: &mut &'v [u8], length: usize) -> Result<&'v [u8], ParseError> {
    let (head, tail) = value.split_at_checked(length).ok_or(ParseError::Shape)?;
    *value = tail;
    Ok(head)
}

/// One or two digits; two where they are `fixed`.
fn number(value: &mut &[u8], fixed: bool) -> Result<i64, ParseError> {
    let first = *value.first().filter(|b| b.is_ascii_digit()).ok_or(ParseError::Shape)?;
    match value.get(1) {
        Some(second) if second.is_ascii_digit() => {
            let number = i64::from(first - b'0') * 10 + i64::from(second - b'0');
            *value = &value[2..];
            Ok(number)
        }
        _ if fixed => Err(ParseError::Shape),
        _ => {
            *value = &value[1..];
            Ok(i64::from(first - b'0'))
        }
    }
}

fn three_digits(value: &mut &[u8]) -> Result<i64, ParseError> {
    let digits = take(value, 3)?;
    all_digits(digits)
}

fn all_digits(digits: &[u8]) -> Result<i64, ParseError> {
    digits.iter().try_fold(0, |number, b| {
        if b.is_ascii_digit() {
            Ok(number * 10 + i64::from(b - b'0'))
        } else {
            Err(ParseError::Shape)
        }
    })
}

/// A name of a list, in any case; `short` takes its first three letters.
fn name(value: &mut &[u8], names: &[&str], short: bool) -> Result<i64, ParseError> {
    for (index, name) in names.iter().enumerate() {
        let name = if short { &name.as_bytes()[..3] } else { name.as_bytes() };
        if value.len() >= name.len() && value[..name.len()].eq_ignore_ascii_case(name) {
            *value = &value[name.len()..];
            return Ok(i64::try_from(index).unwrap_or(0));
        }
    }
    Err(ParseError::Shape)
}

fn within(number: i64, range: std::ops::Range<i64>, what: &'static str) -> Result<i64, ParseError> {
    if range.contains(&number) { Ok(number) } else { Err(ParseError::Range(what)) }
}

impl Fields {
    fn read(
        &mut self,
        element: Element,
        has_fraction_next: bool,
        value: &mut &[u8],
    ) -> Result<(), ParseError> {
        match element {
            Element::LongMonth => self.month = Some(name(value, MONTHS, false)? + 1),
            Element::Month => self.month = Some(name(value, MONTHS, true)? + 1),
            Element::NumMonth | Element::ZeroMonth => {
                let month = number(value, element == Element::ZeroMonth)?;
                self.month = Some(within(month, 1..13, "month")?);
            }
            Element::LongWeekDay => drop(name(value, DAYS, false)?),
            Element::WeekDay => drop(name(value, DAYS, true)?),
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                if element == Element::UnderDay && value.first() == Some(&b' ') {
                    *value = &value[1..];
                }
                self.day = Some(number(value, element == Element::ZeroDay)?);
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                let spaces = if element == Element::UnderYearDay { 2 } else { 0 };
                let skipped = value.iter().take(spaces).take_while(|&&b| b == b' ').count();
                *value = &value[skipped..];
                self.year_day = Some(three_digits_or_less(value, skipped)?);
            }
            Element::Year => {
                let year = all_digits(take(value, 2)?)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Element::LongYear => {
                if !value.first().is_some_and(u8::is_ascii_digit) {
                    return Err(ParseError::Shape);
                }
                self.year = all_digits(take(value, 4)?)?;
            }
            Element::UpperPm | Element::LowerPm => {
                let upper = element == Element::UpperPm;
                match take(value, 2)? {
                    b"PM" if upper => self.pm = true,
                    b"AM" if upper => self.am = true,
                    b"pm" if !upper => self.pm = true,
                    b"am" if !upper => self.am = true,
                    _ => return Err(ParseError::Shape),
                }
            }
            Element::ZoneName => self.zone_name(value)?,
            Element::Offset { or_z, style } => self.offset(or_z, style, value)?,
            Element::Fraction0(digits) => {
                let text = take(value, digits + 1)?;
                self.nanosecond = fraction(text)?;
            }
            Element::Fraction9 => self.optional_fraction(value)?,
            _ => self.read_clock(element, has_fraction_next, value)?,
        }
        Ok(())
    }

    fn read_clock(
        &mut self,
        element: Element,
        has_fraction_next: bool,
        value: &mut &[u8],
    ) -> Result<(), ParseError> {
        match element {
            Element::Hour => self.hour = within(number(value, false)?, 0..24, "hour")?,
            Element::Hour12 | Element::ZeroHour12 => {
                let hour = number(value, element == Element::ZeroHour12)?;
                self.hour = within(hour, 0..13, "hour")?;
            }
            Element::Minute | Element::ZeroMinute => {
                let minute = number(value, element == Element::ZeroMinute)?;
                self.minute = within(minute, 0..60, "minute")?;
            }
            _ => {
                let second = number(value, element == Element::ZeroSecond)?;
                self.second = within(second, 0..60, "second")?;
                if !has_fraction_next {
                    self.fraction_behind_seconds(value)?;
                };
            }
        }
        Ok(())
    }

    /// A fraction that the layout does not have is taken where it follows the seconds.
    fn fraction_behind_seconds(&mut self, value: &mut &[u8]) -> Result<(), ParseError> {
        let begins = matches!(value.first(), Some(b'.' | b','))
            && value.get(1).is_some_and(u8::is_ascii_digit);
        if !begins {
            return Ok(());
        }
        let digits = value[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.nanosecond = fraction(take(value, digits + 1)?)?;
        Ok(())
    }

    fn optional_fraction(&mut self, value: &mut &[u8]) -> Result<(), ParseError> {
        let begins = matches!(value.first(), Some(b'.' | b','))
            && value.get(1).is_some_and(u8::is_ascii_digit);
        if !begins {
            return Ok(());
        }
        let digits = value[1..].iter().take_while(|b| b.is_ascii_digit()).count().min(9);
        self.nanosecond = fraction(take(value, digits + 1)?)?;
        Ok(())
    }

    fn offset(
        &mut self,
        or_z: bool,
        style: OffsetStyle,
        value: &mut &[u8],
    ) -> Result<(), ParseError> {
        let short = or_z && value.first() == Some(&b'Z');
        if short {
            *value = &value[1..];
            self.utc = true;
            return Ok(());
        }
        let (length, colons) = match style {
            OffsetStyle::Short => (3, false),
            OffsetStyle::Plain => (5, false),
            OffsetStyle::Colon => (6, true),
            OffsetStyle::Seconds => (7, false),
            OffsetStyle::ColonSeconds => (9, true),
        };
        let text = take(value, length)?;
        let mut numbers = [0_i64; 3];
        let step = if colons { 3 } else { 2 };
        for (index, part) in text[1..].chunks(step).enumerate() {
            if index > 0 && colons && text[index * 3] != b':' {
                return Err(ParseError::Shape);
            }
            if let Some(slot) = numbers.get_mut(index) {
                *slot = all_digits(part.get(..2).ok_or(ParseError::Shape)?)?;
            }
        }
        let hours = within(numbers[0], 0..25, "time zone offset hour")?;
        let minutes = within(numbers[1], 0..61, "time zone offset minute")?;
        let seconds = within(numbers[2], 0..61, "time zone offset second")?;
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.offset = Some(match text[0] {
            b'+' => offset,
            b'-' => -offset,
            _ => return Err(ParseError::Shape),
        });
        Ok(())
    }

    fn zone_name(&mut self, value: &mut &[u8]) -> Result<(), ParseError> {
        if value.starts_with(b"UTC") {
            *value = &value[3..];
            self.utc = true;
            return Ok(());
        }
        let length = zone_length(value).ok_or(ParseError::Shape)?;
        let name = take(value, length)?;
        self.zone_name = String::from_utf8_lossy(name).into_owned();
        Ok(())
    }

    fn finish(self, zone: &TimeZone) -> Result<Parsed, ParseError> {
        let mut hour = self.hour;
        if self.pm && hour < 12 {
            hour += 12;
        } else if self.am && hour == 12 {
            hour = 0;
        }
        let (month, day) = self.date()?;
        let civil = Civil {
            year: self.year,
            month,
            day,
            hour,
            minute: self.minute,
            second: self.second,
            nanosecond: self.nanosecond,
        };
        let local = civil.seconds();
        let at = |seconds, offset| Parsed {
            moment: Moment { seconds, nanoseconds: self.nanosecond },
            civil,
            offset,
        };
        if self.utc {
            return Ok(at(local, Some(0)));
        }
        if let Some(offset) = self.offset {
            let seconds = local - offset;
            let has_name =
                || self.zone_name.is_empty() || zone_at(zone, seconds).1 == self.zone_name;
            let same = offset_at(zone, seconds) == offset && has_name();
            return Ok(at(seconds, if same { None } else { Some(offset) }));
        }
        if !self.zone_name.is_empty() {
            return Ok(match named_offset(&self.zone_name, local, zone) {
                Some(offset) => at(local - offset, None),
                // The moment stays that of Greenwich.
                None => at(local, Some(made_up_offset(&self.zone_name))),
            });
        }
        Ok(at(resolve(local, zone), None))
    }

    fn date(&self) -> Result<(i64, i64), ParseError> {
        if let Some(year_day) = self.year_day {
            let leap = i64::from(is_leap(self.year));
            within(year_day, 1..366 + leap, "day-of-year")?;
            let (mut month, mut day) = (1, year_day);
            while day > days_in(month, self.year) {
                day -= days_in(month, self.year);
                month += 1;
            }
            if self.month.is_some_and(|given| given != month) {
                return Err(ParseError::Range("day-of-year does not match month"));
            }
            if self.day.is_some_and(|given| given != day) {
                return Err(ParseError::Range("day-of-year does not match day"));
            }
            return Ok((month, day));
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        within(day, 1..days_in(month, self.year) + 1, "day")?;
        Ok((month, day))
    }
}

/// The day of the year behind `skipped` spaces.
fn three_digits_or_less(value: &mut &[u8], skipped: usize) -> Result<i64, ParseError> {
    if skipped == 0 { three_digits(value) } else { all_digits(take(value, 3 - skipped)?) }
}

/// Nanoseconds of `.123`; digits beyond the ninth are dropped.
fn fraction(text: &[u8]) -> Result<u32, ParseError> {
    let Some((b'.' | b',', digits)) = text.split_first() else { return Err(ParseError::Shape) };
    if digits.is_empty() {
        return Err(ParseError::Shape);
    }
    let mut nanoseconds = 0_u32;
    for index in 0..digits.len().max(9) {
        let digit = match digits.get(index) {
            None => 0,
            Some(b) if b.is_ascii_digit() => b - b'0',
            Some(_) => return Err(ParseError::Shape),
        };
        if index < 9 {
            nanoseconds = nanoseconds * 10 + u32::from(digit);
        }
    }
    Ok(nanoseconds)
}

/// How long the abbreviation of a zone is that a value begins with.
fn zone_length(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if value.starts_with(b"GMT") {
        return Some(3 + signed_hours_length(&value[3..]));
    }
    if matches!(value[0], b'+' | b'-') {
        return Some(signed_hours_length(value)).filter(|&length| length > 0);
    }
    match value.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count() {
        5 if value[4] == b'T' => Some(5),
        4 if value[3] == b'T' || value.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// The length of `+3` or `-11`, 0 where it is none.
fn signed_hours_length(value: &[u8]) -> usize {
    if !matches!(value.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let digits = value[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    let hours = value[1..=digits].iter().try_fold(0_i64, |hours, b| {
        Some(hours * 10 + i64::from(b - b'0')).filter(|&hours| hours < 24)
    });
    if digits == 0 || hours.is_none() { 0 } else { 1 + digits }
}

/// The offset that an abbreviation has in a zone, around the time that is meant.
fn named_offset(name: &str, local: i64, zone: &TimeZone) -> Option<i64> {
    const HALF_A_YEAR: i64 = 182 * 86_400;
    for around in [0, -HALF_A_YEAR, HALF_A_YEAR] {
        let (offset, abbreviation) = zone_at(zone, local + around);
        if abbreviation == name {
            return Some(offset);
        }
    }
    None
}

/// An unknown abbreviation is taken for UTC, but `GMT+3` says what it means.
fn made_up_offset(name: &str) -> i64 {
    let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i64>().ok());
    hours.unwrap_or(0) * 3600
}
