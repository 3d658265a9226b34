//! `/api/v1/parse_query`: the syntax tree of a query as JSON, which query builders draw.
//!
//! Keys are those of Prometheus 3.14, in its order. Where a range, an offset or a step is to be
//! computed it has no number yet: it is 0, and `rangeExpr`, `offsetExpr`, `stepExpr` have its text.

use std::sync::Arc;

use common_model::{Matcher, format_float, format_float_fixed};
use server_promql::ast::{
    Aggregate, At, Binary, Call, Cardinality, DurationArg, Expr, Extended, Matching, Subquery,
    VectorSelector,
};

use crate::answer::Answer;
use crate::error::ApiError;
use crate::json::Json;
use crate::params::Params;
use crate::query;
use crate::state::ApiState;

/// `/api/v1/parse_query`
pub(crate) async fn parse(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let expr = query::parse(&state, &params)?;
    Ok(Answer::write(|json| write(json, &expr)))
}

/// Writes a node with all below it. The parser bounds the height of the tree.
fn write(json: &mut Json, expr: &Expr) {
    match expr {
        Expr::Aggregate(aggregate) => write_aggregate(json, aggregate),
        Expr::Binary(binary) => write_binary(json, binary),
        Expr::Call(call) => write_call(json, call),
        Expr::Matrix(matrix) => write_selector(json, &matrix.vector, Some(&matrix.range)),
        Expr::Number(number) => {
            json.raw("{\"type\":\"numberLiteral\",\"val\":");
            json.string(&format_float_fixed(number.value)).raw("}");
        }
        Expr::Paren(paren) => {
            json.raw("{\"expr\":");
            write(json, &paren.expr);
            json.raw(",\"type\":\"parenExpr\"}");
        }
        Expr::String(text) => {
            json.raw("{\"type\":\"stringLiteral\",\"val\":").string(&text.value).raw("}");
        }
        Expr::Subquery(subquery) => write_subquery(json, subquery),
        Expr::Unary(unary) => {
            json.raw("{\"expr\":");
            write(json, &unary.expr);
            json.raw(",\"op\":").string(if unary.negative { "-" } else { "+" });
            json.raw(",\"type\":\"unaryExpr\"}");
        }
        Expr::Vector(vector) => write_selector(json, vector, None),
    }
}

fn write_aggregate(json: &mut Json, aggregate: &Aggregate) {
    json.raw("{\"expr\":");
    write(json, &aggregate.expr);
    json.raw(",\"grouping\":").strings(&aggregate.grouping);
    json.raw(",\"op\":").string(aggregate.op.as_str()).raw(",\"param\":");
    match &aggregate.param {
        Some(param) => write(json, param),
        None => _ = json.raw("null"),
    }
    json.raw(",\"type\":\"aggregation\",\"without\":").boolean(aggregate.without).raw("}");
}

fn write_binary(json: &mut Json, binary: &Binary) {
    json.raw("{\"bool\":").boolean(binary.return_bool).raw(",\"lhs\":");
    write(json, &binary.left);
    json.raw(",\"matching\":");
    match &binary.matching {
        Some(matching) => write_matching(json, matching),
        None => _ = json.raw("null"),
    }
    json.raw(",\"op\":").string(binary.op.as_str()).raw(",\"rhs\":");
    write(json, &binary.right);
    json.raw(",\"type\":\"binaryExpr\"}");
}

fn write_matching(json: &mut Json, matching: &Matching) {
    let cardinality = match matching.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    json.raw("{\"card\":").string(cardinality).raw(",\"fillValues\":");
    for (key, value) in [("{\"lhs\":", matching.fill_left), (",\"rhs\":", matching.fill_right)] {
        json.raw(key);
        match value {
            Some(value) if value.is_finite() => _ = json.number(value),
            // JSON has no number for these.
            Some(value) => _ = json.string(&format_float(value)),
            None => _ = json.raw("null"),
        }
    }
    json.raw("},\"include\":").strings(&matching.include);
    json.raw(",\"labels\":").strings(&matching.labels);
    json.raw(",\"on\":").boolean(matching.on).raw("}");
}

fn write_call(json: &mut Json, call: &Call) {
    json.raw("{\"args\":").list(&call.args, write);
    json.raw(",\"func\":{\"argTypes\":");
    json.strings(call.function.args.iter().map(|kind| kind.as_str()));
    json.raw(",\"name\":").string(call.function.name);
    json.raw(",\"returnType\":").string(call.function.returns.as_str());
    json.raw(",\"variadic\":").number(call.function.variadic).raw("},\"type\":\"call\"}");
}

fn write_selector(json: &mut Json, vector: &VectorSelector, range: Option<&DurationArg>) {
    json.raw("{\"anchored\":").boolean(vector.extended == Extended::Anchored);
    json.raw(",\"matchers\":").list(&vector.matchers, write_matcher);
    json.raw(",\"name\":").string(&vector.name);
    write_duration(json, "offset", vector.shift.offset.as_ref());
    if range.is_some() {
        write_duration(json, "range", range);
    }
    json.raw(",\"smoothed\":").boolean(vector.extended == Extended::Smoothed);
    write_place(json, vector.shift.at);
    write_time(json, vector.shift.at);
    let kind = if range.is_some() { "matrixSelector" } else { "vectorSelector" };
    json.raw(",\"type\":").string(kind).raw("}");
}

fn write_subquery(json: &mut Json, subquery: &Subquery) {
    json.raw("{\"expr\":");
    write(json, &subquery.expr);
    write_duration(json, "offset", subquery.shift.offset.as_ref());
    write_duration(json, "range", Some(&subquery.range));
    let at = subquery.shift.at;
    write_place(json, at);
    write_duration(json, "step", subquery.step.as_ref());
    write_time(json, at);
    json.raw(",\"type\":\"subquery\"}");
}

/// `,"offset":300000`; with the text of the duration where it is to be computed.
fn write_duration(json: &mut Json, key: &str, duration: Option<&DurationArg>) {
    let known = match duration {
        Some(DurationArg::Literal(milliseconds)) => *milliseconds,
        Some(DurationArg::Computed(_)) | None => 0,
    };
    json.raw(",").key(key).number(known);
    if let Some(DurationArg::Computed(expr)) = duration {
        json.raw(",").key(&format!("{key}Expr")).string(&expr.to_string());
    }
}

/// `,"startOrEnd":"start"`
fn write_place(json: &mut Json, at: Option<At>) {
    json.raw(match at {
        Some(At::Start) => ",\"startOrEnd\":\"start\"",
        Some(At::End) => ",\"startOrEnd\":\"end\"",
        Some(At::Time(_)) | None => ",\"startOrEnd\":null",
    });
}

/// `,"timestamp":5250`
fn write_time(json: &mut Json, at: Option<At>) {
    json.raw(",\"timestamp\":");
    match at {
        Some(At::Time(time)) => json.number(time),
        Some(At::Start | At::End) | None => json.raw("null"),
    };
}

fn write_matcher(json: &mut Json, matcher: &Matcher) {
    json.raw("{\"name\":").string(&matcher.name);
    json.raw(",\"type\":").string(matcher.op.as_str());
    json.raw(",\"value\":").string(&matcher.value).raw("}");
}
