//! The windows of a range selector: which samples each step sees.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use common_model::TimestampMs;

use super::Grid;
use super::shift::FixedShift;
use crate::engine::Interrupt;

/// Samples seen between two looks at the interrupt.
const SAMPLES_BETWEEN_CHECKS: usize = 1 << 16;

/// Most steps and most samples for which windows are kept from one series to the next.
const KEPT_MAX: usize = 1 << 16;

/// Where the window of every step lies.
///
/// Series that are scraped together have the same times. What depends on times alone is therefore
/// kept from one series to the next, and costs those that follow one comparison of their times.
pub(crate) struct Windows<'q> {
    pub(crate) grid: Grid,
    pub(crate) shift: FixedShift,
    pub(crate) range_ms: i64,
    reach: Reach,
    interrupt: &'q dyn Interrupt,
    kept: RefCell<Arc<Layout>>,
}

/// How much further samples are looked at before and after the range (`anchored`, `smoothed`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) before_ms: i64,
    pub(crate) after_ms: i64,
}

/// The windows over certain times.
#[derive(Debug, Default)]
struct Layout {
    timestamps: Vec<TimestampMs>,
    windows: Vec<Window>,
    /// Samples of all windows.
    seen: usize,
    stretches: OnceLock<Vec<Stretch>>,
}

/// How far the samples of a window are from its ends, and by what a change between them is to be
/// stretched to reach there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// From the first to the last sample in seconds.
    pub(crate) sampled: f64,
    /// What is added before and after, in seconds: the distance to the end of the range where
    /// samples come near it, else half the average distance of samples.
    pub(crate) to_start: f64,
    pub(crate) to_end: f64,
    /// The whole over what is sampled.
    pub(crate) factor: f64,
    /// Time of the last sample.
    pub(crate) last: TimestampMs,
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

impl<'q> Windows<'q> {
    /// Walks end early when `interrupt` says so; whoever walks must look at it afterwards.
    pub(crate) fn new(
        grid: Grid,
        shift: FixedShift,
        range_ms: i64,
        reach: Reach,
        interrupt: &'q dyn Interrupt,
    ) -> Windows<'q> {
        Windows { grid, shift, range_ms, reach, interrupt, kept: RefCell::default() }
    }

    /// Makes the same windows again, for threads of their own.
    pub(crate) fn copies(&self) -> impl Fn() -> Windows<'q> + Sync + use<'q> {
        let (grid, shift, range_ms) = (self.grid, self.shift, self.range_ms);
        let (reach, interrupt) = (self.reach, self.interrupt);
        move || Windows::new(grid, shift, range_ms, reach, interrupt)
    }

    /// First and last time at which a sample can be seen.
    pub(crate) fn bounds(&self) -> (TimestampMs, TimestampMs) {
        let first = self.shift.apply(self.grid.start);
        let last = self.shift.apply(self.grid.end());
        let start = first.saturating_sub(self.range_ms).saturating_sub(self.reach.before_ms);
        (start.saturating_add(1), last.saturating_add(self.reach.after_ms))
    }

    /// Calls `visit` with every window that sees samples. The rest is left out when the query is
    /// to end.
    pub(crate) fn each(&self, timestamps: &[TimestampMs], mut visit: impl FnMut(&Window)) {
        let mut checks = Checks::new(self.interrupt);
        let Some(layout) = self.layout(timestamps) else {
            return self.walk(timestamps, |window| {
                let goes_on = checks.go_on(&window);
                if goes_on {
                    visit(&window);
                }
                goes_on
            });
        };
        for window in &layout.windows {
            if !checks.go_on(window) {
                return;
            }
            visit(window);
        }
    }

    /// Like [`Windows::each`], for windows of two samples and more.
    pub(crate) fn each_stretched(
        &self,
        timestamps: &[TimestampMs],
        mut visit: impl FnMut(&Window, &Stretch),
    ) {
        let mut checks = Checks::new(self.interrupt);
        let Some(layout) = self.layout(timestamps) else {
            return self.walk(timestamps, |window| {
                let goes_on = checks.go_on(&window);
                if goes_on && window.samples.len() > 1 {
                    visit(&window, &Stretch::of(&window, timestamps));
                }
                goes_on
            });
        };
        let stretches = layout.stretches.get_or_init(|| {
            layout.windows.iter().map(|window| Stretch::of(window, timestamps)).collect()
        });
        for (window, stretch) in layout.windows.iter().zip(stretches) {
            if !checks.go_on(window) {
                return;
            }
            if window.samples.len() > 1 {
                visit(window, stretch);
            }
        }
    }

    /// How many samples all windows see.
    pub(crate) fn seen(&self, timestamps: &[TimestampMs]) -> usize {
        if let Some(layout) = self.layout(timestamps) {
            return layout.seen;
        }
        let mut seen = 0;
        self.walk(timestamps, |window| {
            seen += window.samples.len();
            true
        });
        seen
    }

    /// The windows over these times, unless there are too many to keep.
    fn layout(&self, timestamps: &[TimestampMs]) -> Option<Arc<Layout>> {
        if self.grid.steps > KEPT_MAX || timestamps.len() > KEPT_MAX {
            return None;
        }
        let mut kept = self.kept.borrow_mut();
        if kept.timestamps == timestamps {
            return Some(kept.clone());
        }
        // Nobody looks at the kept one any more, so its memory is used again.
        if Arc::get_mut(&mut kept).is_none() {
            *kept = Arc::default();
        }
        if let Some(layout) = Arc::get_mut(&mut kept) {
            layout.timestamps.clear();
            layout.timestamps.extend_from_slice(timestamps);
            layout.stretches.take();
            layout.windows.clear();
            layout.seen = 0;
            self.walk(timestamps, |window| {
                layout.seen += window.samples.len();
                layout.windows.push(window);
                true
            });
        }
        Some(kept.clone())
    }

    /// Both ends only move forward, so a whole series costs one walk over its timestamps. It ends
    /// when `visit` says no.
    fn walk(&self, timestamps: &[TimestampMs], mut visit: impl FnMut(Window) -> bool) {
        let (mut low, mut high) = (0, 0);
        for step in 0..self.grid.steps {
            let time = self.grid.time(step);
            let end = self.shift.apply(time);
            let start = end.saturating_sub(self.range_ms);
            let first = start.saturating_sub(self.reach.before_ms);
            let last = end.saturating_add(self.reach.after_ms);
            while timestamps.get(high).is_some_and(|&t| t <= last) {
                high += 1;
            }
            while low < high && timestamps[low] <= first {
                low += 1;
            }
            if low < high {
                let window = Window { step, time, start, end, samples: low..high };
                if !visit(window) {
                    return;
                }
            }
        }
    }
}

