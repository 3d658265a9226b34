//! `time.Duration`.

use std::fmt;

/// Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

impl Duration {
    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        let nanos = 1_000_000_000;
        (self.0 / nanos) as f64 + (self.0 % nanos) as f64 / 1e9
    }
}

/// `1h2m3.5s`, `1.5ms`, `0s`
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..MICROSECOND => write!(f, "{nanos}ns"),
            MICROSECOND..MILLISECOND => write!(f, "{}µs", fraction(nanos, MICROSECOND)),
            MILLISECOND..SECOND => write!(f, "{}ms", fraction(nanos, MILLISECOND)),
            _ => {
                let minutes = nanos / SECOND / 60;
                let (hours, minutes) = (minutes / 60, minutes % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{}s", fraction(nanos % (60 * SECOND), SECOND))
            }
        }
    }
}

fn fraction(nanos: u64, unit: u64) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    let rest = format!("{rest:0>digits$}");
    format!("{whole}.{}", rest.trim_end_matches('0'))
}
