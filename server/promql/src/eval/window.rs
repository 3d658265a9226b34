//! The windows of a range selector: which samples each step sees.

use std::ops::Range;

use common_model::TimestampMs;

use super::Grid;
use super::shift::FixedShift;
use crate::engine::Interrupt;

/// Samples seen between two looks at the interrupt.
const SAMPLES_BETWEEN_CHECKS: usize = 1 << 16;

/// Where the window of every step lies.
#[derive(Clone, Copy)]
pub(crate) struct Windows<'q> {
    pub(crate) grid: Grid,
    pub(crate) shift: FixedShift,
    pub(crate) range_ms: i64,
    /// How much further samples are looked at before and after the range (`anchored`, `smoothed`).
    pub(crate) before_ms: i64,
    pub(crate) after_ms: i64,
    /// Ends a walk early; whoever walks must look at it afterwards.
    pub(crate) interrupt: &'q dyn Interrupt,
}

/// The window of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) step: usize,
    /// The time the expression is evaluated at.
    pub(crate) time: TimestampMs,
    /// Samples at this time or before are outside (ranges are open to the left).
    pub(crate) start: TimestampMs,
    /// Samples after this time are outside.
    pub(crate) end: TimestampMs,
    /// The samples seen, `before_ms` and `after_ms` included.
    pub(crate) samples: Range<usize>,
}

impl Windows<'_> {
    /// First and last time at which a sample can be seen.
    pub(crate) fn bounds(&self) -> (TimestampMs, TimestampMs) {
        let first = self.shift.apply(self.grid.start);
        let last = self.shift.apply(self.grid.end());
        let start = first.saturating_sub(self.range_ms).saturating_sub(self.before_ms);
        (start.saturating_add(1), last.saturating_add(self.after_ms))
    }

    /// Calls `visit` with every window that sees samples. Both ends only move forward, so a whole
    /// series costs one walk over its timestamps. The rest is left out when the query is to end.
    pub(crate) fn each(&self, timestamps: &[TimestampMs], mut visit: impl FnMut(&Window)) {
        let (mut low, mut high, mut unchecked) = (0, 0, 0);
        for step in 0..self.grid.steps {
            let time = self.grid.time(step);
            let end = self.shift.apply(time);
            let start = end.saturating_sub(self.range_ms);
            let (first, last) =
                (start.saturating_sub(self.before_ms), end.saturating_add(self.after_ms));
            while timestamps.get(high).is_some_and(|&t| t <= last) {
                high += 1;
            }
            while low < high && timestamps[low] <= first {
                low += 1;
            }
            if low < high {
                unchecked += high - low;
                if unchecked > SAMPLES_BETWEEN_CHECKS {
                    unchecked = 0;
                    if self.interrupt.stop().is_some() {
                        return;
                    }
                }
                visit(&Window { step, time, start, end, samples: low..high });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::NoInterrupt;

    #[test]
    fn windows_are_open_to_the_left_and_closed_to_the_right() {
        let grid = Grid::range(100, 130, 10).expect("a sound range");
        let windows = Windows {
            grid,
            shift: FixedShift::default(),
            range_ms: 20,
            before_ms: 0,
            after_ms: 0,
            interrupt: &NoInterrupt,
        };
        assert_eq!(windows.bounds(), (81, 130));
        let mut seen = Vec::new();
        windows.each(&[80, 90, 100, 115, 131], |w| seen.push((w.step, w.samples.clone())));
        assert_eq!(seen, [(0, 1..3), (1, 2..3), (2, 3..4), (3, 3..4)]);
    }
}
