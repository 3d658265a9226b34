//! Aggregations that choose series: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use common_model::Labels;

use super::super::groups::{Grouping, Groups};
use super::super::{Eval, Grid, Sink};
use crate::ast::{Aggregate, AggregateOp, Expr};
use crate::engine::QueryError;
use crate::value::{Column, Point, Scalars, Track};

/// A series that is among the chosen at a step.
#[derive(Clone, Copy)]
struct Chosen {
    value: f64,
    /// Place in the list of candidates.
    series: usize,
}

/// A series that was chosen at some step, with its samples at these steps.
struct Candidate {
    labels: Labels,
    drop_name: bool,
    column: Column,
    /// At how many steps it is still among the chosen.
    uses: usize,
}

impl Eval<'_> {
    pub(super) fn select_k(
        &self,
        aggregate: &Aggregate,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        // Where nothing is wanted, notes and errors still are.
        let Some(wanted) = counts(&self.scalar(parameter(aggregate)?, grid)?, grid)? else {
            return self.vector(&aggregate.expr, grid, &mut |_| Ok(()));
        };
        let mut groups = Groups::new(Grouping::of_aggregate(aggregate));
        let mut chosen: Vec<Vec<Vec<Chosen>>> = Vec::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        let (mut samples, mut bytes) = (0, 0);
        let order = Order(aggregate.op);
        self.vector(&aggregate.expr, grid, &mut |track| {
            let (group, is_new) = groups.place(&track.labels);
            if is_new {
                let size = grid.steps * size_of::<Vec<Chosen>>();
                self.budget.charge(0, size)?;
                bytes += size;
                chosen.push(vec![Vec::new(); grid.steps]);
            }
            let mut uses = 0;
            for step in 0..track.column.len() {
                let value = match track.column.get(step) {
                    Point::Absent => continue,
                    Point::Float(value) => value,
                    Point::Histogram(_) if aggregate.op == AggregateOp::Limitk => 0.0,
                    Point::Histogram(_) => {
                        let name =
                            if aggregate.op == AggregateOp::Topk { "topk" } else { "bottomk" };
                        let text = format!("ignored histogram in {name} aggregation");
                        self.notes.info(text, aggregate.span);
                        continue;
                    }
                };
                let Some(heap) = chosen[group].get_mut(step) else { continue };
                let new = Chosen { value, series: candidates.len() };
                if heap.len() < wanted.at(step) {
                    order.push(heap, new);
                    uses += 1;
                    bytes += size_of::<Chosen>();
                    self.budget.charge(1, size_of::<Chosen>())?;
                    samples += 1;
                } else if let Some(&worst) = heap.first()
                    && order.replaces(value, worst.value)
                {
                    candidates[worst.series].uses -= 1;
                    if candidates[worst.series].uses == 0 {
                        let column = std::mem::take(&mut candidates[worst.series].column);
                        self.budget.release(0, column.heap_bytes());
                        bytes -= column.heap_bytes();
                    }
                    order.replace(heap, new);
                    uses += 1;
                }
            }
            if uses > 0 {
                let column = std::mem::take(&mut track.column);
                let size = column.heap_bytes() + track.labels.heap_bytes() + size_of::<Candidate>();
                self.budget.charge(0, size)?;
                bytes += size;
                let (labels, drop_name) = (track.labels.clone(), track.drop_name);
                candidates.push(Candidate { labels, drop_name, column, uses });
            }
            Ok(())
        })?;
        if grid.steps == 1 {
            emit_in_order(&order, chosen, &candidates, sink)?;
        } else {
            emit_by_series(chosen, candidates, grid, sink)?;
        }
        self.budget.release(samples, bytes);
        Ok(())
    }

    pub(super) fn limit_ratio(
        &self,
        aggregate: &Aggregate,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let param = parameter(aggregate)?;
        let ratios = self.scalar(param, grid)?;
        for step in 0..ratios.distinct(grid.steps) {
            let ratio = ratios.at(step);
            if ratio.is_nan() {
                return Err(QueryError::execution("Ratio value is NaN"));
            }
            let capped = ratio.clamp(-1.0, 1.0);
            #[expect(clippy::float_cmp, reason = "clamping either changes the value or does not")]
            if capped != ratio {
                let got = common_model::format_float(ratio);
                let text = format!(
                    "ratio value should be between -1 and 1, got {got}, capping to {capped}"
                );
                self.notes.warn(text, param.span());
            }
        }
        self.vector(&aggregate.expr, grid, &mut |track| {
            let offset = track.labels.hash64() as f64 / u64::MAX as f64;
            for step in 0..grid.steps {
                let ratio = ratios.at(step).clamp(-1.0, 1.0);
                let inside = if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio };
                if !inside {
                    track.column.clear(step);
                }
            }
            if track.column.is_blank() { Ok(()) } else { sink(track) }
        })
    }
}

