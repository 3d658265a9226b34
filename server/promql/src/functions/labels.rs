//! Functions that write labels.

use common_model::METRIC_NAME;

use crate::ast::Call;
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Merger, Sink, argument};

/// `label_join(v, dst, separator, src...)`
pub(super) fn join(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let target = eval.string(argument(call, 1)?)?;
    let separator = eval.string(argument(call, 2)?)?;
    let mut sources = Vec::new();
    for source in call.args.iter().skip(3) {
        let source = eval.string(source)?;
        if source.is_empty() {
            return Err(QueryError::execution(format!(
                "invalid source label name in label_join(): {source}"
            )));
        }
        sources.push(source);
    }
    if target.is_empty() {
        return Err(QueryError::execution(format!(
            "invalid destination label name in label_join(): {target}"
        )));
    }
    let mut merger = Merger::new(eval);
    eval.vector(argument(call, 0)?, grid, &mut |track| {
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
