//! Function calls: arguments are evaluated, then handed to the function's code.

use super::{Eval, Grid, RangeTrack, Sink, Windows, unparen};
use crate::ast::{Call, Expr, Extended, ValueType};
use crate::engine::QueryError;
use crate::functions::{Implementation, RangeCall, RangeFn, implementation};
use crate::value::{Scalars, Track};

/// What `anchored` may be used with.
const ANCHORED_FUNCTIONS: &[&str] = &["changes", "delta", "increase", "rate", "resets"];
/// What `smoothed` may be used with.
const SMOOTHED_FUNCTIONS: &[&str] = &["delta", "increase", "rate"];

impl Eval<'_> {
    pub(super) fn call(
        &self,
        call: &Call,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        match implementation(call.function.name) {
            Some(Implementation::Range(kernel)) => {
                let argument = &call.args[matrix_argument(call)?];
                self.nameless(argument, sink, |sink| self.range_call(call, grid, sink, kernel))
            }
            Some(Implementation::RangeNamed(kernel)) => self.range_call(call, grid, sink, kernel),
            Some(Implementation::Map(map)) => {
                let argument = argument(call, 0)?;
                self.nameless(argument, sink, |sink| {
                    self.vector(argument, grid, &mut |track| {
                        track.column.map_floats(map);
                        if track.column.is_blank() { Ok(()) } else { sink(track) }
                    })
                })
            }
            Some(Implementation::Vector(function)) => function(self, call, grid, sink),
            Some(Implementation::Scalar(_)) | None => Err(unknown(call)),
        }
    }

    pub(super) fn scalar_call(&self, call: &Call, grid: &Grid) -> Result<Scalars, QueryError> {
        match implementation(call.function.name) {
            Some(Implementation::Scalar(function)) => function(self, call, grid),
            _ => Err(unknown(call)),
        }
    }

    /// Runs a function of a range vector over every series.
    pub(crate) fn range_call(
        &self,
        call: &Call,
        grid: &Grid,
        sink: &mut Sink<'_>,
        kernel: RangeFn,
    ) -> Result<(), QueryError> {
        let matrix = matrix_argument(call)?;
        self.check_extended(call, &call.args[matrix])?;
        let mut scalars = Vec::new();
        for (at, arg) in call.args.iter().enumerate().filter(|(at, _)| *at != matrix) {
            if call.function.args.get(at) == Some(&ValueType::String) {
                continue;
            }
            scalars.push(self.scalar(arg, grid)?);
        }
        let windows = self.windows(&call.args[matrix], grid)?;
        let range_call = RangeCall { eval: self, call, matrix, scalars };
        let counts_rate = matches!(call.function.name, "rate" | "increase");
        let function = |range: &RangeTrack, windows: &Windows, track: &mut Track| {
            track.column.reset(grid.steps);
            kernel(&range_call, range, windows, &mut track.column);
            if track.column.is_blank() {
                return Ok(false);
            }
            if counts_rate {
                self.check_counter(&range_call, range, track);
            }
            track.labels = range.labels.clone();
            track.drop_name = range.drop_name;
            Ok(true)
        };
        match unparen(&call.args[matrix]) {
            Expr::Matrix(selector) if self.query.recorder.is_none() => {
                self.matrix_tracks(selector, &windows, &function, sink)
            }
            // One series after the other, each node on its own.
            _ => {
                let mut track = Track::default();
                self.ranges(&call.args[matrix], &windows, &mut |range| {
                    self.count_samples(windows.seen(&range.samples.timestamps) as u64);
                    if function(range, &windows, &mut track)? { sink(&mut track) } else { Ok(()) }
                })
            }
        }
    }

    /// Refuses functions that `anchored` and `smoothed` mean nothing to.
    pub(crate) fn check_extended(&self, call: &Call, matrix: &Expr) -> Result<(), QueryError> {
        let Expr::Matrix(selector) = unparen(matrix) else { return Ok(()) };
        let (word, functions) = match selector.vector.extended {
            Extended::No => return Ok(()),
            Extended::Anchored => ("anchored", ANCHORED_FUNCTIONS),
            Extended::Smoothed => ("smoothed", SMOOTHED_FUNCTIONS),
        };
        let name = call.function.name;
        if functions.contains(&name) {
            return Ok(());
        }
        let list = functions.join(", ");
        Err(QueryError::execution(format!(
            "{word} modifier can only be used with: {list} - not with {name}"
        )))
    }

    /// Notes that a rate was taken of something that does not look like a counter.
    fn check_counter(&self, call: &RangeCall<'_, '_>, range: &RangeTrack, track: &Track) {
        let name = range.labels.metric_name();
        let has_float = || {
            (0..track.column.len())
                .any(|step| matches!(track.column.get(step), crate::value::Point::Float(_)))
        };
        if name.is_empty() || !has_float() {
            return;
        }
        if self.options.type_and_unit_labels {
            let kind = range.labels.value("__type__");
            if kind != "counter" && kind != "histogram" {
                let text = format!(
                    "metric might not be a counter, __type__ label is not set to \"counter\" or \
                     \"histogram\", got \"{kind}\": \"{name}\""
                );
                self.notes.info(text, call.span(0));
            }
            return;
        }
        let suffixes = ["_total", "_sum", "_count", "_bucket"];
        if !suffixes.iter().any(|suffix| name.ends_with(suffix)) {
            let text = format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \
                 \"{name}\""
            );
            self.notes.info(text, call.span(0));
        }
    }
}

/// An argument that must be there.
pub(crate) fn argument(call: &Call, at: usize) -> Result<&Expr, QueryError> {
    call.args.get(at).ok_or_else(|| {
        QueryError::BadData(format!(
            "expected at least {} argument(s) in call to \"{}\", got {}",
            at + 1,
            call.function.name,
            call.args.len()
        ))
    })
}

fn matrix_argument(call: &Call) -> Result<usize, QueryError> {
    let at = call.args.iter().position(|arg| arg.value_type() == ValueType::Matrix);
    at.ok_or_else(|| {
        let name = call.function.name;
        QueryError::BadData(format!("expected type range vector in call to function \"{name}\""))
    })
}

fn unknown(call: &Call) -> QueryError {
    QueryError::BadData(format!("unknown function with name \"{}\"", call.function.name))
}
