//! The evaluator: one series over all steps at a time, pushed from node to node.
//!
//! Every node that yields an instant vector hands its series one after the other to a sink; a sink
//! may take the column out of the track it is given, otherwise the memory is used again for the
//! next series. Only what must wait for other series (groups, the "one" side of a match) is kept,
//! and charged to the query's budget.

mod aggregate;
mod binary;
mod call;
mod cores;
mod forecast;
mod grid;
mod groups;
mod hints;
mod invariant;
mod memo;
mod merge;
mod range;
mod reading;
mod select;
mod shift;
mod watch;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ast::{Expr, Span, ValueType};
use crate::engine::{
    Budget, EngineOptions, NESTING_MAX, Notes, QueryError, QueryOptions, Reservation, Stop, address,
};
use crate::value::{Scalars, Track};
use common_model::{Labels, MatchOp, Matcher, TimestampMs};
use server_storage::{Querier, Queryable};

pub(crate) use call::argument;
pub(crate) use grid::Grid;
pub(crate) use invariant::{TIME_DEPENDENT, is_invariant};
pub(crate) use merge::Merger;
pub(crate) use range::RangeTrack;
pub(crate) use reading::Reading;
pub(crate) use shift::FixedShift;
pub(crate) use window::{Stretch, Window, Windows};

/// Takes the series of an instant vector.
pub(crate) type Sink<'a> = dyn FnMut(&mut Track) -> Result<(), QueryError> + 'a;

/// Regular expressions in one selector.
const REGEX_MATCHERS_MAX: usize = 64;

/// One evaluation of one expression.
pub(crate) struct Eval<'q> {
    pub(crate) options: &'q EngineOptions,
    pub(crate) query: &'q QueryOptions<'q>,
    pub(crate) lookback_ms: i64,
    subquery_step_ms: i64,
    /// The grid of the whole query, which `@ start()`, `@ end()`, `step()` and `range()` speak of.
    pub(crate) whole: Grid,
    /// Where the query ends, which may be after its last step: what `@ end()` and `range()` mean.
    pub(crate) end: TimestampMs,
    pub(crate) querier: Box<dyn Querier>,
    pub(crate) notes: Notes,
    pub(crate) budget: Budget,
    pub(crate) samples_total: AtomicU64,
    pub(crate) series_total: AtomicU64,
    /// Selectors that look for counter resets themselves.
    compared: hints::Compared,
    /// Selectors of which only some labels are looked at.
    grouped: hints::Grouped,
    /// Selectors whose series all stay.
    kept: forecast::Kept,
}