fn parameter(aggregate: &Aggregate) -> Result<&Expr, QueryError> {
    let missing = || QueryError::BadData("the aggregation needs a parameter".to_owned());
    aggregate.param.as_ref().ok_or_else(missing)
}

/// How many series are wanted at each step.
enum Counts {
    Same(usize),
    Steps(Vec<usize>),
}

impl Counts {
    fn at(&self, step: usize) -> usize {
        match self {
            Counts::Same(count) => *count,
            Counts::Steps(counts) => counts.get(step).copied().unwrap_or(0),
        }
    }
}

/// Checks the parameter; nothing when no step wants a series.
fn counts(scalars: &Scalars, grid: &Grid) -> Result<Option<Counts>, QueryError> {
    let steps = scalars.distinct(grid.steps);
    let values = || (0..steps).map(|step| scalars.at(step));
    if !values().any(|value| value >= 1.0 || value.is_nan()) {
        return Ok(None);
    }
    if values().any(f64::is_nan) {
        return Err(QueryError::execution("Parameter value is NaN"));
    }
    let shown = common_model::format_float;
    // The bounds of an int64 as floats; the upper one is itself out of range.
    if let Some(low) = values().find(|&v| v <= i64::MIN as f64) {
        return Err(QueryError::execution(format!("Scalar value {} underflows int64", shown(low))));
    }
    if let Some(high) = values().find(|&v| v >= i64::MAX as f64) {
        return Err(QueryError::execution(format!("Scalar value {} overflows int64", shown(high))));
    }
    let count = |value: f64| if value < 1.0 { 0 } else { value as usize };
    Ok(Some(match scalars {
        Scalars::Constant(value) => Counts::Same(count(*value)),
        Scalars::Steps(values) => Counts::Steps(values.iter().map(|v| count(*v)).collect()),
    }))
}

/// Heaps with the worst of the chosen on top.
struct Order(AggregateOp);

impl Order {
    /// Whether `a` is worse than `b`; NaN is worst.
    fn worse(&self, a: f64, b: f64) -> bool {
        if a.is_nan() {
            return true;
        }
        match self.0 {
            AggregateOp::Topk => a < b,
            AggregateOp::Bottomk => a > b,
            _ => false,
        }
    }

    /// Whether a new value takes the place of the worst chosen.
    fn replaces(&self, new: f64, worst: f64) -> bool {
        match self.0 {
            AggregateOp::Topk => worst < new || (worst.is_nan() && !new.is_nan()),
            AggregateOp::Bottomk => worst > new || (worst.is_nan() && !new.is_nan()),
            _ => false,
        }
    }

    fn push(&self, heap: &mut Vec<Chosen>, new: Chosen) {
        heap.push(new);
        if self.0 == AggregateOp::Limitk {
            return;
        }
        let mut at = heap.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.worse(heap[at].value, heap[parent].value) {
                break;
            }
            heap.swap(at, parent);
            at = parent;
        }
    }

    fn replace(&self, heap: &mut [Chosen], new: Chosen) {
        heap[0] = new;
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= heap.len() {
                return;
            }
            let child = if right < heap.len() && self.worse(heap[right].value, heap[left].value) {
                right
            } else {
                left
            };
            if !self.worse(heap[child].value, heap[at].value) {
                return;
            }
            heap.swap(at, child);
            at = child;
        }
    }

    /// Best first.
    fn compare(&self, a: f64, b: f64) -> Ordering {
        match (a.is_nan(), b.is_nan()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if self.0 == AggregateOp::Topk => b.total_cmp(&a),
            (false, false) => a.total_cmp(&b),
        }
    }
}

/// An instant query shows the chosen best first, group by group.
fn emit_in_order(
    order: &Order,
    chosen: Vec<Vec<Vec<Chosen>>>,
    candidates: &[Candidate],
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    for mut step in chosen.into_iter().flatten() {
        if order.0 != AggregateOp::Limitk {
            step.sort_by(|a, b| order.compare(a.value, b.value));
        }
        for one in step {
            let candidate = &candidates[one.series];
            let mut track = Track {
                labels: candidate.labels.clone(),
                drop_name: candidate.drop_name,
                column: candidate.column.clone(),
            };
            sink(&mut track)?;
        }
    }
    Ok(())
}

fn emit_by_series(
    chosen: Vec<Vec<Vec<Chosen>>>,
    candidates: Vec<Candidate>,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let mut keep: Vec<Vec<usize>> = vec![Vec::new(); candidates.len()];
    for group in chosen {
        for (step, heap) in group.into_iter().enumerate() {
            for one in heap {
                keep[one.series].push(step);
            }
        }
    }
    for (candidate, steps) in candidates.into_iter().zip(keep) {
        if steps.is_empty() {
            continue;
        }
        let mut column = Column::absent(grid.steps);
        for step in steps {
            column.copy_from(step, &candidate.column, step);
        }
        let Candidate { labels, drop_name, .. } = candidate;
        sink(&mut Track { labels, drop_name, column })?;
    }
    Ok(())
}
