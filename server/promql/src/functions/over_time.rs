//! Functions that sum a window up: averages, extremes, quantiles, first and last.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram};

use super::RangeCall;
use super::sum::{Kahan, LANES, Mean, quantile_of, sum_lanes};
use crate::eval::{RangeTrack, Window, Windows};
use crate::value::Column;
use crate::value::histogram::Running;

/// Puts `f` of the floats of every window into the column; histograms beside floats are noted and
/// left out, windows without floats give nothing.
fn floats(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    mut f: impl FnMut(&Window, &[f64]) -> Option<f64>,
) {
    let samples = &track.samples;
    let mut picked = Vec::new();
    windows.each(&samples.timestamps, |window| {
        let range = window.samples.clone();
        let values = if samples.histograms.is_empty() {
            &samples.values[range]
        } else {
            picked.clear();
            let is_float = |at: &usize| samples.histogram(*at).is_none();
            picked.extend(range.clone().filter(is_float).map(|at| samples.values[at]));
            if !picked.is_empty() && picked.len() < range.len() {
                call.note_ignored(track);
            }
            picked.as_slice()
        };
        if !values.is_empty()
            && let Some(value) = f(window, values)
        {
            out.set(window.step, value);
        }
    });
}

/// Like [`floats`] for functions that know histograms too: windows of one kind only.
fn either(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    float: impl Fn(&[f64]) -> f64,
    of_sum: impl Fn(Kahan) -> f64,
    mean: bool,
) {
    let samples = &track.samples;
    if samples.histograms.is_empty() {
        return sums(track, windows, out, float, of_sum);
    }
    windows.each(&samples.timestamps, |window| {
        let range = window.samples.clone();
        let points: Vec<&Arc<FloatHistogram>> =
            samples.histograms[range.clone()].iter().flatten().collect();
        if points.is_empty() {
            out.set(window.step, float(&samples.values[range]));
        } else if points.len() < range.len() {
            call.warn_mixed(track);
        } else if let Some(total) = total(call, track, &points, mean) {
            out.set_histogram(window.step, Arc::new(total));
        }
    });
}

/// Sums of floats: windows of equal length that follow each other side by side, by `of_sum`, others
/// by `float`, which gives the same.
fn sums(
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    float: impl Fn(&[f64]) -> f64,
    of_sum: impl Fn(Kahan) -> f64,
) {
    let values = &track.samples.values;
    // Step and first sample of windows that wait for others of their length.
    let mut waiting = [(0, 0); LANES];
    let (mut count, mut len) = (0, 0);
    let mut flush = |waiting: &[(usize, usize)], len: usize| {
        let side_by_side = waiting
            .first_chunk::<LANES>()
            .and_then(|all| sum_lanes(all.map(|(_, start)| &values[start..start + len])));
        match side_by_side {
            Some(sums) => {
                waiting.iter().zip(sums).for_each(|((step, _), sum)| out.set(*step, of_sum(sum)));
            }
            None => {
                for &(step, start) in waiting {
                    out.set(step, float(&values[start..start + len]));
                }
            }
        }
    };
    windows.each(&track.samples.timestamps, |window| {
        if window.samples.len() != len || count == LANES {
            flush(&waiting[..count], len);
            (count, len) = (0, window.samples.len());
        }
        waiting[count] = (window.step, window.samples.start);
        count += 1;
    });
    flush(&waiting[..count], len);
}

/// Sum or mean of histograms; nothing where they do not go together.
fn total(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    points: &[&Arc<FloatHistogram>],
    mean: bool,
) -> Option<FloatHistogram> {
    let (notes, span) = (&call.eval.notes, call.span(call.matrix));
    let mut running = Running::new(mean);
    for point in points {
        if running.add(point).is_err() {
            let name = track.labels.metric_name();
            notes.warn(
                format!(
                    "vector contains a mix of histograms with exponential and custom buckets \
                     schemas for metric name \"{name}\""
                ),
                span,
            );
            return None;
        }
    }
    let hinted = |hint| points.iter().any(|p| p.counter_reset == hint);
    if hinted(CounterReset::Reset) && hinted(CounterReset::NotReset) {
        notes.warn("conflicting counter resets during histogram aggregation", span);
    }
    if running.reconciled() {
        notes.info("mismatched custom buckets were reconciled during aggregation", span);
    }
    running.finish()
}

pub(super) fn sum(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    let sum = |values: &[f64]| {
        let mut sum = Kahan::default();
        values.iter().for_each(|&value| sum.add(value));
        sum.total()
    };
    either(call, track, windows, out, sum, |sum| sum.total(), false);
}

pub(super) fn avg(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    let mean = |values: &[f64]| {
        let mut mean = Mean::default();
        values.iter().for_each(|&value| mean.add(value));
        mean.value()
    };
    either(call, track, windows, out, mean, |sum| Mean::of(sum).value(), true);
}

pub(super) fn count(
    _: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    windows.each(&track.samples.timestamps, |w| out.set(w.step, w.samples.len() as f64));
}

