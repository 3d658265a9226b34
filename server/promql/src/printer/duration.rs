//! Durations as text: `1h30m`, and the arithmetic that stands in brackets.

use std::fmt;

use common_model::format_float_fixed;

use crate::ast::{DurationArg, DurationExpr};

const DAY_MS: u64 = 24 * 3_600_000;

/// Units with their milliseconds; years and weeks only where nothing remains: `90d` reads better
/// than `12w6d`.
const UNITS: &[(&str, u64, bool)] = &[
    ("y", 365 * DAY_MS, true),
    ("w", 7 * DAY_MS, true),
    ("d", DAY_MS, false),
    ("h", 3_600_000, false),
    ("m", 60_000, false),
    ("s", 1000, false),
    ("ms", 1, false),
];

/// Milliseconds that print as a duration.
pub(super) struct DurationText(i64);

impl DurationText {
    /// Rounded to whole milliseconds, of which duration literals consist.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    pub(super) fn of_seconds(seconds: f64) -> DurationText {
        DurationText((seconds * 1000.0).round() as i64)
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, ms, exact) in UNITS {
            let count = rest / ms;
            if count > 0 && (!*exact || rest.is_multiple_of(*ms)) {
                write!(f, "{count}{unit}")?;
                rest %= ms;
            }
        }
        Ok(())
    }
}

impl fmt::Display for DurationArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DurationArg::Literal(ms) => DurationText(*ms).fmt(f),
            DurationArg::Computed(expr) => expr.fmt(f),
        }
    }
}

impl fmt::Display for DurationExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DurationExpr::Number(seconds, _) => f.write_str(&format_float_fixed(*seconds)),
            DurationExpr::Duration(seconds, _) => DurationText::of_seconds(*seconds).fmt(f),
            DurationExpr::Step(_) => f.write_str("step()"),
            DurationExpr::Range(_) => f.write_str("range()"),
            DurationExpr::Unary(op, expr, _) => write!(f, "{}{expr}", op.as_str()),
            DurationExpr::Binary(op, left, right, _) => {
                write!(f, "{left} {} {right}", op.as_str())
            }
            DurationExpr::Min(left, right, _) => write!(f, "min_of({left}, {right})"),
            DurationExpr::Max(left, right, _) => write!(f, "max_of({left}, {right})"),
            DurationExpr::Paren(expr, _) => write!(f, "({expr})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_years_and_weeks_only_when_nothing_remains() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1ms"),
            (-1500, "-1s500ms"),
            (5_400_000, "1h30m"),
            (7 * 86_400_000, "1w"),
            (8 * 86_400_000, "8d"),
            (365 * 86_400_000, "1y"),
            (366 * 86_400_000, "366d"),
            (730 * 86_400_000 + 1000, "730d1s"),
        ] {
            assert_eq!(DurationText(ms).to_string(), text);
        }
    }
}
