//! When a selector looks: `offset`, `@`, computed durations, and the times a query spans.

use common_model::TimestampMs;

use super::Grid;
use crate::ast::{At, BinaryOp, DurationArg, DurationExpr, Expr, Extended, Shift, Subquery};
use crate::engine::QueryError;

/// What the times of selectors depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) whole: Grid,
    /// Where the query ends, which may be after its last step.
    pub(crate) end: TimestampMs,
    pub(crate) lookback_ms: i64,
    pub(crate) subquery_step_ms: i64,
}

/// A shift with everything in it known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FixedShift {
    pub(crate) at: Option<TimestampMs>,
    pub(crate) offset_ms: i64,
}

impl FixedShift {
    /// This shift as seen from outside a subquery that is shifted itself.
    pub(crate) fn within(self, outer: FixedShift) -> FixedShift {
        if self.at.is_some() {
            return self;
        }
        FixedShift { at: outer.at, offset_ms: outer.offset_ms.saturating_add(self.offset_ms) }
    }

    /// The time a selector looks at when it is evaluated at `time`.
    #[inline]
    pub(crate) fn apply(self, time: TimestampMs) -> TimestampMs {
        self.at.unwrap_or(time).saturating_sub(self.offset_ms)
    }
}

impl Times {
    /// Resolves a shift.
    pub(crate) fn shift(&self, shift: &Shift) -> Result<FixedShift, QueryError> {
        let at = shift.at.map(|at| match at {
            At::Time(time) => time,
            At::Start => self.whole.start,
            At::End => self.end,
        });
        let offset_ms = match &shift.offset {
            None => 0,
            Some(offset) => self.duration(offset)?,
        };
        Ok(FixedShift { at, offset_ms })
    }

    /// Resolves a duration to milliseconds.
    pub(crate) fn duration(&self, duration: &DurationArg) -> Result<i64, QueryError> {
        match duration {
            DurationArg::Literal(ms) => Ok(*ms),
            DurationArg::Computed(expr) => {
                let ms = self.seconds(expr)? * 1000.0;
                if !ms.is_finite() || ms.abs() >= i64::MAX as f64 {
                    return Err(QueryError::execution("duration out of range"));
                }
                Ok(ms as i64)
            }
        }
    }

    /// Resolves a range or step, which must be positive.
    pub(crate) fn positive(&self, duration: &DurationArg) -> Result<i64, QueryError> {
        match self.duration(duration)? {
            ms if ms > 0 => Ok(ms),
            _ => Err(not_positive(duration)),
        }
    }

    fn seconds(&self, expr: &DurationExpr) -> Result<f64, QueryError> {
        Ok(match expr {
            DurationExpr::Number(value, _) | DurationExpr::Duration(value, _) => *value,
            DurationExpr::Step(_) => self.step_seconds(),
            DurationExpr::Range(_) => self.end.saturating_sub(self.whole.start) as f64 / 1000.0,
            DurationExpr::Unary(op, inner, _) => {
                let value = self.seconds(inner)?;
                if *op == BinaryOp::Sub { -value } else { value }
            }
            DurationExpr::Paren(inner, _) => self.seconds(inner)?,
            DurationExpr::Min(a, b, _) => self.seconds(a)?.min(self.seconds(b)?),
            DurationExpr::Max(a, b, _) => self.seconds(a)?.max(self.seconds(b)?),
            DurationExpr::Binary(op, a, b, _) => {
                let (a, b) = (self.seconds(a)?, self.seconds(b)?);
                match op {
                    BinaryOp::Add => a + b,
                    BinaryOp::Sub => a - b,
                    BinaryOp::Mul => a * b,
                    BinaryOp::Div if b == 0.0 => {
                        return Err(QueryError::execution("division by zero"));
                    }
                    BinaryOp::Div => a / b,
                    BinaryOp::Mod if b == 0.0 => {
                        return Err(QueryError::execution("modulo by zero"));
                    }
                    BinaryOp::Mod => a % b,
                    BinaryOp::Pow => a.powf(b),
                    _ => {
                        return Err(QueryError::execution(
                            "unexpected operator in a duration expression",
                        ));
                    }
                }
            }
        })
    }

    /// `step()`: zero in an instant query, as upstream has it.
    pub(crate) fn step_seconds(&self) -> f64 {
        if self.whole.steps == 1 && self.whole.step_ms == 1 {
            0.0
        } else {
            self.whole.step_ms as f64 / 1000.0
        }
    }

