//! Functions of change: rate, increase, delta, their instant forms, resets and changes.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram};

use super::RangeCall;
use super::extended;
use crate::ast::{Expr, Extended};
use crate::eval::{RangeTrack, Window, Windows, unparen};
use crate::value::Column;
use crate::value::histogram;

/// `rate`
pub(super) fn rate(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    extrapolated(call, track, windows, out, Kind { counter: true, per_second: true });
}

/// `increase`
pub(super) fn increase(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    extrapolated(call, track, windows, out, Kind { counter: true, per_second: false });
}

/// `delta`
pub(super) fn delta(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    extrapolated(call, track, windows, out, Kind { counter: false, per_second: false });
}

/// What kind of change is asked for.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) counter: bool,
    pub(super) per_second: bool,
}

fn extrapolated(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    kind: Kind,
) {
    let extension = extension(call);
    if extension != Extended::No {
        extended::change(call, track, windows, out, kind, extension == Extended::Smoothed);
        return;
    }
    if !track.samples.histograms.is_empty() {
        mixed_change(call, track, windows, out, kind);
        return;
    }
    let values = &track.samples.values;
    let mut resets = Resets::new(values, kind.counter);
    windows.each(&track.samples.timestamps, |window| {
        let (first, last) = (window.samples.start, window.samples.end - 1);
        if first == last {
            return;
        }
        let change = resets.change(values, first, last);
        let start = kind.counter.then_some(values[first]);
        let factor = factor(track, window, windows, kind, start, change);
        out.set(window.step, change * factor);
    });
}

/// How the argument's selector is extended.
pub(super) fn extension(call: &RangeCall<'_, '_>) -> Extended {
    match call.call.args.get(call.matrix).map(unparen) {
        Some(Expr::Matrix(selector)) => selector.vector.extended,
        _ => Extended::No,
    }
}

/// The places where a counter was reset, so that a window costs its resets and not its samples.
struct Resets {
    /// Positions of the first sample after each reset.
    places: Vec<usize>,
    /// The first place that the current window may contain.
    next: usize,
}

impl Resets {
    fn new(values: &[f64], counter: bool) -> Resets {
        let places = if counter {
            (1..values.len()).filter(|&at| values[at] < values[at - 1]).collect()
        } else {
            Vec::new()
        };
        Resets { places, next: 0 }
    }

    /// Last minus first, plus what was lost at each reset between them.
    fn change(&mut self, values: &[f64], first: usize, last: usize) -> f64 {
        while self.places.get(self.next).is_some_and(|&place| place <= first) {
            self.next += 1;
        }
        let mut change = values[last] - values[first];
        for &place in self.places[self.next..].iter().take_while(|&&place| place <= last) {
            change += values[place - 1];
        }
        change
    }
}

/// By what a change between samples is stretched to the whole range. It reaches to the ends of
/// the range where samples come near them, else half a sample's distance beyond; a counter is not
/// stretched below zero.
fn factor(
    track: &RangeTrack,
    window: &Window,
    windows: &Windows,
    kind: Kind,
    start: Option<f64>,
    change: f64,
) -> f64 {
    let timestamps = &track.samples.timestamps;
    let (first, last) = (timestamps[window.samples.start], timestamps[window.samples.end - 1]);
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut to_start = seconds(first - window.start);
    let mut to_end = seconds(window.end - last);
    let sampled = seconds(last - first);
    let average = sampled / (window.samples.len() - 1) as f64;
    let near = average * 1.1;
    if to_start >= near {
        to_start = average / 2.0;
    }
    if let Some(start) = start
        && change > 0.0
        && start >= 0.0
    {
        to_start = to_start.min(sampled * (start / change));
    }
    if to_end >= near {
        to_end = average / 2.0;
    }
    let factor = (sampled + to_start + to_end) / sampled;
    if kind.per_second { factor / seconds(windows.range_ms) } else { factor }
}

