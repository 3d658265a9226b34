//! `absent` and `absent_over_time`: a series where there is none.

use common_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};

use crate::ast::{Call, Expr};
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Sink, argument, unparen};
use crate::value::{Column, Track};

/// `absent(v)`
pub(super) fn absent(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let vector = argument(call, 0)?;
    let mut absent = ones(grid);
    eval.vector(vector, grid, &mut |track| {
        for step in 0..grid.steps {
            if track.column.has(step) {
                absent.clear(step);
            }
        }
        Ok(())
    })?;
    emit(vector, absent, sink)
}

/// `absent_over_time(m)`
pub(super) fn absent_over_time(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let matrix = argument(call, 0)?;
    eval.check_extended(call, matrix)?;
    let windows = eval.windows(matrix, grid)?;
    let mut absent = ones(grid);
    eval.ranges(matrix, &windows, &mut |track| {
        windows.each(&track.samples.timestamps, |window| absent.clear(window.step));
        Ok(())
    })?;
    emit(matrix, absent, sink)
}

fn ones(grid: &Grid) -> Column {
    Column { values: vec![1.0; grid.steps], histograms: Vec::new() }
}

fn emit(selected: &Expr, column: Column, sink: &mut Sink<'_>) -> Result<(), QueryError> {
    if column.is_blank() {
        return Ok(());
    }
    sink(&mut Track { labels: absent_labels(selected), drop_name: false, column })
}

/// What is known of the absent series: the labels its selector asks for with `=`, once.
fn absent_labels(expr: &Expr) -> Labels {
    let matchers: &[Matcher] = match unparen(expr) {
        Expr::Vector(selector) => &selector.matchers,
        Expr::Matrix(selector) => &selector.vector.matchers,
        _ => &[],
    };
    let mut builder = LabelsBuilder::default();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|m| m.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&matcher.name.as_str()) {
            builder.set(&matcher.name, &matcher.value);
            seen.push(&matcher.name);
        } else {
            builder.remove(&matcher.name);
        }
    }
    builder.build()
}
