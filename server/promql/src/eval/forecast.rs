//! Foresees what a query will hold, from the first of its series, so that one that cannot fit is
//! refused when it has read a few of them and not when it has filled its memory.
//!
//! Only where all that is made of a series stays: nothing can be foreseen of groups, of which there
//! may be no more than one has seen, or behind conditions.

use server_storage::SeriesSet;

use super::Eval;
use crate::ast::{AggregateOp, BinaryOp, Expr, ValueType, VectorSelector};
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

/// Where in the query selectors begin of whose every series something is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    starts: Vec<u32>,
}

impl Kept {
    pub(super) fn of(expr: &Expr) -> Kept {
        let mut kept = Kept::default();
        kept.visit(expr, true);
        kept
    }

    fn visit(&mut self, expr: &Expr, stays: bool) {
        match expr {
            Expr::Vector(selector) if stays => self.starts.push(selector.span.start),
            Expr::Matrix(selector) if stays => self.starts.push(selector.vector.span.start),
            Expr::Paren(e) => self.visit(&e.expr, stays),
            Expr::Unary(e) => self.visit(&e.expr, stays),
            Expr::Subquery(e) => self.visit(&e.expr, stays),
            // Every value is kept.
            Expr::Aggregate(e) => self.visit(&e.expr, e.op == AggregateOp::Quantile),
            Expr::Call(e) => {
                let stays = stays
                    && (ONE_TO_ONE.contains(&e.function.name)
                        || matches!(
                            implementation(e.function.name),
                            Some(
                                Implementation::Range(_)
                                    | Implementation::RangeNamed(_)
                                    | Implementation::Map(_)
                            )
                        ));
                e.args.iter().for_each(|arg| self.visit(arg, stays));
            }
            Expr::Binary(e) => {
                let scalar = |side: &Expr| side.value_type() == ValueType::Scalar;
                let stays = match e.op {
                    BinaryOp::Or => stays,
                    // Of two vectors only one is kept, and what comes out is a matter of luck.
                    _ if e.op.is_comparison() || !(scalar(&e.left) || scalar(&e.right)) => false,
                    _ => stays,
                };
                self.visit(&e.left, stays);
                self.visit(&e.right, stays);
            }
            Expr::Vector(_) | Expr::Matrix(_) | Expr::Number(_) | Expr::String(_) => {}
        }
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
        let stays = self.kept.starts.contains(&selector.span.start);
        let expected = if stays { set.size().series } else { 0 };
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
