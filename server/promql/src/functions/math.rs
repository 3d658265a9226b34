//! Functions of single numbers.

use crate::ast::Call;
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Sink, argument};
use crate::value::Scalars;

/// The code of functions that map one number to another.
pub(super) fn map(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => f64::acos,
        "acosh" => acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg" => |v| v * 180.0 / std::f64::consts::PI,
        "exp" => f64::exp,
        "floor" => f64::floor,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "rad" => |v| v * std::f64::consts::PI / 180.0,
        "sgn" => sign,
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        _ => return None,
    })
}

fn acosh(value: f64) -> f64 {
    if value < 1.0 { f64::NAN } else { value.acosh() }
}

fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// Maps every float with the step's parameters.
fn map_steps(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
    f: impl Fn(usize, f64) -> Option<f64>,
) -> Result<(), QueryError> {
    let vector = argument(call, 0)?;
    eval.nameless(vector, sink, |sink| {
        eval.vector(vector, grid, &mut |track| {
            let column = &mut track.column;
            for step in 0..column.len() {
                match column.get(step) {
                    crate::value::Point::Absent => {}
                    crate::value::Point::Histogram(_) => column.clear(step),
                    crate::value::Point::Float(value) => match f(step, value) {
                        Some(value) => column.set(step, value),
                        None => column.clear(step),
                    },
                }
            }
            column.histograms.clear();
            if column.is_blank() { Ok(()) } else { sink(track) }
        })
    })
}

/// `math.Min` and `math.Max`: NaN wins.
fn go_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn go_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// `clamp(v, min, max)`; nothing where the bounds are the wrong way round.
pub(super) fn clamp(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let low = eval.scalar(argument(call, 1)?, grid)?;
    let high = eval.scalar(argument(call, 2)?, grid)?;
    map_steps(eval, call, grid, sink, |step, value| {
        let (low, high) = (low.at(step), high.at(step));
        if high < low { None } else { Some(go_max(low, go_min(high, value))) }
    })
}

/// `clamp_max(v, max)`
pub(super) fn clamp_max(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let high = eval.scalar(argument(call, 1)?, grid)?;
    map_steps(eval, call, grid, sink, |step, value| Some(go_min(high.at(step), value)))
}

/// `clamp_min(v, min)`
pub(super) fn clamp_min(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let low = eval.scalar(argument(call, 1)?, grid)?;
    map_steps(eval, call, grid, sink, |step, value| Some(go_max(low.at(step), value)))
}

/// `round(v, to_nearest)`: ties go up.
pub(super) fn round(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let nearest = match call.args.get(1) {
        Some(nearest) => eval.scalar(nearest, grid)?,
        None => Scalars::Constant(1.0),
    };
    map_steps(eval, call, grid, sink, |step, value| {
        // The inverse loses less than the division by numbers such as 0.1.
        let inverse = 1.0 / nearest.at(step);
        Some((value * inverse + 0.5).floor() / inverse)
    })
}
