//! Scalars: from nothing, from vectors, and back to vectors.

use crate::ast::Call;
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Sink, argument};
use crate::value::{Point, Scalars, Track};

/// `time()`: seconds of the evaluation.
pub(super) fn time(_: &Eval<'_>, _: &Call, grid: &Grid) -> Result<Scalars, QueryError> {
    let seconds = |step| grid.time(step) as f64 / 1000.0;
    Ok(Scalars::Steps((0..grid.steps).map(seconds).collect()))
}

/// `pi()`
pub(super) fn pi(_: &Eval<'_>, _: &Call, _: &Grid) -> Result<Scalars, QueryError> {
    Ok(Scalars::Constant(std::f64::consts::PI))
}

/// `start()`: seconds of the query's first evaluation.
pub(super) fn start(eval: &Eval<'_>, _: &Call, _: &Grid) -> Result<Scalars, QueryError> {
    Ok(Scalars::Constant(eval.whole.start as f64 / 1000.0))
}

/// `end()`
pub(super) fn end(eval: &Eval<'_>, _: &Call, _: &Grid) -> Result<Scalars, QueryError> {
    Ok(Scalars::Constant(eval.whole.end() as f64 / 1000.0))
}

/// `step()`
pub(super) fn step(eval: &Eval<'_>, _: &Call, _: &Grid) -> Result<Scalars, QueryError> {
    Ok(Scalars::Constant(eval.times().step_seconds()))
}

/// `range()`
pub(super) fn range(eval: &Eval<'_>, _: &Call, _: &Grid) -> Result<Scalars, QueryError> {
    let ms = eval.whole.end().saturating_sub(eval.whole.start);
    Ok(Scalars::Constant(ms as f64 / 1000.0))
}

/// `min_of(a, b)`
pub(super) fn min_of(eval: &Eval<'_>, call: &Call, grid: &Grid) -> Result<Scalars, QueryError> {
    let (a, b) = two(eval, call, grid)?;
    Ok(a.zip(&b, grid.steps, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }))
}

/// `max_of(a, b)`
pub(super) fn max_of(eval: &Eval<'_>, call: &Call, grid: &Grid) -> Result<Scalars, QueryError> {
    let (a, b) = two(eval, call, grid)?;
    Ok(a.zip(&b, grid.steps, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }))
}

fn two(eval: &Eval<'_>, call: &Call, grid: &Grid) -> Result<(Scalars, Scalars), QueryError> {
    Ok((eval.scalar(argument(call, 0)?, grid)?, eval.scalar(argument(call, 1)?, grid)?))
}

/// `scalar(v)`: the only float of a vector, NaN where there is none or another.
pub(super) fn scalar(eval: &Eval<'_>, call: &Call, grid: &Grid) -> Result<Scalars, QueryError> {
    let mut values = vec![f64::NAN; grid.steps];
    let mut found = vec![false; grid.steps];
    eval.vector(argument(call, 0)?, grid, &mut |track| {
        for step in 0..grid.steps {
            if let Point::Float(value) = track.column.get(step) {
                values[step] = if found[step] { f64::NAN } else { value };
                found[step] = true;
            }
        }
        Ok(())
    })?;
    Ok(Scalars::Steps(values))
}

/// `vector(s)`
pub(super) fn vector(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let scalars = eval.scalar(argument(call, 0)?, grid)?;
    let mut track = Track::default();
    track.column.reset(grid.steps);
    for step in 0..grid.steps {
        track.column.set(step, scalars.at(step));
    }
    sink(&mut track)
}
