//! Changes over `anchored` and `smoothed` ranges, which know values at the very ends of the range.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram, TimestampMs};

use super::RangeCall;
use super::rate::{Kind, warn_incompatible};
use crate::eval::{RangeTrack, Window, Windows};
use crate::value::Column;
use crate::value::histogram::{self, Incompatible};

/// The last sample at or before the start of the range, or the first sample where there is none.
pub(super) fn anchor(timestamps: &[TimestampMs], window: &Window) -> usize {
    let seen = &timestamps[window.samples.clone()];
    let inside = seen[..seen.len() - 1].partition_point(|&t| t <= window.start);
    window.samples.start + inside.saturating_sub(1)
}

/// The samples a change lies between, and which of its ends lie between samples.
struct Ends {
    first: usize,
    last: usize,
    /// The start of the range lies between `first` and the sample after it.
    cut_left: bool,
    /// The end of the range lies between `last` and the sample before it.
    cut_right: bool,
}

/// Nothing where no sample bears on the range.
fn ends(timestamps: &[TimestampMs], window: &Window, smoothed: bool) -> Option<Ends> {
    let first = anchor(timestamps, window);
    let mut last = window.samples.end - 1;
    if smoothed {
        let seen = &timestamps[window.samples.start..last];
        last = window.samples.start + seen.partition_point(|&t| t < window.end);
    }
    if timestamps[last] <= window.start || timestamps[first] > window.end {
        return None;
    }
    Some(Ends {
        first,
        last,
        cut_left: smoothed && timestamps[first] < window.start && first < last,
        cut_right: smoothed && last > first && timestamps[last] > window.end,
    })
}

/// `rate`, `increase` and `delta`, without extrapolation.
pub(super) fn change(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    kind: Kind,
    smoothed: bool,
) {
    let samples = &track.samples;
    let divisor = if kind.per_second { windows.range_ms as f64 / 1000.0 } else { 1.0 };
    windows.each(&samples.timestamps, |window| {
        let Some(ends) = ends(&samples.timestamps, window, smoothed) else { return };
        if samples.histograms.is_empty() {
            out.set(window.step, floats(track, window, &ends, kind) / divisor);
            return;
        }
        let points = &samples.histograms[ends.first..=ends.last];
        match points.iter().flatten().count() {
            0 => out.set(window.step, floats(track, window, &ends, kind) / divisor),
            count if count < points.len() => call.warn_mixed(track),
            _ => {
                if let Some(change) = histograms(call, track, window, &ends, kind.counter) {
                    out.set_histogram(window.step, histogram::divided(&change, divisor));
                }
            }
        }
    });
}

/// How much of the way from one sample to the next has passed at a time.
fn passed(timestamps: &[TimestampMs], a: usize, time: TimestampMs) -> f64 {
    (time - timestamps[a]) as f64 / (timestamps[a + 1] - timestamps[a]) as f64
}

