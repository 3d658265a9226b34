//! Syntax tree to text, in upstream's one form: what the rules API shows and what parses back.

mod duration;
mod pretty;

use std::fmt;

use common_model::{METRIC_NAME, MatchOp, Matcher, TimestampMs, is_legacy_label_name};
use common_model::{format_float, format_float_fixed};

use crate::ast::{
    Aggregate, At, Binary, BinaryOp, Cardinality, Expr, Extended, MatrixSelector, NumberLiteral,
    Shift, StringLiteral, Subquery, VectorSelector,
};
use crate::lexer::{go_quote, go_quote_bytes};
use duration::DurationText;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Aggregate(aggregate) => {
                write_aggregate_head(f, aggregate)?;
                f.write_str("(")?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            Expr::Binary(binary) => {
                match loses_its_sign(binary) {
                    true => f.write_str("Inf ")?,
                    false => write!(f, "{} ", binary.left)?,
                }
                write_operator(f, binary)?;
                write!(f, " {}", binary.right)
            }
            Expr::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                for (at, arg) in call.args.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    write!(f, "{comma}{arg}")?;
                }
                f.write_str(")")
            }
            Expr::Matrix(matrix) => write_matrix(f, matrix),
            Expr::Number(number) => write_number(f, number),
            Expr::Paren(paren) => write!(f, "({})", paren.expr),
            Expr::String(text) => f.write_str(&quoted(text)),
            Expr::Subquery(subquery) => {
                write!(f, "{}", subquery.expr)?;
                write_subquery_tail(f, subquery)
            }
            Expr::Unary(unary) => {
                write!(f, "{}{}", if unary.negative { "-" } else { "+" }, unary.expr)
            }
            Expr::Vector(vector) => write_vector(f, vector),
        }
    }
}

/// `sum by (job) `, without the parenthesis that follows.
fn write_aggregate_head(f: &mut impl fmt::Write, aggregate: &Aggregate) -> fmt::Result {
    f.write_str(aggregate.op.as_str())?;
    if aggregate.without || !aggregate.grouping.is_empty() {
        f.write_str(if aggregate.without { " without (" } else { " by (" })?;
        write_labels(f, &aggregate.grouping)?;
        f.write_str(") ")?;
    }
    Ok(())
}

fn write_labels(f: &mut impl fmt::Write, labels: &[String]) -> fmt::Result {
    for (at, label) in labels.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write_label_name(f, label)?;
    }
    Ok(())
}

fn write_label_name(f: &mut impl fmt::Write, name: &str) -> fmt::Result {
    if is_legacy_label_name(name) { f.write_str(name) } else { f.write_str(&go_quote(name)) }
}

/// Whether the left operand is an infinity whose sign would be read as one of the whole power:
/// `+Inf ^ a` is `+(Inf ^ a)`.
fn loses_its_sign(binary: &Binary) -> bool {
    let is_infinity =
        |left: &Expr| matches!(left, Expr::Number(number) if number.value == f64::INFINITY);
    binary.op == BinaryOp::Pow && is_infinity(&binary.left)
}

/// The operator with everything up to the right operand: `== bool on (a) group_left (b)`.
fn write_operator(f: &mut impl fmt::Write, binary: &Binary) -> fmt::Result {
    f.write_str(binary.op.as_str())?;
    if binary.return_bool {
        f.write_str(" bool")?;
    }
    let Some(matching) = &binary.matching else { return Ok(()) };
    let group = match matching.cardinality {
        Cardinality::ManyToOne => Some("group_left"),
        Cardinality::OneToMany => Some("group_right"),
        Cardinality::OneToOne | Cardinality::ManyToMany => None,
    };
    if matching.on || !matching.labels.is_empty() || group.is_some() {
        f.write_str(if matching.on { " on (" } else { " ignoring (" })?;
        write_labels(f, &matching.labels)?;
        f.write_str(")")?;
    }
    if let Some(group) = group {
        write!(f, " {group} (")?;
        write_labels(f, &matching.include)?;
        f.write_str(")")?;
    }
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left.to_bits() == right.to_bits() => {
            write!(f, " fill ({})", format_float(left))
        }
        (left, right) => {
            if let Some(value) = left {
                write!(f, " fill_left ({})", format_float(value))?;
            }
            if let Some(value) = right {
                write!(f, " fill_right ({})", format_float(value))?;
            }
            Ok(())
        }
    }
}

