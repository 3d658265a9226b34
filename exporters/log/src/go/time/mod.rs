//! Go's `time.Parse` and the little of `time.Time` that programs see.

mod layout;
mod parse;

use jiff::tz::TimeZone;

pub(crate) use layout::Layout;
pub(crate) use parse::parse;

/// Seconds from the year 1 to 1970.
const ZERO_SECONDS: i64 = -62_135_596_800;

/// A moment, with the years that nanoseconds in 64 bits do not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    /// And nanoseconds.
    pub(crate) nanoseconds: u32,
}

impl Moment {
    /// Go's zero time.
    pub(crate) const ZERO: Moment = Moment { seconds: ZERO_SECONDS, nanoseconds: 0 };

    /// Whether it is Go's zero time, which stands for "now".
    pub(crate) fn is_zero(self) -> bool {
        self == Moment::ZERO
    }

    /// `UnixNano`, which wraps.
    pub(crate) fn unix_nano(self) -> i64 {
        self.seconds.wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanoseconds))
    }
}

/// A date with a time of day, as a clock on the wall shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) nanosecond: u32,
}

impl Civil {
    /// Seconds since 1970 were the clock in Greenwich. Days beyond the month's end run into the next.
    pub(crate) fn seconds(&self) -> i64 {
        days_from_civil(self.year, self.month, self.day) * 86_400
            + self.hour * 3600
            + self.minute * 60
            + self.second
    }
}

/// Days since 1970, by the algorithm of H. Hinnant.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The offset of a zone in seconds at a moment.
pub(crate) fn offset_at(zone: &TimeZone, seconds: i64) -> i64 {
    if *zone == TimeZone::UTC {
        return 0;
    }
    let moment = jiff::Timestamp::from_second(seconds);
    moment.map_or(0, |moment| i64::from(zone.to_offset(moment).seconds()))
}

/// The offset of a zone in seconds, and its name, at a moment.
pub(crate) fn zone_at(zone: &TimeZone, seconds: i64) -> (i64, String) {
    let Ok(moment) = jiff::Timestamp::from_second(seconds) else { return (0, "UTC".to_owned()) };
    let info = zone.to_offset_info(moment);
    (i64::from(info.offset().seconds()), info.abbreviation().to_owned())
}

/// When a clock in `zone` shows `local` (seconds as if in Greenwich): Go's `time.Date`.
pub(crate) fn resolve(local: i64, zone: &TimeZone) -> i64 {
    let offset = offset_at(zone, local);
    if offset == 0 {
        // Still the zone may differ at the moment that was meant, but then so does Go.
        return local;
    }
    let guess = local - offset;
    let at_guess = offset_at(zone, guess);
    if at_guess == offset { guess } else { local - at_guess }
}

/// What a clock in `zone` shows at a moment.
pub(crate) fn year_at(zone: &TimeZone, seconds: i64) -> i64 {
    let offset = offset_at(zone, seconds);
    let days = (seconds + offset).div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // March is the first month of this calendar; January and February belong to the next year.
    year_of_era + era * 400 + i64::from(day_of_year >= 306)
}
