//! Functions of dates: the calendar in UTC, and the time of samples.

use crate::ast::{Call, Expr};
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Sink, argument, unparen};
use crate::value::{Point, Track};

const SECONDS_A_DAY: i64 = 86_400;

/// Days from March of the year of which Go counts to 1970, −292277022400 to 1970-01-01.
const GO_DAYS: i64 = 292_277_022_400 / 400 * 146_097 + 719_468;

/// `timestamp(v)`: of a selector the time of its samples, else the time of the evaluation.
pub(super) fn timestamp(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let vector = argument(call, 0)?;
    eval.nameless(vector, sink, |sink| {
        if let Expr::Vector(selector) = unparen(vector) {
            return eval.select_timestamps(selector, grid, sink);
        }
        eval.vector(vector, grid, &mut |track| {
            for step in 0..grid.steps {
                if track.column.has(step) {
                    track.column.set(step, grid.time(step) as f64 / 1000.0);
                }
            }
            track.column.histograms.clear();
            sink(track)
        })
    })
}

/// `start_timestamp(v)`: when the counter behind a selector's sample began; zero where that is not
/// known, nothing for what is not a selector.
pub(super) fn start_timestamp(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let vector = argument(call, 0)?;
    let Expr::Vector(selector) = unparen(vector) else { return Ok(()) };
    eval.nameless(vector, sink, |sink| eval.select_starts(selector, grid, sink))
}

/// A moment of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    /// Days since 1970-01-01.
    days: i64,
    /// Seconds since midnight.
    seconds: i64,
}

impl Moment {
    fn of(seconds: i64) -> Moment {
        // Go's count has no sign: what lies before its beginning is a time in the far future.
        let since_go = (seconds as u64).wrapping_add(GO_DAYS as u64 * SECONDS_A_DAY as u64);
        let days = (since_go / SECONDS_A_DAY as u64) as i64 - GO_DAYS;
        // Civil calendar from day counts, years beginning in March (Howard Hinnant's algorithm).
        let shifted = days.saturating_add(719_468);
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Moment { year, month, day, days, seconds: (since_go % SECONDS_A_DAY as u64) as i64 }
    }

    fn is_leap(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn days_in_month(self) -> i64 {
        match self.month {
            2 if self.is_leap() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn day_of_year(self) -> i64 {
        const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let before = usize::try_from(self.month - 1).ok().and_then(|at| BEFORE.get(at));
        before.copied().unwrap_or(0) + self.day + i64::from(self.month > 2 && self.is_leap())
    }
}

/// A float as a whole number as the original's processors convert it: what is none or has no
/// place is the least there is.
fn whole(value: f64) -> i64 {
    let end = 2_f64.powi(63);
    if (-end..end).contains(&value) { value as i64 } else { i64::MIN }
}

/// Maps times in seconds; without an argument the time of the evaluation.
fn dates(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
    f: fn(Moment) -> i64,
) -> Result<(), QueryError> {
    let Some(vector) = call.args.first() else {
        let mut track = Track::default();
        track.column.reset(grid.steps);
        for step in 0..grid.steps {
            let seconds = grid.time(step) / 1000;
            track.column.set(step, f(Moment::of(seconds)) as f64);
        }
        return sink(&mut track);
    };
    eval.nameless(vector, sink, |sink| {
        eval.vector(vector, grid, &mut |track| {
            for step in 0..grid.steps {
                match track.column.get(step) {
                    Point::Absent => {}
                    Point::Float(value) => {
                        track.column.set(step, f(Moment::of(whole(value))) as f64);
                    }
                    Point::Histogram(_) => track.column.clear(step),
                }
            }
            track.column.histograms.clear();
            if track.column.is_blank() { Ok(()) } else { sink(track) }
        })
    })
}

macro_rules! date_functions {
    ($($(#[$doc:meta])* $name:ident = $f:expr;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(
            eval: &Eval<'_>,
            call: &Call,
            grid: &Grid,
            sink: &mut Sink<'_>,
        ) -> Result<(), QueryError> {
            dates(eval, call, grid, sink, $f)
        }
    )*};
}

date_functions! {
    /// `day_of_month`, from 1.
    day_of_month = |moment| moment.day;
    /// `day_of_week`, Sunday is 0; the first day of the epoch was a Thursday.
    day_of_week = |moment| (moment.days.saturating_add(4)).rem_euclid(7);
    /// `day_of_year`, from 1.
    day_of_year = Moment::day_of_year;
    /// `days_in_month`
    days_in_month = Moment::days_in_month;
    /// `hour`
    hour = |moment| moment.seconds / 3600;
    /// `minute`
    minute = |moment| moment.seconds / 60 % 60;
    /// `month`, from 1.
    month = |moment| moment.month;
    /// `year`
    year = |moment| moment.year;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_dates() {
        for (seconds, wanted) in [
            (0, (1970, 1, 1, 1)),
            (-1, (1969, 12, 31, 365)),
            (951_782_400, (2000, 2, 29, 60)),
            (1_709_251_199, (2024, 2, 29, 60)),
            (1_709_251_200, (2024, 3, 1, 61)),
            (4_102_444_799, (2099, 12, 31, 365)),
        ] {
            let m = Moment::of(seconds);
            assert_eq!((m.year, m.month, m.day, m.day_of_year()), wanted, "{seconds}");
        }
        assert_eq!(Moment::of(i64::MAX).days, i64::MAX / SECONDS_A_DAY);
        let least = Moment::of(whole(f64::NAN));
        assert_eq!((least.year, least.month, least.day), (292_277_026_596, 12, 4));
        assert_eq!(least.seconds, i64::MAX.rem_euclid(SECONDS_A_DAY) + 1);
    }
}
