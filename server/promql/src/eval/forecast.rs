//! Foresees what a query will hold, from the first of its series, so that one that cannot fit is
//! refused when it has read a few of them and not when it has filled its memory.
//!
//! Only where something of every series stays: nothing can be foreseen of groups, of which there may
//! be no more than one has seen, or behind conditions.

use server_storage::SeriesSet;

use super::Eval;
use super::binary::is_swapped;
use crate::ast::{Aggregate, AggregateOp, Binary, BinaryOp, Expr, ValueType, VectorSelector};
use crate::engine::QueryError;
use crate::functions::{Implementation, implementation};

/// Series after which somebody looks for the first time; then whenever there are twice as many.
const SERIES_FIRST: usize = 16;
/// So many stand for the rest: half as much again as may be held is too much.
const SERIES_ENOUGH: usize = 256;
/// Of fewer one cannot be so sure: it must be so many times too much.
const TIMES_OF_FEW: usize = 8;
/// Below this part of what the query may hold nothing is foreseen.
const PART_MIN: usize = 16;

/// Functions whose series are those of their argument, beside functions of one value or range.
const ONE_TO_ONE: &[&str] =
    &["label_join", "label_replace", "sort", "sort_by_label", "sort_by_label_desc", "sort_desc"];

/// Functions that gather all series of their argument before the first one comes out.
const GATHERING: &[&str] = &["histogram_fraction", "histogram_quantile", "histogram_quantiles"];

/// How many series of an expression are kept at least.
#[derive(Clone, Copy)]
enum Keeps {
    /// Nobody knows.
    Unknown,
    /// All of them, or as many as this if there are more.
    Up(usize),
}

const ALL: Keeps = Keeps::Up(usize::MAX);

/// Where in the query selectors begin of whose series something is kept, and of how many.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    starts: Vec<(u32, usize)>,
}

impl Kept {
    pub(super) fn of(expr: &Expr) -> Kept {
        let mut kept = Kept::default();
        kept.visit(expr, ALL);
        kept
    }

    /// Series of this selector that are kept, if there are as many.
    fn count(&self, start: u32) -> usize {
        self.starts.iter().find(|(known, _)| *known == start).map_or(0, |(_, count)| *count)
    }

    fn visit(&mut self, expr: &Expr, keeps: Keeps) {
        match expr {
            Expr::Vector(selector) => self.note(selector, keeps),
            Expr::Matrix(selector) => self.note(&selector.vector, keeps),
            Expr::Paren(e) => self.visit(&e.expr, keeps),
            Expr::Unary(e) => self.visit(&e.expr, keeps),
            Expr::Subquery(e) => self.visit(&e.expr, keeps),
            Expr::Aggregate(e) => self.visit(&e.expr, of_aggregation(e)),
            Expr::Call(e) => {
                let keeps = of_call(e.function.name, keeps);
                e.args.iter().for_each(|arg| self.visit(arg, keeps));
            }
            Expr::Binary(e) => {
                let (left, right) = of_binary(e, keeps);
                self.visit(&e.left, left);
                self.visit(&e.right, right);
            }
            Expr::Number(_) | Expr::String(_) => {}
        }
    }

    fn note(&mut self, selector: &VectorSelector, keeps: Keeps) {
        if let Keeps::Up(count) = keeps {
            self.starts.push((selector.span.start, count));
        }
    }
}

fn of_aggregation(aggregate: &Aggregate) -> Keeps {
    match (aggregate.op, &aggregate.param) {
        // Every value is kept.
        (AggregateOp::Quantile, _) => ALL,
        // At the first step alone there are so many, in one group or more.
        (AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk, Some(Expr::Number(k))) => {
            Keeps::Up(k.value as usize)
        }
        _ => Keeps::Unknown,
    }
}

fn of_call(function: &str, keeps: Keeps) -> Keeps {
    if GATHERING.contains(&function) {
        return ALL;
    }
    let one_to_one = ONE_TO_ONE.contains(&function)
        || matches!(
            implementation(function),
            Some(Implementation::Range(_) | Implementation::RangeNamed(_) | Implementation::Map(_))
        );
    if one_to_one { keeps } else { Keeps::Unknown }
}

/// What is kept of the left and the right side.
fn of_binary(binary: &Binary, keeps: Keeps) -> (Keeps, Keeps) {
    let scalar = |side: &Expr| side.value_type() == ValueType::Scalar;
    let with_scalar = scalar(&binary.left) || scalar(&binary.right);
    match binary.op {
        BinaryOp::Or => (ALL, ALL),
        BinaryOp::And | BinaryOp::Unless => (Keeps::Unknown, Keeps::Unknown),
        op if with_scalar && op.is_comparison() => (Keeps::Unknown, Keeps::Unknown),
        _ if with_scalar => (keeps, keeps),
        // The "one" side waits for the other; of that one it is a matter of luck.
        _ if is_swapped(binary) => (ALL, Keeps::Unknown),
        _ => (Keeps::Unknown, ALL),
    }
}

/// What is foreseen of one selector.
pub(super) struct Forecast {
    held_before: usize,
    expected: usize,
    seen: usize,
    look_at: usize,
}

impl Eval<'_> {
    /// Begins before the first series of a selector.
    pub(super) fn forecast(&self, selector: &VectorSelector, set: &dyn SeriesSet) -> Forecast {
        let expected = set.size().series.min(self.kept.count(selector.span.start));
        Forecast {
            held_before: self.budget.memory().bytes(),
            expected,
            seen: 0,
            look_at: if expected > SERIES_ENOUGH { SERIES_FIRST } else { usize::MAX },
        }
    }
}

impl Forecast {
    /// After another series: an error where it is plain that more will be needed than may be held.
    pub(super) fn look(&mut self, eval: &Eval<'_>) -> Result<(), QueryError> {
        self.seen += 1;
        if self.seen < self.look_at {
            return Ok(());
        }
        self.look_at = self.seen.saturating_mul(2);
        let memory = eval.budget.memory();
        let (grown, limit) =
            (memory.bytes().saturating_sub(self.held_before), memory.bytes_reach());
        if grown < limit / PART_MIN {
            return Ok(());
        }
        let one = grown / self.seen;
        let rest = one.saturating_mul(self.expected.saturating_sub(self.seen));
        let wanted = memory.bytes().saturating_add(rest);
        let plain = match self.seen {
            ..SERIES_ENOUGH => limit.saturating_mul(TIMES_OF_FEW),
            _ => limit.saturating_add(limit / 2),
        };
        if wanted <= plain {
            return Ok(());
        }
        Err(QueryError::TooMuchMemory { limit, wanted })
    }
}
