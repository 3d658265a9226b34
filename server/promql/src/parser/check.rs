//! The type check: what is written correctly may still not make sense.

use common_model::METRIC_NAME;

use super::cursor::Parser;
use crate::ast::{AggregateOp, Binary, Call, Cardinality, Expr, Span, ValueType, VectorSelector};
use crate::lexer::go_quote;

/// Complains about everything that has the wrong type, and gives the type of the whole. Settles
/// what only types tell: matching clauses stay where both sides are instant vectors.
pub(super) fn check(parser: &mut Parser<'_>, expr: &mut Expr) -> ValueType {
    match expr {
        Expr::Number(_) => ValueType::Scalar,
        Expr::String(_) => ValueType::String,
        Expr::Paren(paren) => check(parser, &mut paren.expr),
        Expr::Unary(unary) => {
            let found = check(parser, &mut unary.expr);
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                let message = format!(
                    "unary expression only allowed on expressions of type scalar or instant \
                     vector, got \"{}\"",
                    found.describe()
                );
                parser.complain(unary.span, message);
            }
            found
        }
        Expr::Vector(vector) => {
            check_selector(parser, vector, false);
            ValueType::Vector
        }
        Expr::Matrix(matrix) => {
            check_selector(parser, &matrix.vector, false);
            ValueType::Matrix
        }
        Expr::Subquery(subquery) => {
            let found = check(parser, &mut subquery.expr);
            if found != ValueType::Vector {
                let found = found.as_str();
                let message =
                    format!("subquery is only allowed on instant vector, got {found} instead");
                parser.complain(subquery.span, message);
            }
            ValueType::Matrix
        }
        Expr::Aggregate(aggregate) => {
            let context = "aggregation expression";
            check_is(parser, &mut aggregate.expr, ValueType::Vector, context);
            if let Some(param) = &mut aggregate.param {
                let wanted = match aggregate.op {
                    AggregateOp::CountValues => ValueType::String,
                    _ => ValueType::Scalar,
                };
                check_is(parser, param, wanted, "aggregation parameter");
            }
            ValueType::Vector
        }
        Expr::Binary(binary) => check_binary(parser, binary),
        Expr::Call(call) => {
            check_call(parser, call);
            call.function.returns
        }
    }
}

fn check_is(parser: &mut Parser<'_>, expr: &mut Expr, wanted: ValueType, context: &str) {
    let found = check(parser, expr);
    if found != wanted {
        let (wanted, found) = (wanted.describe(), found.describe());
        let message = format!("expected type {wanted} in {context}, got {found}");
        parser.complain(expr.span(), message);
    }
}

fn check_selector(parser: &mut Parser<'_>, vector: &VectorSelector, may_match_all: bool) {
    if !vector.name.is_empty() {
        // The last matcher is the one made from the name before the braces.
        for matcher in vector.matchers.iter().rev().skip(1).rev() {
            if matcher.name == METRIC_NAME {
                let (first, second) = (go_quote(&vector.name), go_quote(&matcher.value));
                let message = format!("metric name must not be set twice: {first} or {second}");
                parser.complain(vector.span, message);
            }
        }
    } else if !may_match_all && vector.matchers.iter().all(|matcher| matcher.matches_empty()) {
        let message = "vector selector must contain at least one non-empty matcher";
        parser.complain(vector.span, message.to_owned());
    }
}

fn check_binary(parser: &mut Parser<'_>, binary: &mut Binary) -> ValueType {
    let left = check(parser, &mut binary.left);
    let right = check(parser, &mut binary.right);
    let scalars = (left == ValueType::Scalar, right == ValueType::Scalar);
    let is_comparison = binary.op.is_comparison();
    let mut complain_about_op = |message: String| {
        let span = operator_span(parser.text, binary.left.span(), binary.right.span());
        parser.complain(span, message);
    };
    if binary.return_bool && !is_comparison {
        let message = "bool modifier can only be used on comparison operators";
        complain_about_op(message.to_owned());
    }
    if is_comparison && !binary.return_bool && scalars == (true, true) {
        complain_about_op("comparisons between scalars must use BOOL modifier".to_owned());
    }
    if let Some(matching) = &mut binary.matching {
        if binary.op.is_set() && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
        }
        if matching.on {
            for label in &matching.labels {
                for _ in matching.include.iter().filter(|other| *other == label) {
                    let label = go_quote(label);
                    let message =
                        format!("label {label} must not occur in ON and GROUP clause at once");
                    complain_about_op(message);
                }
            }
        }
    }
    for (found, span) in [(left, binary.left.span()), (right, binary.right.span())] {
        if !matches!(found, ValueType::Scalar | ValueType::Vector) {
            let message = "binary expression must contain only scalar and instant vector types";
            parser.complain(span, message.to_owned());
        }
    }
    check_matching(parser, binary, left == ValueType::Vector && right == ValueType::Vector);
    if (scalars.0 || scalars.1) && binary.op.is_set() {
        let op = binary.op.as_str();
        let message = format!("set operator \"{op}\" not allowed in binary scalar expression");
        parser.complain(binary.span, message);
    }
    if scalars == (true, true) { ValueType::Scalar } else { ValueType::Vector }
}