fn floats(track: &RangeTrack, window: &Window, ends: &Ends, kind: Kind) -> f64 {
    let (timestamps, values) = (&track.samples.timestamps, &track.samples.values);
    let between = |a: usize, time: TimestampMs| {
        let fresh = kind.counter && values[a + 1] < values[a];
        let from = if fresh { 0.0 } else { values[a] };
        from + (values[a + 1] - from) * passed(timestamps, a, time)
    };
    let &Ends { first, last, cut_left, cut_right } = ends;
    let left = if cut_left { between(first, window.start) } else { values[first] };
    let right = if cut_right { between(last - 1, window.end) } else { values[last] };
    let mut change = right - left;
    if kind.counter {
        let from = if timestamps[first] <= window.start { first + 1 } else { first };
        let to = if timestamps[last] >= window.end { last } else { last + 1 };
        change += lost(left, right, values.get(from..to).unwrap_or(&[]));
    }
    change
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

/// The change of histograms; nothing, and a note, where they do not go together.
fn histograms(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    window: &Window,
    ends: &Ends,
    counter: bool,
) -> Option<FloatHistogram> {
    let points: Vec<&Arc<FloatHistogram>> =
        track.samples.histograms[ends.first..=ends.last].iter().flatten().collect();
    let (notes, span) = (&call.eval.notes, call.span(call.matrix));
    let name = track.labels.metric_name();
    let is_gauge = |point: &&Arc<FloatHistogram>| point.counter_reset == CounterReset::Gauge;
    if counter && points.iter().any(is_gauge) {
        notes.warn(format!("this native histogram metric is not a counter: \"{name}\""), span);
    }
    let outer = [points.first()?, points.last()?];
    if !counter && !outer.into_iter().all(is_gauge) {
        notes.warn(format!("this native histogram metric is not a gauge: \"{name}\""), span);
    }
    let mut sums = Sums::default();
    match sums.change(&track.samples.timestamps, &points, window, ends, counter) {
        Ok(change) => {
            for (reconciled, doing) in [(sums.subtracted, "subtraction"), (sums.added, "addition")]
            {
                if reconciled {
                    let text = format!("mismatched custom buckets were reconciled during {doing}");
                    notes.info(text, span);
                }
            }
            Some(change)
        }
        Err(Incompatible) => {
            warn_incompatible(call, track);
            None
        }
    }
}

/// Computes with histograms and keeps in mind where custom bounds had to be merged.
#[derive(Default)]
struct Sums {
    added: bool,
    subtracted: bool,
}

impl Sums {
    fn change(
        &mut self,
        timestamps: &[TimestampMs],
        points: &[&Arc<FloatHistogram>],
        window: &Window,
        ends: &Ends,
        counter: bool,
    ) -> Result<FloatHistogram, Incompatible> {
        let custom = histogram::is_custom(points[0]);
        if points.iter().any(|point| histogram::is_custom(point) != custom) {
            return Err(Incompatible);
        }
        let last = points.len() - 1;
        let left = if ends.cut_left {
            let part = passed(timestamps, ends.first, window.start);
            &self.between(points[0], points[1], part, counter)?
        } else {
            points[0].as_ref()
        };
        let right = if ends.cut_right {
            let part = passed(timestamps, ends.last - 1, window.end);
            &self.between(points[last - 1], points[last], part, counter)?
        } else {
            points[last].as_ref()
        };
        let mut change = self.subtract(right, left)?;
        if counter {
            // Between a cut start and the sample after it the reset is in the cut already.
            for pair in points.windows(2).skip(usize::from(ends.cut_left)) {
                if histogram::is_reset(pair[0], pair[1]) {
                    change = self.add(&change, pair[0])?;
                }
            }
        }
        change.counter_reset = CounterReset::Gauge;
        histogram::compact(&mut change);
        Ok(change)
    }

    /// What stands between two histograms; a counter that was reset begins at zero.
    fn between(
        &mut self,
        a: &FloatHistogram,
        b: &FloatHistogram,
        part: f64,
        counter: bool,
    ) -> Result<FloatHistogram, Incompatible> {
        if counter && histogram::is_reset(a, b) {
            return Ok(FloatHistogram::clone(&histogram::scaled(b, part)));
        }
        let way = self.subtract(b, a)?;
        self.add(a, &histogram::scaled(&way, part))
    }

    fn add(
        &mut self,
        a: &FloatHistogram,
        b: &FloatHistogram,
    ) -> Result<FloatHistogram, Incompatible> {
        let sum = histogram::added(a, b)?;
        self.added |= sum.reconciled;
        Ok(sum.histogram)
    }

    fn subtract(
        &mut self,
        a: &FloatHistogram,
        b: &FloatHistogram,
    ) -> Result<FloatHistogram, Incompatible> {
        let sum = histogram::subtracted(a, b)?;
        self.subtracted |= sum.reconciled;
        Ok(sum.histogram)
    }
}

/// A histogram between two samples, for a `smoothed` instant selector, which does not know whether
/// it is a counter but by what the samples say; and whether custom bounds were merged.
pub(crate) fn histogram_between(
    a: &FloatHistogram,
    b: &FloatHistogram,
    part: f64,
) -> Result<(FloatHistogram, bool), Incompatible> {
    // Other buckets look like a reset, but a change of what is measured is not one of a counter.
    if histogram::is_custom(a) != histogram::is_custom(b) {
        return Err(Incompatible);
    }
    let gauge = [a, b].iter().any(|h| h.counter_reset == CounterReset::Gauge);
    let mut sums = Sums::default();
    let mut result = sums.between(a, b, part, !gauge)?;
    result.counter_reset = if gauge { CounterReset::Gauge } else { CounterReset::Unknown };
    histogram::compact(&mut result);
    Ok((result, sums.added || sums.subtracted))
}
