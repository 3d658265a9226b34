//! What can be known of an expression before it is evaluated.

use common_model::{METRIC_NAME, MatchOp, Matcher};

use crate::ast::{Aggregate, AggregateOp, BinaryOp, Expr, Shift, ValueType, VectorSelector};

/// Functions whose result depends on the time of evaluation even when their arguments do not.
pub(crate) const TIME_DEPENDENT: &[&str] = &[
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "info",
    "minute",
    "month",
    "predict_linear",
    "time",
    "timestamp",
    "year",
];

/// Whether an expression has the same value at every step: everything in it is pinned with `@`.
pub(crate) fn is_invariant(expr: &Expr) -> bool {
    let pinned = |shift: &Shift| shift.at.is_some();
    match expr {
        Expr::Vector(e) => pinned(&e.shift),
        Expr::Matrix(e) => pinned(&e.vector.shift),
        Expr::Subquery(e) => pinned(&e.shift),
        Expr::Aggregate(e) => is_invariant(&e.expr) && e.param.as_ref().is_none_or(is_invariant),
        Expr::Binary(e) => is_invariant(&e.left) && is_invariant(&e.right),
        Expr::Call(e) => {
            !TIME_DEPENDENT.contains(&e.function.name) && e.args.iter().all(is_invariant)
        }
        Expr::Paren(e) => is_invariant(&e.expr),
        Expr::Unary(e) => is_invariant(&e.expr),
        Expr::Number(_) | Expr::String(_) => true,
    }
}

/// Whether the series of an expression are surely still distinct when their metric names are
/// dropped, so that they need not wait for each other.
pub(crate) fn unique_without_name(expr: &Expr) -> bool {
    match expr {
        Expr::Vector(e) => names_one_metric(e),
        Expr::Matrix(e) => names_one_metric(&e.vector),
        Expr::Subquery(e) => unique_without_name(&e.expr),
        Expr::Paren(e) => unique_without_name(&e.expr),
        Expr::Unary(e) => e.negative || unique_without_name(&e.expr),
        Expr::Aggregate(e) => aggregate_is_unique(e),
        Expr::Call(e) => match e.function.name {
            "label_replace" | "label_join" | "info" => false,
            "last_over_time" | "first_over_time" | "sort" | "sort_desc" | "sort_by_label"
            | "sort_by_label_desc" => e.args.first().is_some_and(unique_without_name),
            _ => true,
        },
        Expr::Binary(e) => match (e.left.value_type(), e.right.value_type()) {
            (ValueType::Vector, ValueType::Vector) => match e.op {
                BinaryOp::And | BinaryOp::Unless => unique_without_name(&e.left),
                _ => false,
            },
            (ValueType::Vector, _) => changes_metric(e.op) || unique_without_name(&e.left),
            (_, ValueType::Vector) => changes_metric(e.op) || unique_without_name(&e.right),
            _ => true,
        },
        Expr::Number(_) | Expr::String(_) => true,
    }
}

/// Whether all series of a selector have the same name.
pub(super) fn names_one_metric(selector: &VectorSelector) -> bool {
    let equal = |m: &&Matcher| m.name == METRIC_NAME && m.op == MatchOp::Equal;
    selector.matchers.iter().find(equal).is_some_and(|m| !m.value.is_empty())
}

fn aggregate_is_unique(aggregate: &Aggregate) -> bool {
    match aggregate.op {
        AggregateOp::Topk
        | AggregateOp::Bottomk
        | AggregateOp::Limitk
        | AggregateOp::LimitRatio => unique_without_name(&aggregate.expr),
        _ => aggregate.without || !aggregate.grouping.iter().any(|g| g == METRIC_NAME),
    }
}

/// Whether the result of an operator is another thing than its left operand, and so loses the name.
pub(crate) fn changes_metric(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Div
            | BinaryOp::Mod
            | BinaryOp::Pow
            | BinaryOp::Atan2
    )
}
