//! Operators on two floats.

use crate::ast::BinaryOp;

/// An operator between two scalars; comparisons give 0 or 1.
pub(crate) fn scalars(op: BinaryOp, a: f64, b: f64) -> f64 {
    match compare(op, a, b) {
        Some(true) => 1.0,
        Some(false) => 0.0,
        None => calculate(op, a, b).unwrap_or(f64::NAN),
    }
}

/// An arithmetic operator; nothing for other operators.
#[inline]
pub(super) fn calculate(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => return None,
    })
}

/// A comparison; nothing for other operators.
#[inline]
pub(super) fn compare(op: BinaryOp, a: f64, b: f64) -> Option<bool> {
    #[expect(clippy::float_cmp, reason = "the query asks for exact equality")]
    Some(match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Less => a < b,
        BinaryOp::LessEqual => a <= b,
        BinaryOp::Greater => a > b,
        BinaryOp::GreaterEqual => a >= b,
        _ => return None,
    })
}
