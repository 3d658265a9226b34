//! Changes over `anchored` and `smoothed` ranges, which know values at the very ends of the range.

use common_model::TimestampMs;

use super::rate::Kind;
use crate::eval::{RangeTrack, Window, Windows};
use crate::value::Column;

/// The last sample at or before the start of the range, or the first sample where there is none.
pub(super) fn anchor(timestamps: &[TimestampMs], window: &Window) -> usize {
    let seen = &timestamps[window.samples.clone()];
    let inside = seen[..seen.len() - 1].partition_point(|&t| t <= window.start);
    window.samples.start + inside.saturating_sub(1)
}

/// `rate`, `increase` and `delta`, without extrapolation.
pub(super) fn change(
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    kind: Kind,
    smoothed: bool,
) {
    let (timestamps, values) = (&track.samples.timestamps, &track.samples.values);
    windows.each(timestamps, |window| {
        let first = anchor(timestamps, window);
        let mut last = window.samples.end - 1;
        if smoothed {
            let seen = &timestamps[window.samples.start..last];
            last = window.samples.start + seen.partition_point(|&t| t < window.end);
        }
        if timestamps[last] <= window.start {
            return;
        }
        let between = |a: usize, b: usize, time: TimestampMs| {
            let fresh = kind.counter && values[b] < values[a];
            let from = if fresh { 0.0 } else { values[a] };
            let passed = (time - timestamps[a]) as f64 / (timestamps[b] - timestamps[a]) as f64;
            from + (values[b] - from) * passed
        };
        let left = if smoothed && timestamps[first] < window.start && first < last {
            between(first, first + 1, window.start)
        } else {
            values[first]
        };
        let right = if smoothed && last > window.samples.start && timestamps[last] > window.end {
            between(last - 1, last, window.end)
        } else {
            values[last]
        };
        let mut change = right - left;
        if kind.counter {
            let from = if timestamps[first] <= window.start { first + 1 } else { first };
            let to = if timestamps[last] >= window.end { last } else { last + 1 };
            change += lost(left, right, values.get(from..to).unwrap_or(&[]));
        }
        if kind.per_second {
            change /= windows.range_ms as f64 / 1000.0;
        }
        out.set(window.step, change);
    });
}

/// What a counter lost by resets on its way from `left` over `values` to `right`.
fn lost(left: f64, right: f64, values: &[f64]) -> f64 {
    let (mut lost, mut before) = (0.0, left);
    for &value in values.iter().chain(&[right]) {
        if value < before {
            lost += before;
        }
        before = value;
    }
    lost
}
