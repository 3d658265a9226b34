//! Points in time and durations, with Go's methods and spellings.

mod duration;
mod layout;
mod methods;

pub use duration::Duration;
pub(crate) use methods::{duration_call, duration_method, time_call, time_method};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt;

/// The first of January of year 1.
const ZERO_NANOS: i128 = -62_135_596_800_000_000_000;

/// `time.Time`: a point in time, seen from a time zone.
#[derive(Clone, Debug)]
pub struct Time {
    timestamp: Timestamp,
    zone: TimeZone,
}

impl Time {
    /// A point in time, in milliseconds since 1970, seen from UTC. Times outside of the years
    /// −9999 to 9999 are moved to the nearest inside.
    #[must_use]
    pub fn from_millis(millis: i64) -> Time {
        Time::from_nanos(i128::from(millis) * 1_000_000)
    }

    /// The same in nanoseconds.
    #[must_use]
    pub fn from_nanos(nanos: i128) -> Time {
        let nearest = if nanos < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let timestamp = Timestamp::from_nanosecond(nanos).unwrap_or(nearest);
        Time { timestamp, zone: TimeZone::UTC }
    }

    /// The same point in time, seen from another zone.
    #[must_use]
    pub fn in_zone(&self, zone: TimeZone) -> Time {
        Time { timestamp: self.timestamp, zone }
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub fn nanos(&self) -> i128 {
        self.timestamp.as_nanosecond()
    }

    /// Formats by a Go layout such as `2006-01-02 15:04:05 MST`.
    #[must_use]
    pub fn format(&self, layout: &str) -> String {
        layout::format(self, layout)
    }

    /// `2006-01-02T15:04:05.999999999Z07:00`, as JSON has it.
    #[must_use]
    pub fn rfc3339(&self) -> String {
        self.format("2006-01-02T15:04:05.999999999Z07:00")
    }

    /// The time between an earlier point and this one, as far as 64 bits of nanoseconds reach.
    #[must_use]
    pub fn since(&self, earlier: &Time) -> Duration {
        let nanos = self.nanos() - earlier.nanos();
        let nearest = if nanos < 0 { i64::MIN } else { i64::MAX };
        Duration(i64::try_from(nanos).unwrap_or(nearest))
    }

    /// Whether it is the first of January of year 1, Go's "no time".
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.nanos() == ZERO_NANOS
    }

    /// Go's "no time".
    #[must_use]
    pub fn zero() -> Time {
        Time::from_nanos(ZERO_NANOS)
    }

    /// This point in time, seen from the zone of another.
    fn like(&self, other: &Time) -> Time {
        self.in_zone(other.zone.clone())
    }

    pub(crate) fn zoned(&self) -> jiff::Zoned {
        self.timestamp.to_zoned(self.zone.clone())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}