fn write_vector(f: &mut impl fmt::Write, vector: &VectorSelector) -> fmt::Result {
    write_name_and_matchers(f, vector)?;
    write_at(f, &vector.shift)?;
    write_extended(f, vector.extended)?;
    write_offset(f, &vector.shift)
}

fn write_matrix(f: &mut impl fmt::Write, matrix: &MatrixSelector) -> fmt::Result {
    let vector = &matrix.vector;
    write_name_and_matchers(f, vector)?;
    write!(f, "[{}]", matrix.range)?;
    write_extended(f, vector.extended)?;
    write_at(f, &vector.shift)?;
    write_offset(f, &vector.shift)
}

/// `[1h:5m] @ 1.000 offset 1m`
fn write_subquery_tail(f: &mut impl fmt::Write, subquery: &Subquery) -> fmt::Result {
    write!(f, "[{}:", subquery.range)?;
    if let Some(step) = &subquery.step {
        write!(f, "{step}")?;
    }
    f.write_str("]")?;
    write_at(f, &subquery.shift)?;
    write_offset(f, &subquery.shift)
}

/// Matchers come sorted by their text; the one made from the name is left out.
fn write_name_and_matchers(f: &mut impl fmt::Write, vector: &VectorSelector) -> fmt::Result {
    f.write_str(&vector.name)?;
    let is_the_name = |matcher: &&Matcher| {
        !vector.name.is_empty()
            && matcher.name == METRIC_NAME
            && matcher.op == MatchOp::Equal
            && matcher.value == vector.name
    };
    let mut texts = Vec::with_capacity(vector.matchers.len());
    for matcher in vector.matchers.iter().filter(|matcher| !is_the_name(matcher)) {
        let mut text = String::new();
        write_label_name(&mut text, &matcher.name)?;
        text.push_str(matcher.op.as_str());
        text.push_str(&go_quote(&matcher.value));
        texts.push(text);
    }
    if !texts.is_empty() {
        texts.sort_unstable();
        write!(f, "{{{}}}", texts.join(","))?;
    }
    Ok(())
}

fn write_at(f: &mut impl fmt::Write, shift: &Shift) -> fmt::Result {
    match shift.at {
        None => Ok(()),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        Some(At::Time(time)) => write!(f, " @ {:.3}", seconds(time)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "upstream prints the same float")]
fn seconds(time: TimestampMs) -> f64 {
    time as f64 / 1000.0
}

fn write_extended(f: &mut impl fmt::Write, extended: Extended) -> fmt::Result {
    f.write_str(match extended {
        Extended::No => "",
        Extended::Anchored => " anchored",
        Extended::Smoothed => " smoothed",
    })
}

fn write_offset(f: &mut impl fmt::Write, shift: &Shift) -> fmt::Result {
    match &shift.offset {
        None => Ok(()),
        Some(offset) => write!(f, " offset {offset}"),
    }
}

fn write_number(f: &mut impl fmt::Write, number: &NumberLiteral) -> fmt::Result {
    if number.is_duration {
        write!(f, "{}", DurationText::of_seconds(number.value))
    } else {
        f.write_str(&format_float_fixed(number.value))
    }
}

fn quoted(text: &StringLiteral) -> String {
    match &text.not_utf8 {
        Some(bytes) => go_quote_bytes(bytes),
        None => go_quote(&text.value),
    }
}