/// Looks at the interrupt now and then.
struct Checks<'q> {
    interrupt: &'q dyn Interrupt,
    unchecked: usize,
}

impl<'q> Checks<'q> {
    fn new(interrupt: &'q dyn Interrupt) -> Checks<'q> {
        Checks { interrupt, unchecked: 0 }
    }

    fn go_on(&mut self, window: &Window) -> bool {
        self.unchecked += window.samples.len();
        if self.unchecked <= SAMPLES_BETWEEN_CHECKS {
            return true;
        }
        self.unchecked = 0;
        self.interrupt.stop().is_none()
    }
}

impl Stretch {
    pub(crate) fn of(window: &Window, timestamps: &[TimestampMs]) -> Stretch {
        let (first, last) = (timestamps[window.samples.start], timestamps[window.samples.end - 1]);
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let sampled = seconds(last - first);
        let average = match window.samples.len() - 1 {
            0 => 0.0,
            distances => sampled / distances as f64,
        };
        let reach =
            |distance: f64| if distance >= average * 1.1 { average / 2.0 } else { distance };
        let (to_start, to_end) =
            (reach(seconds(first - window.start)), reach(seconds(window.end - last)));
        Stretch { sampled, to_start, to_end, factor: (sampled + to_start + to_end) / sampled, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::NoInterrupt;

    #[test]
    fn windows_are_open_to_the_left_and_closed_to_the_right() {
        let grid = Grid::range(100, 130, 10).expect("a sound range");
        let windows = Windows::new(grid, FixedShift::default(), 20, Reach::default(), &NoInterrupt);
        assert_eq!(windows.bounds(), (81, 130));
        let check = |times: &[i64], expected: &[(usize, Range<usize>)]| {
            let mut seen = Vec::new();
            windows.each(times, |w| seen.push((w.step, w.samples.clone())));
            assert_eq!(seen, expected);
            assert_eq!(windows.seen(times), expected.iter().map(|(_, r)| r.len()).sum::<usize>());
        };
        let expected = [(0, 1..3), (1, 2..3), (2, 3..4), (3, 3..4)];
        check(&[80, 90, 100, 115, 131], &expected);
        check(&[130], &[(3, 0..1)]);
        check(&[80, 90, 100, 115, 131], &expected);
    }
}
