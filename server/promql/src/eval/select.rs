//! Instant vector selectors: the newest sample of the lookback window at every step.

use std::sync::Arc;

use common_model::{TimestampMs, is_stale_marker};
use server_storage::{SampleColumns, SelectHints};

use super::cores::{Make, Read};
use super::shift::{FixedShift, Times};
use super::{Eval, Grid, Sink};
use crate::ast::{Extended, VectorSelector};
use crate::engine::{QueryError, address_of_selector};
use crate::functions::histogram_between;
use crate::value::Track;
use crate::value::histogram::Incompatible;

impl Eval<'_> {
    /// What the times of selectors depend on.
    pub(crate) fn times(&self) -> Times {
        Times {
            whole: self.whole,
            end: self.end,
            lookback_ms: self.lookback_ms,
            subquery_step_ms: self.subquery_step_ms,
        }
    }

    /// The series of an instant vector selector.
    pub(super) fn select(
        &self,
        selector: &VectorSelector,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        if selector.extended == Extended::Smoothed {
            let note = |odd: Odd, track: &Track| self.note_odd(selector, odd, track);
            let fill = |samples: &SampleColumns, steps: &Steps, track: &mut Track| {
                fill_smoothed(samples, steps, track, &note);
            };
            return self.select_with(selector, grid, &fill, sink);
        }
        self.select_with(selector, grid, &fill_newest, sink)
    }

    /// Like [`Eval::select`], but every value is the time in seconds of the sample.
    pub(crate) fn select_timestamps(
        &self,
        selector: &VectorSelector,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        self.select_with(selector, grid, &fill_timestamps, sink)
    }

    /// Like [`Eval::select`], but every value is the time in seconds since when the sample counts,
    /// zero where that is not known.
    pub(crate) fn select_starts(
        &self,
        selector: &VectorSelector,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        self.select_with(selector, grid, &fill_starts, sink)
    }

    fn select_with(
        &self,
        selector: &VectorSelector,
        grid: &Grid,
        fill: &(dyn Fn(&SampleColumns, &Steps, &mut Track) + Sync),
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let place = || address_of_selector(selector);
        self.watched(place, grid.steps, sink, |sink| self.read(selector, grid, fill, sink))
    }

    fn read(
        &self,
        selector: &VectorSelector,
        grid: &Grid,
        fill: &(dyn Fn(&SampleColumns, &Steps, &mut Track) + Sync),
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let shift = self.times().shift(&selector.shift)?;
        let (before, after) = self.times().reach(0, selector.extended);
        let steps = Steps { grid: *grid, shift, lookback_ms: self.lookback_ms };
        let hints = SelectHints {
            start: shift.apply(grid.start).saturating_sub(before).saturating_add(1),
            end: shift.apply(grid.end()).saturating_add(after),
            labels: self.grouped.labels(selector),
            ..SelectHints::default()
        };
        if hints.start > hints.end {
            return Ok(());
        }
        self.check_matchers(&selector.matchers)?;
        let set = self.querier.select(false, &hints, &selector.matchers)?;
        let maker = || -> Box<Make<'_>> {
            Box::new(|read: &mut Read<'_, '_, '_>, track: &mut Track| {
                track.labels = std::mem::take(&mut read.labels);
                track.drop_name = false;
                track.column.reset(grid.steps);
                self.compared.apply(selector, read.samples);
                fill(read.samples, &steps, track);
                let count = track.column.samples();
                read.reading.seen(count);
                Ok(count > 0)
            })
        };
        self.each_series(set, selector, grid.steps, &maker, sink)
    }
}

/// The times at which one selector looks.
struct Steps {
    grid: Grid,
    shift: FixedShift,
    lookback_ms: i64,
}

impl Steps {
    fn time(&self, step: usize) -> TimestampMs {
        self.shift.apply(self.grid.time(step))
    }
}

/// Calls `visit` with every step and the newest sample of its window, unless that is stale.
fn newest(samples: &SampleColumns, steps: &Steps, mut visit: impl FnMut(usize, usize)) {
    let mut next = 0;
    for step in 0..steps.grid.steps {
        let time = steps.time(step);
        while samples.timestamps.get(next).is_some_and(|&t| t <= time) {
            next += 1;
        }
        let Some(at) = next.checked_sub(1) else { continue };
        let too_old = samples.timestamps[at] <= time.saturating_sub(steps.lookback_ms);
        if !too_old && !is_stale_marker(samples.values[at]) {
            visit(step, at);
        }
    }
}