    /// The grid a subquery evaluates its expression on when it is itself evaluated on `grid`:
    /// multiples of the step, the first one after the start of the first range.
    pub(crate) fn subquery_grid(
        &self,
        subquery: &Subquery,
        grid: &Grid,
    ) -> Result<Grid, QueryError> {
        let step_ms = match &subquery.step {
            Some(step) => match self.duration(step)? {
                ms if ms > 0 => ms,
                0 => self.subquery_step_ms,
                _ => return Err(not_positive(step)),
            },
            None => self.subquery_step_ms,
        }
        .max(1);
        let shift = self.shift(&subquery.shift)?;
        let range_ms = self.positive(&subquery.range)?;
        let before = shift.apply(grid.start).saturating_sub(range_ms);
        let end = shift.apply(grid.end());
        // Division towards zero, as upstream: before 1970 the first step may lie a step later.
        let mut start = (before / step_ms).saturating_mul(step_ms);
        if start <= before {
            start = start.saturating_add(step_ms);
        }
        if end < start {
            return Ok(Grid { start, step_ms, steps: 0 });
        }
        Grid::range(start, end, step_ms)
    }

    /// First and last time that any selector of an expression can look at.
    pub(crate) fn bounds(&self, expr: &Expr) -> Result<(TimestampMs, TimestampMs), QueryError> {
        let mut bounds = None;
        self.widen(expr, self.whole.start, self.whole.end(), &mut bounds)?;
        Ok(bounds.unwrap_or((0, 0)))
    }

    fn widen(
        &self,
        expr: &Expr,
        first: TimestampMs,
        last: TimestampMs,
        bounds: &mut Option<(TimestampMs, TimestampMs)>,
    ) -> Result<(), QueryError> {
        match expr {
            Expr::Aggregate(e) => {
                self.widen(&e.expr, first, last, bounds)?;
                e.param.iter().try_for_each(|param| self.widen(param, first, last, bounds))
            }
            Expr::Binary(e) => {
                self.widen(&e.left, first, last, bounds)?;
                self.widen(&e.right, first, last, bounds)
            }
            Expr::Call(e) => {
                e.args.iter().try_for_each(|arg| self.widen(arg, first, last, bounds))?;
                if e.function.name == "info" {
                    // Info series are looked for as far back as any selector looks, ranges or not.
                    let (from, to) = bounds.unwrap_or((first, last));
                    *bounds = Some((from.saturating_sub(self.lookback_ms), to));
                }
                Ok(())
            }
            Expr::Paren(e) => self.widen(&e.expr, first, last, bounds),
            Expr::Unary(e) => self.widen(&e.expr, first, last, bounds),
            Expr::Number(_) | Expr::String(_) => Ok(()),
            Expr::Subquery(e) => {
                let shift = self.shift(&e.shift)?;
                let range_ms = self.positive(&e.range)?;
                let first = shift.apply(first).saturating_sub(range_ms);
                self.widen(&e.expr, first, shift.apply(last), bounds)
            }
            Expr::Vector(e) => {
                let shift = self.shift(&e.shift)?;
                self.note(shift, 0, e.extended, first, last, bounds);
                Ok(())
            }
            Expr::Matrix(e) => {
                let shift = self.shift(&e.vector.shift)?;
                let range_ms = self.positive(&e.range)?;
                self.note(shift, range_ms, e.vector.extended, first, last, bounds);
                Ok(())
            }
        }
    }

    fn note(
        &self,
        shift: FixedShift,
        range_ms: i64,
        extended: Extended,
        first: TimestampMs,
        last: TimestampMs,
        bounds: &mut Option<(TimestampMs, TimestampMs)>,
    ) {
        let (before, after) = self.reach(range_ms, extended);
        let first = shift.apply(first).saturating_sub(before);
        let last = shift.apply(last).saturating_add(after);
        *bounds = match *bounds {
            None => Some((first, last)),
            Some((a, b)) => Some((a.min(first), b.max(last))),
        };
    }

    /// How far before and after its time a selector looks; a range of zero is an instant selector.
    pub(crate) fn reach(&self, range_ms: i64, extended: Extended) -> (i64, i64) {
        match extended {
            Extended::No if range_ms == 0 => (self.lookback_ms, 0),
            Extended::No => (range_ms, 0),
            Extended::Anchored => (range_ms.saturating_add(self.lookback_ms), 0),
            Extended::Smoothed => (range_ms.saturating_add(self.lookback_ms), self.lookback_ms),
        }
    }
}

/// The original computes durations before it begins, so this is a mistake of the question.
fn not_positive(duration: &DurationArg) -> QueryError {
    let text = "duration must be greater than 0";
    QueryError::BadData(match duration {
        DurationArg::Literal(_) => text.to_owned(),
        DurationArg::Computed(expr) => {
            let span = expr.span();
            format!("{}:{}: {text}", span.start, span.end)
        }
    })
}
