//! Range vectors: series with all the samples that any window may see.

use std::sync::Arc;

use common_model::{CounterReset, Labels, is_stale_marker};
use server_storage::{SampleColumns, SelectHints, SeriesSet};

use super::cores::{Make, Read};
use super::reading::Reading;
use super::window::Reach;
use super::{Eval, Grid, Windows, unparen, wrong_type};
use crate::ast::{Expr, MatrixSelector, Subquery, ValueType};
use crate::engine::{QueryError, address};
use crate::value::{Point, Series, Track};

/// One series of a range vector, without stale markers.
#[derive(Clone, Debug, Default)]
pub(crate) struct RangeTrack {
    pub(crate) labels: Labels,
    pub(crate) drop_name: bool,
    pub(crate) samples: SampleColumns,
}

/// Takes the series of a range vector.
pub(crate) type RangeSink<'a> = dyn FnMut(&mut RangeTrack) -> Result<(), QueryError> + 'a;

/// Makes a track of a series with windows over it; says whether there is anything in it.
pub(super) type RangeFunction<'a> =
    dyn Fn(&RangeTrack, &Windows, &mut Track) -> Result<bool, QueryError> + Sync + 'a;

impl Eval<'_> {
    /// The windows of a range vector expression.
    pub(crate) fn windows(&self, expr: &Expr, grid: &Grid) -> Result<Windows<'_>, QueryError> {
        let times = self.times();
        match unparen(expr) {
            Expr::Matrix(selector) => {
                let range_ms = times.positive(&selector.range)?;
                let (before, after_ms) = times.reach(range_ms, selector.vector.extended);
                let reach = Reach { before_ms: before.saturating_sub(range_ms), after_ms };
                let shift = times.shift(&selector.vector.shift)?;
                Ok(Windows::new(*grid, shift, range_ms, reach, self.query.interrupt))
            }
            Expr::Subquery(subquery) => {
                let shift = times.shift(&subquery.shift)?;
                let range_ms = times.positive(&subquery.range)?;
                Ok(Windows::new(*grid, shift, range_ms, Reach::default(), self.query.interrupt))
            }
            other => Err(wrong_type(ValueType::Matrix, other)),
        }
    }

    /// The series of a range vector, with every sample its windows may see.
    pub(crate) fn ranges(
        &self,
        expr: &Expr,
        windows: &Windows,
        sink: &mut RangeSink<'_>,
    ) -> Result<(), QueryError> {
        let expr = unparen(expr);
        self.watched(
            || address(expr),
            windows.grid.steps,
            sink,
            |sink| match expr {
                Expr::Matrix(selector) => self.matrix(selector, windows, sink),
                Expr::Subquery(subquery) => self.subquery(subquery, windows, sink),
                other => Err(wrong_type(ValueType::Matrix, other)),
            },
        )
    }

    /// The series of a matrix selector; nothing where it looks at no time at all.
    fn matrix_set(
        &self,
        selector: &MatrixSelector,
        windows: &Windows,
    ) -> Result<Option<Box<dyn SeriesSet>>, QueryError> {
        let (start, end) = windows.bounds();
        if start > end {
            return Ok(None);
        }
        let labels = self.grouped.labels(&selector.vector);
        let hints = SelectHints { start, end, labels, ..SelectHints::default() };
        self.check_matchers(&selector.vector.matchers)?;
        Ok(Some(self.querier.select(false, &hints, &selector.vector.matchers)?))
    }

    fn matrix(
        &self,
        selector: &MatrixSelector,
        windows: &Windows,
        sink: &mut RangeSink<'_>,
    ) -> Result<(), QueryError> {
        let Some(mut set) = self.matrix_set(selector, windows)? else { return Ok(()) };
        let listed = set.heap_bytes();
        self.budget.charge(0, listed)?;
        let mut reading = Reading::new(self);
        let mut track = RangeTrack::default();
        let mut forecast = self.forecast(&selector.vector, &*set);
        while let Some(labels) = set.next(&mut track.samples)? {
            reading.series(track.samples.len())?;
            self.live_samples(selector, &mut track.samples);
            track.labels = labels;
            track.drop_name = false;
            sink(&mut track)?;
            forecast.look(self)?;
        }
        self.budget.release(0, listed);
        Ok(())
    }

    /// What a matrix selector sees of the samples of a series.
    fn live_samples(&self, selector: &MatrixSelector, samples: &mut SampleColumns) {
        self.compared.apply(&selector.vector, samples);
        drop_stale(samples);
    }

    /// What a function makes of every series of a matrix selector, perhaps on several cores.
    pub(super) fn matrix_tracks(
        &self,
        selector: &MatrixSelector,
        windows: &Windows,
        function: &RangeFunction<'_>,
        sink: &mut super::Sink<'_>,
    ) -> Result<(), QueryError> {
        let Some(set) = self.matrix_set(selector, windows)? else { return Ok(()) };
        let steps = windows.grid.steps;
        // A thread keeps what it learns of windows to itself.
        let windows = windows.copies();
        let maker = || -> Box<Make<'_>> {
            let windows = windows();
            let mut range = RangeTrack::default();
            Box::new(move |read: &mut Read<'_, '_, '_>, track: &mut Track| {
                std::mem::swap(read.samples, &mut range.samples);
                self.live_samples(selector, &mut range.samples);
                range.labels = std::mem::take(&mut read.labels);
                let seen = windows.seen(&range.samples.timestamps);
                read.reading.seen(seen);
                let found = function(&range, &windows, track);
                std::mem::swap(read.samples, &mut range.samples);
                found
            })
        };
        self.each_series(set, &selector.vector, steps, &maker, sink)
    }

    fn subquery(
        &self,
        subquery: &Subquery,
        windows: &Windows,
        sink: &mut RangeSink<'_>,
    ) -> Result<(), QueryError> {
        let grid = self.times().subquery_grid(subquery, &windows.grid)?;
        self.check_grid(&grid)?;
        let mut range = RangeTrack::default();
        self.vector_or_scalar(&subquery.expr, &grid, &mut |track| {
            range.labels = track.labels.clone();
            range.drop_name = track.drop_name;
            samples_of(track, &grid, &mut range.samples);
            self.budget.check(range.samples.len(), range.samples.len() * 16)?;
            sink(&mut range)?;
            self.check_interrupt()
        })
    }

    /// A subquery may be over a scalar, which then is a series without labels.
    fn vector_or_scalar(
        &self,
        expr: &Expr,
        grid: &Grid,
        sink: &mut super::Sink<'_>,
    ) -> Result<(), QueryError> {
        if expr.value_type() != ValueType::Scalar {
            return self.vector(expr, grid, sink);
        }
        let scalars = self.scalar(expr, grid)?;
        let mut track = Track::default();
        track.column.reset(grid.steps);
        for step in 0..grid.steps {
            track.column.set(step, scalars.at(step));
        }
        sink(&mut track)
    }

    /// An instant query for a range vector: the samples themselves.
    pub(crate) fn raw_matrix(&self, expr: &Expr, grid: &Grid) -> Result<Vec<Series>, QueryError> {
        let windows = self.windows(expr, grid)?;
        let mut result = Vec::new();
        self.ranges(expr, &windows, &mut |track| {
            let mut points = SampleColumns::default();
            windows.each(&track.samples.timestamps, |window| {
                for at in window.samples.clone() {
                    let timestamp = track.samples.timestamps[at];
                    match track.samples.histogram(at) {
                        Some(histogram) => points.push_histogram(timestamp, histogram.clone()),
                        None => points.push(timestamp, track.samples.values[at]),
                    }
                }
            });
            if points.is_empty() {
                return Ok(());
            }
            self.count_samples(points.len() as u64);
            self.budget.charge(points.len(), points.len() * 16 + track.labels.heap_bytes())?;
            let labels = if track.drop_name {
                super::without_name(&track.labels)
            } else {
                track.labels.clone()
            };
            result.push(Series { labels, points });
            Ok(())
        })?;
        result.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(result)
    }
}