pub(super) fn present(
    _: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    windows.each(&track.samples.timestamps, |window| out.set(window.step, 1.0));
}

pub(super) fn first(
    _: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    windows.each(&track.samples.timestamps, |w| pick(track, w.samples.start, w, out));
}

pub(super) fn last(_: &RangeCall<'_, '_>, track: &RangeTrack, windows: &Windows, out: &mut Column) {
    windows.each(&track.samples.timestamps, |w| pick(track, w.samples.end - 1, w, out));
}

fn pick(track: &RangeTrack, at: usize, window: &Window, out: &mut Column) {
    match track.samples.histogram(at) {
        Some(histogram) => out.set_histogram(window.step, histogram.clone()),
        None => out.set(window.step, track.samples.values[at]),
    }
}

pub(super) fn min(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    extreme(call, track, windows, out, |new, kept| new < kept);
}

pub(super) fn max(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    extreme(call, track, windows, out, |new, kept| new > kept);
}

/// The value that is better than all others; NaN only where there is nothing else. Candidates are
/// kept in a queue from best to worst, so a whole series costs one walk.
fn extreme(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    better: impl Fn(f64, f64) -> bool,
) {
    if !track.samples.histograms.is_empty() {
        floats(call, track, windows, out, |_, values| {
            let pick = |kept: f64, &new: &f64| {
                if better(new, kept) || kept.is_nan() { new } else { kept }
            };
            Some(values.iter().fold(values[0], pick))
        });
        return;
    }
    let values = &track.samples.values;
    let mut queue = std::collections::VecDeque::new();
    let mut next = 0;
    windows.each(&track.samples.timestamps, |window| {
        for at in next.max(window.samples.start)..window.samples.end {
            let new = values[at];
            while queue.back().is_some_and(|&back: &usize| {
                let kept = values[back];
                kept.is_nan() || better(new, kept)
            }) {
                queue.pop_back();
            }
            if queue.is_empty() || !new.is_nan() {
                queue.push_back(at);
            }
        }
        next = next.max(window.samples.end);
        while queue.front().is_some_and(|&front| front < window.samples.start) {
            queue.pop_front();
        }
        // A NaN is not queued behind a number; when that number leaves, only NaN is left.
        let best = queue.front().map_or(f64::NAN, |&front| values[front]);
        out.set(window.step, best);
    });
}

pub(super) fn quantile(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    let mut sorted = Vec::new();
    floats(call, track, windows, out, |window, values| {
        let quantile = call.scalar(0, window.step);
        call.eval.check_quantile(quantile, call.span(0));
        sorted.clear();
        sorted.extend_from_slice(values);
        Some(quantile_of(quantile, &mut sorted))
    });
}

pub(super) fn stddev(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    floats(call, track, windows, out, |_, values| Some(variance(values).sqrt()));
}

pub(super) fn stdvar(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    floats(call, track, windows, out, |_, values| Some(variance(values)));
}

fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Kahan::default(), Kahan::default());
    let mut count = 0.0;
    for &value in values {
        count += 1.0;
        let delta = value - mean.total();
        mean.add(delta / count);
        squares.add(delta * (value - mean.total()));
    }
    squares.total() / count
}

/// `mad_over_time`: the median of the distances from the median.
pub(super) fn mad(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    let mut scratch = Vec::new();
    floats(call, track, windows, out, |_, values| {
        scratch.clear();
        scratch.extend_from_slice(values);
        let median = quantile_of(0.5, &mut scratch);
        if values.iter().any(|value| value.is_nan()) {
            return Some(f64::NAN);
        }
        scratch.iter_mut().for_each(|value| *value = (*value - median).abs());
        Some(quantile_of(0.5, &mut scratch))
    });
}

pub(super) fn ts_of_first(
    _: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    let times = &track.samples.timestamps;
    windows.each(times, |w| out.set(w.step, times[w.samples.start] as f64 / 1000.0));
}

pub(super) fn ts_of_last(
    _: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    let times = &track.samples.timestamps;
    windows.each(times, |w| out.set(w.step, times[w.samples.end - 1] as f64 / 1000.0));
}

pub(super) fn ts_of_min(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    ts_of_extreme(call, track, windows, out, |new, kept| new <= kept);
}

pub(super) fn ts_of_max(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    ts_of_extreme(call, track, windows, out, |new, kept| new >= kept);
}

/// When the extreme was last reached.
fn ts_of_extreme(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    as_good: impl Fn(f64, f64) -> bool,
) {
    let samples = &track.samples;
    floats(call, track, windows, out, |window, _| {
        let mut best: Option<(f64, i64)> = None;
        for at in window.samples.clone().filter(|at| samples.histogram(*at).is_none()) {
            let value = samples.values[at];
            if best.is_none_or(|(kept, _)| as_good(value, kept) || kept.is_nan()) {
                best = Some((value, samples.timestamps[at]));
            }
        }
        best.map(|(_, time)| time as f64 / 1000.0)
    });
}