fn fill_newest(samples: &SampleColumns, steps: &Steps, track: &mut Track) {
    if samples.histograms.is_empty() {
        newest(samples, steps, |step, at| track.column.values[step] = samples.values[at]);
        return;
    }
    newest(samples, steps, |step, at| match samples.histogram(at) {
        Some(histogram) => track.column.set_histogram(step, histogram.clone()),
        None => track.column.set(step, samples.values[at]),
    });
}

fn fill_timestamps(samples: &SampleColumns, steps: &Steps, track: &mut Track) {
    newest(samples, steps, |step, at| {
        track.column.values[step] = samples.timestamps[at] as f64 / 1000.0;
    });
}

fn fill_starts(samples: &SampleColumns, steps: &Steps, track: &mut Track) {
    newest(samples, steps, |step, at| {
        track.column.values[step] = samples.start(at).unwrap_or(0) as f64 / 1000.0;
    });
}

/// `smoothed`: what lies on the line between the samples around the time. `note` is told of
/// neighbours between which there is no line.
fn fill_smoothed(samples: &SampleColumns, steps: &Steps, track: &mut Track, note: &Note<'_>) {
    let live = |at: &usize| !is_stale_marker(samples.values[*at]);
    for step in 0..steps.grid.steps {
        let time = steps.time(step);
        let split = samples.timestamps.partition_point(|&t| t < time);
        let after = (split..samples.len())
            .find(live)
            .filter(|&at| samples.timestamps[at] <= time.saturating_add(steps.lookback_ms));
        let before = (0..split)
            .rev()
            .find(live)
            .filter(|&at| samples.timestamps[at] > time.saturating_sub(steps.lookback_ms));
        match (before, after) {
            (_, Some(b)) if samples.timestamps[b] == time => fill_one(samples, b, step, track),
            (Some(a), Some(b)) => fill_between(samples, (a, b), (step, time), track, note),
            (Some(a), None) => fill_one(samples, a, step, track),
            _ => {}
        }
    }
}

fn fill_one(samples: &SampleColumns, at: usize, step: usize, track: &mut Track) {
    match samples.histogram(at) {
        Some(histogram) => track.column.set_histogram(step, histogram.clone()),
        None => track.column.set(step, samples.values[at]),
    }
}

fn fill_between(
    samples: &SampleColumns,
    (a, b): (usize, usize),
    (step, time): (usize, TimestampMs),
    track: &mut Track,
    note: &Note<'_>,
) {
    let (t1, t2) = (samples.timestamps[a], samples.timestamps[b]);
    let part = (time - t1) as f64 / (t2 - t1) as f64;
    match (samples.histogram(a), samples.histogram(b)) {
        (None, None) => {
            let (v1, v2) = (samples.values[a], samples.values[b]);
            track.column.set(step, v1 + (v2 - v1) * part);
        }
        (Some(h1), Some(h2)) => match histogram_between(h1, h2, part) {
            Ok((between, reconciled)) => {
                if reconciled {
                    note(Odd::Reconciled, track);
                }
                track.column.set_histogram(step, Arc::new(between));
            }
            Err(Incompatible) => note(Odd::Incompatible, track),
        },
        _ => note(Odd::Mixed, track),
    }
}

/// What may be odd about two neighbours.
#[derive(Clone, Copy)]
enum Odd {
    /// One is a float, the other a histogram.
    Mixed,
    /// One has exponential buckets, the other custom ones.
    Incompatible,
    /// Both have custom bounds, but not the same.
    Reconciled,
}

type Note<'a> = dyn Fn(Odd, &Track) + Sync + 'a;

impl Eval<'_> {
    fn note_odd(&self, selector: &VectorSelector, odd: Odd, track: &Track) {
        let name = track.labels.metric_name();
        let text = match odd {
            Odd::Mixed => {
                format!("encountered a mix of histograms and floats for metric name \"{name}\"")
            }
            Odd::Incompatible => format!(
                "vector contains a mix of histograms with exponential and custom buckets schemas \
                 for metric name \"{name}\""
            ),
            Odd::Reconciled => {
                let text = "mismatched custom buckets were reconciled during subtraction";
                self.notes.info(text, selector.span);
                return;
            }
        };
        self.notes.warn(text, selector.span);
    }
}
