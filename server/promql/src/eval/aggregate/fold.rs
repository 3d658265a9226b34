//! What a group keeps of its series: a few numbers for every step.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram};

use super::super::Eval;
use crate::ast::{AggregateOp, Span};
use crate::functions::sum::{Kahan, Mean, quantile_of};
use crate::value::histogram::Running;
use crate::value::{Column, Point, Scalars, Track, is_absent};

/// The state of one group.
pub(super) enum Fold {
    /// `sum`
    Sum(Vec<Kahan>, Histograms),
    /// `avg`
    Avg(Vec<Mean>, Histograms),
    /// `min` and `max`: absent until the first sample.
    Extreme(Vec<f64>, AggregateOp),
    /// `count`
    Count(Vec<f64>),
    /// `group`: whether there was a sample.
    Any(Vec<bool>),
    /// `stddev` and `stdvar`
    Spread(Vec<Spread>, AggregateOp),
    /// `quantile`: every value.
    Values(Vec<Vec<f64>>),
}

/// Welford's running variance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.mean = value;
            self.squares = if value.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
}

/// The histograms of `sum` and `avg`; empty until the first one comes.
#[derive(Default)]
pub(super) struct Histograms {
    steps: Vec<HistogramStep>,
    mean: bool,
}

#[derive(Clone)]
struct HistogramStep {
    total: Running,
    incompatible: bool,
    reset: bool,
    no_reset: bool,
}

impl Fold {
    pub(super) fn new(op: AggregateOp, steps: usize) -> Fold {
        match op {
            AggregateOp::Sum => Fold::Sum(vec![Kahan::default(); steps], Histograms::default()),
            AggregateOp::Avg => {
                let histograms = Histograms { mean: true, ..Histograms::default() };
                Fold::Avg(vec![Mean::default(); steps], histograms)
            }
            AggregateOp::Min | AggregateOp::Max => {
                Fold::Extreme(vec![crate::value::ABSENT; steps], op)
            }
            AggregateOp::Group => Fold::Any(vec![false; steps]),
            AggregateOp::Stddev | AggregateOp::Stdvar => {
                Fold::Spread(vec![Spread::default(); steps], op)
            }
            AggregateOp::Quantile => Fold::Values(vec![Vec::new(); steps]),
            _ => Fold::Count(vec![0.0; steps]),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Fold::Sum(steps, _) => size_of_val(steps.as_slice()),
            Fold::Avg(steps, _) => size_of_val(steps.as_slice()),
            Fold::Extreme(steps, _) | Fold::Count(steps) => size_of_val(steps.as_slice()),
            Fold::Any(steps) => steps.len(),
            Fold::Spread(steps, _) => size_of_val(steps.as_slice()),
            Fold::Values(steps) => size_of_val(steps.as_slice()),
        }
    }

    /// Folds a series in; returns how many bytes more are kept.
    pub(super) fn add(&mut self, track: &Track, eval: &Eval<'_>, span: Span) -> usize {
        let column = &track.column;
        match self {
            Fold::Sum(steps, histograms) => {
                return floats_and_histograms(track, histograms, eval, span, |step, value| {
                    steps[step].add(value);
                });
            }
            Fold::Avg(steps, histograms) => {
                return floats_and_histograms(track, histograms, eval, span, |step, value| {
                    steps[step].add(value);
                });
            }
            Fold::Extreme(steps, op) => {
                let is_max = *op == AggregateOp::Max;
                floats(column, eval, span, if is_max { "max" } else { "min" }, |step, value| {
                    let kept = &mut steps[step];
                    let better = if is_max { *kept < value } else { *kept > value };
                    if better || kept.is_nan() {
                        *kept = value;
                    }
                });
            }
            Fold::Count(steps) => each(column, |step| steps[step] += 1.0),
            Fold::Any(steps) => each(column, |step| steps[step] = true),
            Fold::Spread(steps, op) => {
                let name = if *op == AggregateOp::Stddev { "stddev" } else { "stdvar" };
                floats(column, eval, span, name, |step, value| steps[step].add(value));
            }
            Fold::Values(steps) => {
                let mut more = 0;
                floats(column, eval, span, "quantile", |step, value| {
                    let before = steps[step].capacity();
                    steps[step].push(value);
                    more += steps[step].capacity() - before;
                });
                return more * size_of::<f64>();
            }
        }
        0
    }

