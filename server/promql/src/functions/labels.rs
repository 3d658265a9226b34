//! Functions that write labels.

use common_model::METRIC_NAME;
use common_re2::Regex;

use crate::ast::{Call, Expr, StringLiteral};
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Merger, Sink, argument, unparen};

/// `label_replace(v, dst, replacement, src, regex)`
pub(super) fn replace(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let target = label_name(call, 1, "destination")?;
    let replacement = eval.string(argument(call, 2)?)?;
    let source = eval.string(argument(call, 3)?)?;
    let pattern = eval.string(argument(call, 4)?)?;
    let regex = Regex::anchored(pattern).map_err(|_| {
        let text = format!("invalid regular expression in label_replace(): {pattern}");
        QueryError::Execution(text)
    })?;
    let mut merger = Merger::new(eval);
    let mut value = String::new();
    eval.vector(argument(call, 0)?, grid, &mut |track| {
        // A replacement of a megabyte takes as long as many series.
        eval.check_interrupt()?;
        if let Some(captures) = regex.captures(track.labels.value(source)) {
            value.clear();
            regex.expand(replacement, &captures, &mut value);
            let mut builder = track.labels.to_builder();
            builder.set(target, &value);
            track.labels = builder.build();
            track.drop_name &= target != METRIC_NAME;
        }
        merger.push(track)
    })?;
    merger.drain(sink)
}

/// An argument that names a label.
fn label_name<'c>(call: &'c Call, at: usize, role: &str) -> Result<&'c str, QueryError> {
    let literal = match unparen(argument(call, at)?) {
        Expr::String(literal) => literal,
        other => return Err(crate::eval::wrong_type(crate::ast::ValueType::String, other)),
    };
    if is_label_name(literal)? {
        return Ok(&literal.value);
    }
    let (function, name) = (call.function.name, &literal.value);
    Err(QueryError::Execution(format!("invalid {role} label name in {function}(): {name}")))
}

/// Bytes of a label's name that a query makes: every series of its result would carry it.
const NAME_BYTES_MAX: usize = 64 << 10;

/// Whether a text may name a label: any UTF-8 but nothing. An error where it is too long.
pub(crate) fn is_label_name(literal: &StringLiteral) -> Result<bool, QueryError> {
    let bytes = literal.value.len();
    if bytes > NAME_BYTES_MAX {
        return Err(QueryError::Execution(format!(
            "label name is {bytes} bytes long, at most {NAME_BYTES_MAX} are allowed"
        )));
    }
    Ok(bytes > 0 && literal.not_utf8.is_none())
}

/// `label_join(v, dst, separator, src...)`
pub(super) fn join(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let separator = eval.string(argument(call, 2)?)?;
    let mut sources = Vec::new();
    for at in 3..call.args.len() {
        sources.push(label_name(call, at, "source")?);
    }
    let target = label_name(call, 1, "destination")?;
    let mut merger = Merger::new(eval);
    eval.vector(argument(call, 0)?, grid, &mut |track| {
        eval.check_interrupt()?;
        let values: Vec<&str> = sources.iter().map(|source| track.labels.value(source)).collect();
        let value = values.join(separator);
        let mut builder = track.labels.to_builder();
        builder.set(target, &value);
        track.labels = builder.build();
        track.drop_name &= target != METRIC_NAME;
        merger.push(track)
    })?;
    merger.drain(sink)
}