impl<'q> Eval<'q> {
    /// Opens the store for the times the expression can look at.
    pub(crate) fn new(
        options: &'q EngineOptions,
        query: &'q QueryOptions<'q>,
        store: &dyn Queryable,
        expr: &Expr,
        whole: Grid,
        end: TimestampMs,
    ) -> Result<Eval<'q>, QueryError> {
        if depth(expr, NESTING_MAX).is_none() {
            return Err(QueryError::BadData(format!(
                "expression is nested more than {NESTING_MAX} levels deep"
            )));
        }
        let lookback_ms = query.lookback_delta_ms.unwrap_or(options.lookback_delta_ms);
        let subquery_step_ms = options.subquery_step.get();
        let measured = || {
            let shared = options.shared.clone();
            Arc::new(Reservation::measured(shared, query.share, options.memory_bytes_max))
        };
        let memory = query.memory.cloned().unwrap_or_else(measured);
        let times = shift::Times { whole, end, lookback_ms, subquery_step_ms };
        let (first, last) = times.bounds(expr)?;
        let mut querier = store.querier(first, last)?;
        querier.watch(query.interrupt.watch());
        let eval = Eval {
            options,
            query,
            lookback_ms,
            subquery_step_ms,
            whole,
            end,
            querier,
            notes: Notes::default(),
            budget: Budget::new(options.samples_max, memory),
            samples_total: AtomicU64::new(0),
            series_total: AtomicU64::new(0),
            compared: hints::Compared::of(expr),
            grouped: hints::Grouped::of(expr, options),
            kept: forecast::Kept::of(expr),
        };
        let matchers = expr.selectors().into_iter().flat_map(|selector| &selector.matchers);
        let patterns = matchers.filter_map(Matcher::pattern).map(|pattern| pattern.heap_bytes());
        eval.budget.charge(0, patterns.sum())?;
        eval.check_grid(&whole)?;
        Ok(eval)
    }

    /// Refuses grids of which not even one column would fit.
    pub(crate) fn check_grid(&self, grid: &Grid) -> Result<(), QueryError> {
        self.budget.check(grid.steps, grid.steps.saturating_mul(size_of::<f64>()))
    }

    /// Refuses selectors whose regular expressions alone would take long: the store asks each of
    /// every value, and cannot be interrupted meanwhile.
    pub(crate) fn check_matchers(&self, matchers: &[Matcher]) -> Result<(), QueryError> {
        let is_regex = |m: &&Matcher| !matches!(m.op, MatchOp::Equal | MatchOp::NotEqual);
        match matchers.iter().filter(is_regex).count() {
            0..=REGEX_MATCHERS_MAX => Ok(()),
            count => Err(QueryError::BadData(format!(
                "selector has {count} regular expressions, at most {REGEX_MATCHERS_MAX} are allowed"
            ))),
        }
    }

    /// Ends the query when the asker wants it to.
    pub(crate) fn check_interrupt(&self) -> Result<(), QueryError> {
        match self.query.interrupt.stop() {
            None => self.budget.memory().look(),
            Some(Stop::Timeout) => Err(QueryError::Timeout),
            Some(Stop::Canceled) => Err(QueryError::Canceled),
        }
    }

    /// Counts samples that steps looked at.
    pub(crate) fn count_samples(&self, samples: u64) {
        self.samples_total.fetch_add(samples, Ordering::Relaxed);
    }

    /// The series of an instant vector as the query gives them back: names that were to be dropped
    /// at the end are, and series that thereby become one are merged.
    pub(crate) fn final_tracks(
        &self,
        expr: &Expr,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        if !self.options.delayed_name_removal {
            return self.vector(expr, grid, sink);
        }
        let mut merger = Merger::new(self);
        self.vector(expr, grid, &mut |track| {
            if track.drop_name {
                track.labels = without_name(&track.labels);
            }
            track.drop_name = false;
            merger.push(track)
        })?;
        merger.drain(sink)
    }

    /// The series of an instant vector.
    pub(crate) fn vector(
        &self,
        expr: &Expr,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        if grid.steps == 0 {
            return Ok(());
        }
        if grid.steps > 1 && invariant::is_invariant(expr) {
            return self.vector_node(expr, &grid.first(), &mut |track| {
                track.column.spread(grid.steps);
                sink(track)
            });
        }
        self.vector_node(expr, grid, sink)
    }

    fn vector_node(&self, expr: &Expr, grid: &Grid, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        self.check_interrupt()?;
        if let Expr::Vector(selector) = expr {
            return self.select(selector, grid, sink);
        }
        self.watched(|| address(expr), grid.steps, sink, |sink| self.evaluate(expr, grid, sink))
    }

    fn evaluate(&self, expr: &Expr, grid: &Grid, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        match expr {
            Expr::Vector(selector) => self.select(selector, grid, sink),
            Expr::Paren(paren) => self.vector(&paren.expr, grid, sink),
            Expr::Unary(unary) if unary.negative => self.negate(unary, grid, sink),
            Expr::Unary(unary) => self.vector(&unary.expr, grid, sink),
            Expr::Binary(binary) => self.binary(binary, grid, sink),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, grid, sink),
            Expr::Call(call) => self.call(call, grid, sink),
            Expr::Number(_) | Expr::String(_) | Expr::Matrix(_) | Expr::Subquery(_) => {
                Err(wrong_type(ValueType::Vector, expr))
            }
        }
    }

    /// A scalar at every step.
    pub(crate) fn scalar(&self, expr: &Expr, grid: &Grid) -> Result<Scalars, QueryError> {
        self.watched_scalar(|| address(expr), grid.steps, || self.evaluate_scalar(expr, grid))
    }

    fn evaluate_scalar(&self, expr: &Expr, grid: &Grid) -> Result<Scalars, QueryError> {
        match expr {
            Expr::Number(number) => Ok(Scalars::Constant(number.value)),
            Expr::Paren(paren) => self.scalar(&paren.expr, grid),
            Expr::Unary(unary) => {
                let value = self.scalar(&unary.expr, grid)?;
                Ok(if unary.negative { value.map(|v| -v) } else { value })
            }
            Expr::Binary(binary) if expr.value_type() == ValueType::Scalar => {
                let left = self.scalar(&binary.left, grid)?;
                let right = self.scalar(&binary.right, grid)?;
                let op = binary.op;
                Ok(left.zip(&right, grid.steps, |a, b| binary::scalars(op, a, b)))
            }
            Expr::Call(call) if call.function.returns == ValueType::Scalar => {
                self.scalar_call(call, grid)
            }
            _ => Err(wrong_type(ValueType::Scalar, expr)),
        }
    }

    /// A text.
    pub(crate) fn string<'e>(&self, expr: &'e Expr) -> Result<&'e str, QueryError> {
        match expr {
            Expr::String(string) => Ok(&string.value),
            Expr::Paren(paren) => self.string(&paren.expr),
            _ => Err(wrong_type(ValueType::String, expr)),
        }
    }

    /// Drops the metric name of a track, now or, with delayed name removal, at the end.
    pub(crate) fn drop_name(&self, track: &mut Track) {
        if self.options.delayed_name_removal {
            track.drop_name = true;
        } else {
            track.labels = without_name(&track.labels);
        }
    }

    /// Runs `source`, whose tracks get their names dropped, into `sink`. Where two series might
    /// become one thereby, they are collected and merged.
    pub(crate) fn nameless(
        &self,
        argument: &Expr,
        sink: &mut Sink<'_>,
        source: impl FnOnce(&mut Sink<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let distinct =
            invariant::unique_without_name(argument) && !self.options.type_and_unit_labels;
        if self.options.delayed_name_removal {
            return source(&mut |track| {
                self.drop_name(track);
                sink(track)
            });
        }
        if distinct {
            let mut memo = memo::Memo::default();
            return source(&mut |track| {
                track.labels = memo.get(&track.labels, || without_name(&track.labels));
                sink(track)
            });
        }
        let mut merger = Merger::new(self);
        source(&mut |track| {
            self.drop_name(track);
            merger.push(track)
        })?;
        merger.drain(sink)
    }
}