fn check_matching(parser: &mut Parser<'_>, binary: &mut Binary, vectors: bool) {
    let Some(matching) = &binary.matching else { return };
    let span = binary.span;
    let filled = matching.fill_left.is_some() || matching.fill_right.is_some();
    if !vectors {
        if !matching.labels.is_empty() {
            let message = "vector matching only allowed between instant vectors";
            parser.complain(span, message.to_owned());
        }
        if filled {
            let message = "filling in missing series only allowed between instant vectors";
            parser.complain(span, message.to_owned());
        }
        binary.matching = None;
    } else if binary.op.is_set() {
        if matching.cardinality != Cardinality::ManyToMany {
            let op = binary.op.as_str();
            parser.complain(span, format!("no grouping allowed for \"{op}\" operation"));
            let message = "set operations must always be many-to-many";
            parser.complain(span, message.to_owned());
        }
        if filled {
            let message = "filling in missing series not allowed for set operators";
            parser.complain(span, message.to_owned());
        }
    }
}

/// Where the operator and its modifiers stand.
fn operator_span(text: &str, left: Span, right: Span) -> Span {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let between = text.as_bytes().get(left.end as usize..right.start as usize).unwrap_or(&[]);
    let before = between.iter().take_while(|byte| is_space(byte)).count();
    let after = between.iter().rev().take_while(|byte| is_space(byte)).count();
    // Both counts are lengths within the text.
    let offset = |n: usize| u32::try_from(n).unwrap_or(0);
    Span { start: left.end + offset(before), end: right.start.saturating_sub(offset(after)) }
}

fn check_call(parser: &mut Parser<'_>, call: &mut Call) {
    let function = call.function;
    let name = go_quote(function.name);
    let found = call.args.len();
    let wanted = function.args.len();
    if function.variadic == 0 {
        if found != wanted {
            let message = format!("expected {wanted} argument(s) in call to {name}, got {found}");
            parser.complain(call.span, message);
        }
    } else {
        let least = wanted.saturating_sub(1);
        let most = usize::try_from(function.variadic).ok().map(|more| least + more);
        if found < least {
            let message =
                format!("expected at least {least} argument(s) in call to {name}, got {found}");
            parser.complain(call.span, message);
        } else if let Some(most) = most.filter(|most| *most < found) {
            let message =
                format!("expected at most {most} argument(s) in call to {name}, got {found}");
            parser.complain(call.span, message);
        }
    }
    let is_info = function.name == "info";
    if is_info && let Some(labels) = call.args.get(1) {
        check_info_labels(parser, labels, call.span);
    }
    let context = format!("call to function {name}");
    for (at, arg) in call.args.iter_mut().enumerate() {
        let wanted = match (function.args.get(at), function.args.last()) {
            (Some(wanted), _) => *wanted,
            // What is too much for a function without repeated arguments is not looked at.
            (None, Some(last)) if function.variadic != 0 => *last,
            _ => break,
        };
        match arg {
            Expr::Vector(vector) if is_info && at == 1 => {
                check_selector(parser, vector, true);
            }
            arg => check_is(parser, arg, wanted, &context),
        }
    }
}

/// The second argument of `info` only picks labels.
fn check_info_labels(parser: &mut Parser<'_>, labels: &Expr, call: Span) {
    let found = labels.value_type();
    if found != ValueType::Vector {
        let found = found.describe();
        let message =
            format!("expected type instant vector in call to function \"info\", got {found}");
        parser.complain(call, message);
    }
    match labels {
        Expr::Vector(vector) if vector.name.is_empty() => {}
        Expr::Vector(vector) => {
            let message = "expected label selectors only, got vector selector instead";
            parser.complain(vector.span, message.to_owned());
        }
        other => parser.complain(other.span(), "expected label selectors only".to_owned()),
    }
}
