//! One operator on two samples, floats or histograms.

use std::sync::Arc;

use common_model::FloatHistogram;

use super::super::Eval;
use super::arithmetic::{calculate, compare};
use crate::ast::{Binary, BinaryOp};
use crate::value::Point;
use crate::value::histogram::{self, Sum};

/// What an operator makes of two samples.
pub(super) enum Outcome {
    /// The types do not go together: no sample.
    Refused,
    Float(f64),
    Histogram(Arc<FloatHistogram>),
    /// A comparison, and whether it holds.
    Compared(bool),
}

/// An operator with the place to complain about.
pub(super) struct Element<'a, 'q> {
    eval: &'a Eval<'q>,
    binary: &'a Binary,
}

impl<'a, 'q> Element<'a, 'q> {
    pub(super) fn new(eval: &'a Eval<'q>, binary: &'a Binary) -> Element<'a, 'q> {
        Element { eval, binary }
    }

    /// Applies the operator; neither side is absent.
    #[inline]
    pub(super) fn apply(&self, left: Point<'_>, right: Point<'_>) -> Outcome {
        let (Point::Float(a), Point::Float(b)) = (left, right) else {
            return self.apply_to_histograms(left, right);
        };
        let op = self.binary.op;
        match (calculate(op, a, b), compare(op, a, b)) {
            (Some(value), _) => Outcome::Float(value),
            (None, Some(holds)) => Outcome::Compared(holds),
            (None, None) => self.refuse("float", "float"),
        }
    }

    /// Where one side at least is no float.
    fn apply_to_histograms(&self, left: Point<'_>, right: Point<'_>) -> Outcome {
        let op = self.binary.op;
        match (left, right) {
            (Point::Float(a), Point::Histogram(b)) => match op {
                BinaryOp::Mul => Outcome::Histogram(compacted(histogram::scaled(b, a))),
                _ => self.refuse("float", "histogram"),
            },
            (Point::Histogram(a), Point::Float(b)) => match op {
                BinaryOp::Mul => Outcome::Histogram(compacted(histogram::scaled(a, b))),
                BinaryOp::Div => Outcome::Histogram(compacted(histogram::divided(a, b))),
                BinaryOp::TrimUpper => Outcome::Histogram(histogram::trimmed(a, b, true)),
                BinaryOp::TrimLower => Outcome::Histogram(histogram::trimmed(a, b, false)),
                _ => self.refuse("histogram", "float"),
            },
            (Point::Histogram(a), Point::Histogram(b)) => match op {
                BinaryOp::Add => self.sum(histogram::added(a, b), "addition"),
                BinaryOp::Sub => self.sum(histogram::subtracted(a, b), "subtraction"),
                BinaryOp::Equal => Outcome::Compared(histogram::equal(a, b)),
                BinaryOp::NotEqual => Outcome::Compared(!histogram::equal(a, b)),
                _ => self.refuse("histogram", "histogram"),
            },
            (Point::Absent, _) | (_, Point::Absent) | (Point::Float(_), Point::Float(_)) => {
                Outcome::Refused
            }
        }
    }

    fn sum(&self, sum: Result<Sum, histogram::Incompatible>, doing: &str) -> Outcome {
        let span = self.binary.span;
        match sum {
            Err(histogram::Incompatible) => {
                let sign = symbol(self.binary.op);
                self.eval.notes.warn(
                    format!("incompatible bucket layout encountered for binary operator {sign}"),
                    span,
                );
                Outcome::Refused
            }
            Ok(sum) => {
                if sum.resets_collide {
                    let text = format!("conflicting counter resets during histogram {doing}");
                    self.eval.notes.warn(text, span);
                }
                if sum.reconciled {
                    let text = format!("mismatched custom buckets were reconciled during {doing}");
                    self.eval.notes.info(text, span);
                }
                Outcome::Histogram(compacted(Arc::new(sum.histogram)))
            }
        }
    }

    fn refuse(&self, left: &str, right: &str) -> Outcome {
        let sign = symbol(self.binary.op);
        let text = format!(
            "incompatible sample types encountered for binary operator \"{sign}\": {left} {sign} {right}"
        );
        self.eval.notes.info(text, self.binary.span);
        Outcome::Refused
    }
}

fn compacted(mut histogram: Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    histogram::compact(Arc::make_mut(&mut histogram));
    histogram
}

/// The operator as it is written.
pub(super) fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "^",
        BinaryOp::Atan2 => "atan2",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Unless => "unless",
        BinaryOp::TrimUpper => "</",
        BinaryOp::TrimLower => ">/",
    }
}
