//! Functions of change: rate, increase, delta, their instant forms, resets and changes.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram};

use super::RangeCall;
use super::extended;
use super::starts::{Begin, Starts};
use crate::ast::{Expr, Extended};
use crate::eval::{RangeTrack, Stretch, Windows, unparen};
use crate::value::Column;
use crate::value::histogram::{self, Incompatible};

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

impl Kind {
    /// Seconds of the range where the change per second is asked for, else one.
    fn divisor(self, windows: &Windows) -> f64 {
        if self.per_second { windows.range_ms as f64 / 1000.0 } else { 1.0 }
    }
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
    let starts = Starts::new(call, track).filter(|_| kind.counter);
    if !track.samples.histograms.is_empty() || starts.is_some() {
        mixed_change(call, track, windows, out, kind, starts);
        return;
    }
    let values = &track.samples.values;
    let mut resets = Resets::new(values, kind.counter);
    let per = kind.divisor(windows);
    windows.each_stretched(&track.samples.timestamps, |window, stretch| {
        let first = window.samples.start;
        let change = resets.change(values, first, window.samples.end - 1);
        let start = kind.counter.then_some(values[first]);
        out.values[window.step] = change * (factor(stretch, Begin::Open, start, change) / per);
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
        let fell = |(before, now): (&f64, &f64)| now < before;
        let pairs = || values.iter().zip(values.get(1..).unwrap_or_default());
        // Without a branch for each sample: nearly all counters have no reset.
        if !counter || !pairs().fold(false, |any, pair| any | fell(pair)) {
            return Resets { places: Vec::new(), next: 0 };
        }
        let places = (1..).zip(pairs()).filter(|(_, pair)| fell(*pair)).map(|(at, _)| at);
        Resets { places: places.collect(), next: 0 }
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

/// By what a change between samples is stretched to the whole range. A counter is not stretched
/// below zero, nor beyond the time it began; `start`, the first value of a counter, and the change
/// say where it was zero.
#[inline]
fn factor(stretch: &Stretch, begin: Begin, start: Option<f64>, change: f64) -> f64 {
    let Stretch { mut sampled, mut to_start, to_end, factor, last } = *stretch;
    if let Some(start) = start
        && change > 0.0
        && start >= 0.0
    {
        to_start = to_start.min(sampled * (start / change));
    }
    match begin {
        Begin::Open if to_start >= stretch.to_start => return factor,
        Begin::Open => {}
        Begin::AtSample => to_start = 0.0,
        Begin::Within(began) => {
            to_start = 0.0;
            sampled = (last - began) as f64 / 1000.0;
        }
    }
    (sampled + to_start + to_end) / sampled
}

/// The change in windows of floats or of histograms, with what start times say.
fn mixed_change(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    kind: Kind,
    starts: Option<Starts<'_>>,
) {
    let samples = &track.samples;
    let per = kind.divisor(windows);
    windows.each(&samples.timestamps, |window| {
        let range = window.samples.clone();
        let points: Vec<&Arc<FloatHistogram>> =
            samples.histograms.get(range.clone()).unwrap_or(&[]).iter().flatten().collect();
        if !points.is_empty() && points.len() != range.len() {
            call.warn_mixed(track);
            return;
        }
        let begin = starts.map_or(Begin::Open, |starts| starts.begin(window));
        if range.len() < 2 && !matches!(begin, Begin::Within(_)) {
            return;
        }
        if let Some(starts) = starts {
            starts.warn_overlaps(call, track, range.start, range.end - 1);
        }
        let reset = |at: usize| starts.is_some_and(|starts| starts.reset(range.start + at));
        let counted = matches!(begin, Begin::Within(_));
        if points.is_empty() {
            let values = &samples.values[range.clone()];
            let change =
                float_change(values, kind.counter, &reset) + if counted { values[0] } else { 0.0 };
            let start = kind.counter.then_some(values[0]);
            let stretch = Stretch::of(window, &samples.timestamps);
            out.set(window.step, change * (factor(&stretch, begin, start, change) / per));
            return;
        }
        let resets = |at: usize| histogram::is_reset(points[at - 1], points[at]) || reset(at);
        let counting = Counting { reset: &resets, from_zero: counted };
        let counting = kind.counter.then_some(counting);
        if let Some(change) = histogram_change(call, track, &points, counting) {
            let start = kind.counter.then_some(points[0].count);
            let stretch = Stretch::of(window, &samples.timestamps);
            let factor = factor(&stretch, begin, start, change.count) / per;
            out.set_histogram(window.step, histogram::scaled(&change, factor));
        }
    });
}

/// Last minus first of floats, plus what a counter lost by resets.
fn float_change(values: &[f64], counter: bool, reset: &dyn Fn(usize) -> bool) -> f64 {
    let mut change = values[values.len() - 1] - values[0];
    if counter {
        for at in 1..values.len() {
            if values[at] < values[at - 1] || reset(at) {
                change += values[at - 1];
            }
        }
    }
    change
}

/// What makes the histograms of a window those of a counter.
#[derive(Clone, Copy)]
struct Counting<'a> {
    /// Whether there was a reset between a point and the one before it.
    reset: &'a dyn Fn(usize) -> bool,
    /// The first point counts from zero within the window.
    from_zero: bool,
}

/// Last minus first of histograms, with resets made good; nothing where they do not go together.
fn histogram_change(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    points: &[&Arc<FloatHistogram>],
    counting: Option<Counting<'_>>,
) -> Option<FloatHistogram> {
    let notes = &call.eval.notes;
    let span = call.span(call.matrix);
    let name = track.labels.metric_name();
    let is_gauge = |point: &&Arc<FloatHistogram>| point.counter_reset == CounterReset::Gauge;
    if counting.is_some() && points.iter().any(is_gauge) {
        notes.warn(format!("this native histogram metric is not a counter: \"{name}\""), span);
    }
    let Ok((mut change, subtracted, added)) = histogram_sum(points, counting) else {
        warn_incompatible(call, track);
        return None;
    };
    if counting.is_none() && ![points.first()?, points.last()?].into_iter().all(is_gauge) {
        notes.warn(format!("this native histogram metric is not a gauge: \"{name}\""), span);
    }
    for (reconciled, doing) in [(subtracted, "subtraction"), (added, "addition")] {
        if reconciled {
            notes.info(format!("mismatched custom buckets were reconciled during {doing}"), span);
        }
    }
    change.counter_reset = CounterReset::Gauge;
    histogram::compact(&mut change);
    Some(change)
}

/// The change, and whether custom bounds were merged by subtracting and by adding.
fn histogram_sum(
    points: &[&Arc<FloatHistogram>],
    counting: Option<Counting<'_>>,
) -> Result<(FloatHistogram, bool, bool), Incompatible> {
    let [first, .., last] = points else {
        // A single point that counts from zero.
        let only = points.first().map(|point| FloatHistogram::clone(point));
        return Ok((only.unwrap_or_default(), false, false));
    };
    let second = points[1];
    let reset = |at: usize| counting.is_some_and(|counting| (counting.reset)(at));
    let from_zero = counting.is_some_and(|counting| counting.from_zero);
    // A first sample before a reset counts for nothing, so its layout does not matter either.
    let reset_at_once = reset(1);
    let empty = FloatHistogram {
        schema: second.schema,
        custom_values: second.custom_values.clone(),
        ..FloatHistogram::default()
    };
    let before = if reset_at_once || from_zero { &empty } else { first.as_ref() };
    let custom = histogram::is_custom(before);
    let looked_at = match counting {
        Some(counting) if counting.from_zero => points,
        Some(_) => &points[1..],
        None => &points[points.len() - 1..],
    };
    if looked_at.iter().any(|p| histogram::is_custom(p) != custom) {
        return Err(Incompatible);
    }
    let least = looked_at.iter().map(|p| p.schema).min().unwrap_or(last.schema);
    let difference = histogram::subtracted(last, before)?;
    let (mut change, mut added) = (difference.histogram, false);
    let lost = (1..points.len())
        .filter(|&at| if at == 1 { reset_at_once && from_zero } else { reset(at) });
    for at in lost {
        let sum = histogram::added(&change, points[at - 1])?;
        added |= sum.reconciled;
        change = sum.histogram;
    }
    if !custom {
        histogram::lower_resolution(&mut change, least);
    }
    Ok((change, difference.reconciled, added))
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
    let starts = Starts::new(call, track).filter(|_| kind.counter);
    windows.each(&samples.timestamps, |window| {
        if window.samples.len() < 2 {
            return;
        }
        let (b, a) = (window.samples.end - 1, window.samples.end - 2);
        let interval = (samples.timestamps[b] - samples.timestamps[a]) as f64 / 1000.0;
        let started = starts.is_some_and(|starts| starts.reset(b));
        if let Some(starts) = starts {
            starts.warn_overlaps(call, track, a, b);
        }
        match (samples.histogram(a), samples.histogram(b)) {
            (None, None) => {
                let (before, now) = (samples.values[a], samples.values[b]);
                let reset = kind.counter && (now < before || started);
                let change = if reset { now } else { now - before };
                let divisor = if kind.per_second { interval } else { 1.0 };
                out.set(window.step, change / divisor);
            }
            (Some(before), Some(now)) => {
                if let Some(change) = instant_histogram(call, track, (before, now), kind, started) {
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
    (before, now): (&FloatHistogram, &FloatHistogram),
    kind: Kind,
    started: bool,
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
    let mut result = if kind.counter && (started || histogram::is_reset(before, now)) {
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
            Err(Incompatible) => {
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
    let starts = Starts::new(call, track);
    transitions(call, track, windows, out, &|a, b| {
        let reset = match (track.samples.histogram(a), track.samples.histogram(b)) {
            (None, None) => track.samples.values[b] < track.samples.values[a],
            (Some(before), Some(now)) => histogram::is_reset(before, now),
            _ => true,
        };
        reset || starts.is_some_and(|starts| starts.reset(b))
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