    /// Writes the results down.
    pub(super) fn finish(
        self,
        column: &mut Column,
        quantile: Option<&Scalars>,
        eval: &Eval<'_>,
        span: Span,
    ) {
        match self {
            Fold::Sum(steps, histograms) => {
                finish_mixed(column, histograms, eval, span, |step| {
                    (steps[step].count > 0).then(|| steps[step].total())
                });
            }
            Fold::Avg(steps, histograms) => {
                finish_mixed(column, histograms, eval, span, |step| {
                    (steps[step].count > 0.0).then(|| steps[step].value())
                });
            }
            Fold::Extreme(steps, _) => column.values = steps,
            Fold::Count(steps) => {
                for (step, count) in steps.into_iter().enumerate().filter(|(_, c)| *c > 0.0) {
                    column.set(step, count);
                }
            }
            Fold::Any(steps) => {
                for (step, _) in steps.into_iter().enumerate().filter(|(_, any)| *any) {
                    column.set(step, 1.0);
                }
            }
            Fold::Spread(steps, op) => {
                for (step, s) in steps.iter().enumerate().filter(|(_, s)| s.count > 0.0) {
                    let variance = s.squares / s.count;
                    let deviation = op == AggregateOp::Stddev;
                    column.set(step, if deviation { variance.sqrt() } else { variance });
                }
            }
            Fold::Values(mut steps) => {
                for (step, values) in steps.iter_mut().enumerate().filter(|(_, v)| !v.is_empty()) {
                    let q = quantile.map_or(f64::NAN, |q| q.at(step));
                    column.set(step, quantile_of(q, values));
                }
            }
        }
    }
}

fn each(column: &Column, mut add: impl FnMut(usize)) {
    for step in 0..column.len() {
        if column.has(step) {
            add(step);
        }
    }
}

/// Visits the floats, noting once that histograms are left out.
fn floats(
    column: &Column,
    eval: &Eval<'_>,
    span: Span,
    name: &str,
    mut add: impl FnMut(usize, f64),
) {
    if column.histograms.is_empty() {
        return only_floats(column, add);
    }
    let mut ignored = false;
    for step in 0..column.len() {
        match column.get(step) {
            Point::Absent => {}
            Point::Float(value) => add(step, value),
            Point::Histogram(_) => ignored = true,
        }
    }
    if ignored {
        eval.notes.info(format!("ignored histogram in {name} aggregation"), span);
    }
}

/// Visits the floats of a column that has nothing else.
fn only_floats(column: &Column, mut add: impl FnMut(usize, f64)) {
    for (step, &value) in column.values.iter().enumerate().filter(|(_, v)| !is_absent(**v)) {
        add(step, value);
    }
}

fn floats_and_histograms(
    track: &Track,
    histograms: &mut Histograms,
    eval: &Eval<'_>,
    span: Span,
    mut add: impl FnMut(usize, f64),
) -> usize {
    let mut more = 0;
    if track.column.histograms.is_empty() {
        only_floats(&track.column, add);
        return 0;
    }
    for step in 0..track.column.len() {
        match track.column.get(step) {
            Point::Absent => {}
            Point::Float(value) => add(step, value),
            Point::Histogram(histogram) => {
                if histograms.steps.is_empty() {
                    let step = HistogramStep {
                        total: Running::new(histograms.mean),
                        incompatible: false,
                        reset: false,
                        no_reset: false,
                    };
                    histograms.steps.resize(track.column.len(), step);
                    more += size_of_val(histograms.steps.as_slice());
                }
                more += histograms.add(step, histogram, track, eval, span);
            }
        }
    }
    more
}

impl Histograms {
    fn add(
        &mut self,
        step: usize,
        histogram: &Arc<FloatHistogram>,
        track: &Track,
        eval: &Eval<'_>,
        span: Span,
    ) -> usize {
        let state = &mut self.steps[step];
        state.reset |= histogram.counter_reset == CounterReset::Reset;
        state.no_reset |= histogram.counter_reset == CounterReset::NotReset;
        if state.incompatible {
            return 0;
        }
        let fresh = state.total.is_empty();
        if state.total.add(histogram).is_err() {
            state.incompatible = true;
            let name = track.labels.metric_name();
            let text = format!(
                "vector contains a mix of histograms with exponential and custom buckets schemas \
                 for metric name \"{name}\""
            );
            eval.notes.warn(text, span);
        }
        let buckets = histogram.positive_buckets.len() + histogram.negative_buckets.len();
        if fresh { buckets * 16 } else { 0 }
    }
}

fn finish_mixed(
    column: &mut Column,
    histograms: Histograms,
    eval: &Eval<'_>,
    span: Span,
    float: impl Fn(usize) -> Option<f64>,
) {
    let mut states = histograms.steps.into_iter();
    for step in 0..column.len() {
        let state = states.next().filter(|state| !state.total.is_empty());
        let (value, state) = match (float(step), state) {
            (Some(_), Some(_)) => {
                let text = "encountered a mix of histograms and floats for aggregation";
                eval.notes.warn(text, span);
                continue;
            }
            (Some(value), None) => {
                column.set(step, value);
                continue;
            }
            (None, Some(state)) if !state.incompatible => {
                (state.total, (state.reset, state.no_reset))
            }
            (None, _) => continue,
        };
        if value.reconciled() {
            let text = "mismatched custom buckets were reconciled during aggregation";
            eval.notes.info(text, span);
        }
        if let Some(total) = value.finish() {
            column.set_histogram(step, Arc::new(total));
        }
        if state == (true, true) {
            let text = "conflicting counter resets during histogram aggregation";
            eval.notes.warn(text, span);
        }
    }
}