/// Takes stale markers out.
fn drop_stale(samples: &mut SampleColumns) {
    // Without a branch for each sample: nearly all series have none.
    if !samples.values.iter().fold(false, |any, &value| any | is_stale_marker(value)) {
        return;
    }
    let mut kept = 0;
    for at in 0..samples.len() {
        if is_stale_marker(samples.values[at]) {
            continue;
        }
        samples.timestamps[kept] = samples.timestamps[at];
        samples.values[kept] = samples.values[at];
        if !samples.histograms.is_empty() {
            samples.histograms.swap(kept, at);
        }
        if !samples.starts.is_empty() {
            samples.starts[kept] = samples.starts[at];
        }
        kept += 1;
    }
    samples.timestamps.truncate(kept);
    samples.values.truncate(kept);
    samples.histograms.truncate(kept);
    samples.starts.truncate(kept);
}

/// The samples of a track at their steps. What histograms say of resets before them does not hold
/// for the samples a subquery picks, so it is forgotten.
fn samples_of(track: &Track, grid: &Grid, samples: &mut SampleColumns) {
    samples.clear();
    for step in 0..track.column.len() {
        match track.column.get(step) {
            Point::Absent => {}
            Point::Float(value) => samples.push(grid.time(step), value),
            Point::Histogram(histogram) => {
                let mut histogram = histogram.clone();
                if matches!(histogram.counter_reset, CounterReset::Reset | CounterReset::NotReset) {
                    Arc::make_mut(&mut histogram).counter_reset = CounterReset::Unknown;
                }
                samples.push_histogram(grid.time(step), histogram);
            }
        }
    }
}