fn mixed_change(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    kind: Kind,
) {
    let samples = &track.samples;
    windows.each(&samples.timestamps, |window| {
        let range = window.samples.clone();
        let histograms = samples.histograms[range.clone()].iter().flatten().count();
        if histograms != 0 && histograms != range.len() {
            call.warn_mixed(track);
            return;
        }
        if range.len() < 2 {
            return;
        }
        if histograms == 0 {
            let values = &samples.values[range];
            let change = Resets::new(values, kind.counter).change(values, 0, values.len() - 1);
            let start = kind.counter.then_some(values[0]);
            out.set(window.step, change * factor(track, window, windows, kind, start, change));
            return;
        }
        let points: Vec<&Arc<FloatHistogram>> =
            samples.histograms[range].iter().flatten().collect();
        if let Some(change) = histogram_change(call, track, &points, kind.counter) {
            let start = kind.counter.then_some(points[0].count);
            let factor = factor(track, window, windows, kind, start, change.count);
            out.set_histogram(window.step, histogram::scaled(&change, factor));
        }
    });
}

/// Last minus first of histograms, with resets made good; nothing where they do not go together.
fn histogram_change(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    points: &[&Arc<FloatHistogram>],
    counter: bool,
) -> Option<FloatHistogram> {
    let notes = &call.eval.notes;
    let span = call.span(call.matrix);
    let name = track.labels.metric_name();
    let (first, second, last) = (*points.first()?, *points.get(1)?, *points.last()?);
    if counter && points.iter().any(|p| p.counter_reset == CounterReset::Gauge) {
        notes.warn(format!("this native histogram metric is not a counter: \"{name}\""), span);
    }
    let incompatible = || warn_incompatible(call, track);
    // A first sample before a reset counts for nothing, so its layout does not matter either.
    let empty;
    let mut before: &FloatHistogram = first;
    if counter && histogram::is_reset(first, second) {
        empty = FloatHistogram {
            schema: second.schema,
            custom_values: second.custom_values.clone(),
            ..FloatHistogram::default()
        };
        before = &empty;
    }
    let custom = histogram::is_custom(before);
    let looked_at = if counter { &points[1..] } else { &points[points.len() - 1..] };
    if looked_at.iter().any(|p| histogram::is_custom(p) != custom) {
        incompatible();
        return None;
    }
    let least = looked_at.iter().map(|p| p.schema).min().unwrap_or(last.schema);
    let Ok(mut change) = histogram::subtracted(last, before) else {
        incompatible();
        return None;
    };
    let mut reconciled = (change.reconciled, false);
    if counter {
        for &point in &points[1..] {
            if histogram::is_reset(before, point) {
                let Ok(sum) = histogram::added(&change.histogram, before) else {
                    incompatible();
                    return None;
                };
                reconciled.1 |= sum.reconciled;
                change = sum;
            }
            before = point;
        }
    } else if first.counter_reset != CounterReset::Gauge
        || last.counter_reset != CounterReset::Gauge
    {
        notes.warn(format!("this native histogram metric is not a gauge: \"{name}\""), span);
    }
    for (reconciled, doing) in [(reconciled.0, "subtraction"), (reconciled.1, "addition")] {
        if reconciled {
            notes.info(format!("mismatched custom buckets were reconciled during {doing}"), span);
        }
    }
    let mut change = change.histogram;
    if !custom {
        histogram::lower_resolution(&mut change, least);
    }
    change.counter_reset = CounterReset::Gauge;
    histogram::compact(&mut change);
    Some(change)
}

/// Notes that histograms with exponential and with custom buckets stand in one window.
pub(super) fn warn_incompatible(call: &RangeCall<'_, '_>, track: &RangeTrack) {
    let name = track.labels.metric_name();
    call.eval.notes.warn(
        format!(
            "vector contains a mix of histograms with exponential and custom buckets schemas for \
             metric name \"{name}\""
        ),
        call.span(call.matrix),
    );
}

/// `irate`
pub(super) fn irate(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    instant_change(call, track, windows, out, Kind { counter: true, per_second: true });
}

/// `idelta`
pub(super) fn idelta(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    instant_change(call, track, windows, out, Kind { counter: false, per_second: false });
}