/// Labels without the metric name and the labels that describe the metric.
pub(crate) fn without_name(labels: &Labels) -> Labels {
    labels.filter(|name| !is_metadata_label(name))
}

/// Whether a label says what the metric is, and so goes when the value becomes another thing.
pub(crate) fn is_metadata_label(name: &str) -> bool {
    matches!(name, common_model::METRIC_NAME | "__type__" | "__unit__")
}

/// Strips parentheses.
pub(crate) fn unparen(mut expr: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expr {
        expr = &paren.expr;
    }
    expr
}

pub(crate) fn wrong_type(wanted: ValueType, expr: &Expr) -> QueryError {
    let Span { start, .. } = expr.span();
    QueryError::BadData(format!(
        "expected type {} at position {start}, got {}",
        wanted.describe(),
        expr.value_type().describe()
    ))
}

/// How deep an expression is nested; nothing when deeper than `left`.
fn depth(expr: &Expr, left: usize) -> Option<usize> {
    let left = left.checked_sub(1)?;
    let children: &mut dyn Iterator<Item = &Expr> = match expr {
        Expr::Aggregate(e) => &mut std::iter::once(&e.expr).chain(&e.param),
        Expr::Binary(e) => &mut [&e.left, &e.right].into_iter(),
        Expr::Call(e) => &mut e.args.iter(),
        Expr::Paren(e) => &mut std::iter::once(&e.expr),
        Expr::Subquery(e) => &mut std::iter::once(&e.expr),
        Expr::Unary(e) => &mut std::iter::once(&e.expr),
        Expr::Matrix(_) | Expr::Number(_) | Expr::String(_) | Expr::Vector(_) => {
            &mut std::iter::empty()
        }
    };
    let mut deepest = 0;
    for child in children {
        deepest = deepest.max(depth(child, left)?);
    }
    Some(deepest + 1)
}
