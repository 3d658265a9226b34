//! Straight lines and smoothed curves through the floats of a window.

use common_model::TimestampMs;

use super::RangeCall;
use super::sum::Kahan;
use crate::ast::Call;
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, RangeTrack, Sink, Windows, argument};
use crate::value::{Column, Track};

/// Visits the floats of every window of at least two; histograms beside them are noted.
fn pairs(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
    f: impl Fn(usize, TimestampMs, &[TimestampMs], &[f64]) -> f64,
) {
    let samples = &track.samples;
    let (mut times, mut values) = (Vec::new(), Vec::new());
    windows.each(&samples.timestamps, |window| {
        let range = window.samples.clone();
        if samples.histograms.is_empty() {
            if range.len() > 1 {
                let (times, values) = (&samples.timestamps[range.clone()], &samples.values[range]);
                out.set(window.step, f(window.step, window.time, times, values));
            }
            return;
        }
        times.clear();
        values.clear();
        for at in range.clone().filter(|at| samples.histogram(*at).is_none()) {
            times.push(samples.timestamps[at]);
            values.push(samples.values[at]);
        }
        if !values.is_empty() && values.len() < range.len() {
            call.note_ignored(track);
        }
        if values.len() > 1 {
            out.set(window.step, f(window.step, window.time, &times, &values));
        }
    });
}

/// Slope in units a second, and the value at `origin`, of the line with the least squares.
fn line(times: &[TimestampMs], values: &[f64], origin: TimestampMs) -> (f64, f64) {
    let (mut x_sum, mut y_sum) = (Kahan::default(), Kahan::default());
    let (mut xy_sum, mut xx_sum) = (Kahan::default(), Kahan::default());
    for (&time, &y) in times.iter().zip(values) {
        let x = time.saturating_sub(origin) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    #[expect(clippy::float_cmp, reason = "a constant is exactly constant")]
    let constant = values.iter().all(|&y| y == values[0]);
    if constant {
        let flat = (0.0, values[0]);
        return if values[0].is_infinite() { (f64::NAN, f64::NAN) } else { flat };
    }
    let count = values.len() as f64;
    let (x, y) = (x_sum.total(), y_sum.total());
    let covariance = xy_sum.total() - x * y / count;
    let variance = xx_sum.total() - x * x / count;
    let slope = covariance / variance;
    (slope, y / count - slope * x / count)
}

/// `deriv`: the slope.
pub(super) fn deriv(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    // An origin near the samples keeps the numbers small and so exact.
    pairs(call, track, windows, out, |_, _, times, values| line(times, values, times[0]).0);
}

/// `predict_linear(m, seconds)`: where the line is so many seconds after the evaluation.
pub(super) fn predict_linear(
    call: &RangeCall<'_, '_>,
    track: &RangeTrack,
    windows: &Windows,
    out: &mut Column,
) {
    pairs(call, track, windows, out, |step, time, times, values| {
        let (slope, now) = line(times, values, time);
        slope * call.scalar(0, step) + now
    });
}

/// `double_exponential_smoothing(m, smoothing, trend)`: both factors strictly between 0 and 1.
pub(super) fn smoothing(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    if let Some(bad) = bad_factors(eval, call, grid)? {
        // They only matter where there is something to smooth.
        eval.range_call(call, grid, &mut |track| refuse(track, &bad), has_samples)?;
    }
    let matrix = argument(call, 0)?;
    eval.nameless(matrix, sink, |sink| eval.range_call(call, grid, sink, smooth))
}

/// What is wrong with the factors at each step, if anything is.
fn bad_factors(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Option<Vec<Option<String>>>, QueryError> {
    let mut bad = vec![None; grid.steps];
    for (at, name, short) in [(1, "smoothing", "sf"), (2, "trend", "tf")] {
        let factors = eval.scalar(argument(call, at)?, grid)?;
        for (step, bad) in bad.iter_mut().enumerate() {
            let factor = factors.at(step);
            if factor <= 0.0 || factor >= 1.0 {
                bad.get_or_insert_with(|| {
                    format!("invalid {name} factor. Expected: 0 < {short} < 1, got: {factor:.6}")
                });
            }
        }
    }
    Ok(bad.iter().any(Option::is_some).then_some(bad))
}

fn refuse(track: &Track, bad: &[Option<String>]) -> Result<(), QueryError> {
    let met = bad.iter().enumerate().find(|(step, bad)| bad.is_some() && track.column.has(*step));
    match met.and_then(|(_, bad)| bad.clone()) {
        Some(text) => Err(QueryError::Execution(text)),
        None => Ok(()),
    }
}

fn has_samples(_: &RangeCall<'_, '_>, track: &RangeTrack, windows: &Windows, out: &mut Column) {
    windows.each(&track.samples.timestamps, |window| {
        if !window.samples.is_empty() {
            out.set(window.step, 1.0);
        }
    });
}

fn smooth(call: &RangeCall<'_, '_>, track: &RangeTrack, windows: &Windows, out: &mut Column) {
    pairs(call, track, windows, out, |step, _, _, values| {
        let (smoothing, trend) = (call.scalar(0, step), call.scalar(1, step));
        let (mut before, mut now) = (0.0, values[0]);
        let mut slope = values[1] - values[0];
        for (at, value) in values.iter().enumerate().skip(1) {
            if at > 1 {
                slope = trend * (now - before) + (1.0 - trend) * slope;
            }
            let next = smoothing * value + (1.0 - smoothing) * (now + slope);
            (before, now) = (now, next);
        }
        now
    });
}