/// The change between the last two samples of a window.
fn instant_change(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    kind: Kind,
) {
    let samples = &track.samples;
    windows.each(&samples.timestamps, |window| {
        if window.samples.len() < 2 {
            return;
        }
        let (b, a) = (window.samples.end - 1, window.samples.end - 2);
        let interval = (samples.timestamps[b] - samples.timestamps[a]) as f64 / 1000.0;
        match (samples.histogram(a), samples.histogram(b)) {
            (None, None) => {
                let (before, now) = (samples.values[a], samples.values[b]);
                let reset = kind.counter && now < before;
                let change = if reset { now } else { now - before };
                let divisor = if kind.per_second { interval } else { 1.0 };
                out.set(window.step, change / divisor);
            }
            (Some(before), Some(now)) => {
                if let Some(change) = instant_histogram(call, track, before, now, kind) {
                    let divisor = if kind.per_second { interval } else { 1.0 };
                    let mut change = histogram::divided(&change, divisor);
                    histogram::compact(Arc::make_mut(&mut change));
                    out.set_histogram(window.step, change);
                }
            }
            _ => call.warn_mixed(track),
        }
    });
}

fn instant_histogram(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    before: &FloatHistogram,
    now: &FloatHistogram,
    kind: Kind,
) -> Option<FloatHistogram> {
    let notes = &call.eval.notes;
    let span = call.span(call.matrix);
    let name = track.labels.metric_name();
    let gauges =
        before.counter_reset == CounterReset::Gauge || now.counter_reset == CounterReset::Gauge;
    let both_gauges =
        before.counter_reset == CounterReset::Gauge && now.counter_reset == CounterReset::Gauge;
    if kind.counter && gauges {
        notes.warn(format!("this native histogram metric is not a counter: \"{name}\""), span);
    }
    if !kind.counter && !both_gauges {
        notes.warn(format!("this native histogram metric is not a gauge: \"{name}\""), span);
    }
    let mut result = if kind.counter && histogram::is_reset(before, now) {
        now.clone()
    } else {
        match histogram::subtracted(now, before) {
            Ok(difference) => {
                if difference.reconciled {
                    let text = "mismatched custom buckets were reconciled during subtraction";
                    notes.info(text, span);
                }
                difference.histogram
            }
            Err(histogram::Incompatible) => {
                warn_incompatible(call, track);
                return None;
            }
        }
    };
    result.counter_reset = CounterReset::Gauge;
    Some(result)
}

/// `changes`: how often the value changed.
pub(super) fn changes(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    let differs = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
    transitions(call, track, windows, out, &|a, b| match (
        track.samples.histogram(a),
        track.samples.histogram(b),
    ) {
        (None, None) => differs(track.samples.values[a], track.samples.values[b]),
        (Some(before), Some(now)) => !histogram::equal(before, now),
        _ => true,
    });
}

/// `resets`: how often a counter was reset.
pub(super) fn resets(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    transitions(call, track, windows, out, &|a, b| match (
        track.samples.histogram(a),
        track.samples.histogram(b),
    ) {
        (None, None) => track.samples.values[b] < track.samples.values[a],
        (Some(before), Some(now)) => histogram::is_reset(before, now),
        _ => true,
    });
}

/// Counts the neighbours of a window between which something happened.
fn transitions(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    happened: &dyn Fn(usize, usize) -> bool,
) {
    // happenings[i] counts those up to sample i, so a window is one subtraction.
    let mut happenings = Vec::with_capacity(track.samples.len());
    let mut count = 0_u32;
    for at in 0..track.samples.len() {
        count += u32::from(at > 0 && happened(at - 1, at));
        happenings.push(count);
    }
    let anchored = extension(call) == Extended::Anchored;
    windows.each(&track.samples.timestamps, |window| {
        let mut first = window.samples.start;
        if anchored {
            first = extended::anchor(&track.samples.timestamps, window);
            if track.samples.timestamps[window.samples.end - 1] <= window.start {
                return;
            }
        }
        let count = happenings[window.samples.end - 1] - happenings[first];
        out.set(window.step, f64::from(count));
    });
}
