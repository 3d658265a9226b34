//! Functions of single numbers.

use crate::ast::Call;
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Sink, argument};
use crate::value::Scalars;

macro_rules! maps {
    ($($name:ident)*) => {$(
        #[doc = concat!("`", stringify!($name), "` of a number.")]
        pub(super) fn $name(value: f64) -> f64 {
            value.$name()
        }
    )*};
}

maps! {
    abs acos asin atan atanh ceil cos exp floor ln log10 log2 sin sqrt tan tanh
}

/// `deg`: radians to degrees.
pub(super) fn deg(value: f64) -> f64 {
    value * 180.0 / std::f64::consts::PI
}

/// `rad`: degrees to radians.
pub(super) fn rad(value: f64) -> f64 {
    value * std::f64::consts::PI / 180.0
}

/// Above this the square root of `x² ± 1` is `x`.
const INVERSE_LARGE: f64 = (1_u64 << 28) as f64;

/// `acosh`: NaN below one.
pub(super) fn acosh(value: f64) -> f64 {
    if value < 1.0 {
        f64::NAN
    } else if value > INVERSE_LARGE {
        value.ln() + std::f64::consts::LN_2
    } else {
        value.acosh()
    }
}

/// `asinh`
pub(super) fn asinh(value: f64) -> f64 {
    if value.abs() > INVERSE_LARGE {
        (value.abs().ln() + std::f64::consts::LN_2).copysign(value)
    } else {
        value.asinh()
    }
}

/// Above this the original takes half of `e^x` for both hyperbolic functions, so that they become
/// infinite where `e^x` does.
const HYPERBOLIC_LARGE: f64 = 21.0;

/// `cosh`
pub(super) fn cosh(value: f64) -> f64 {
    if value.abs() > HYPERBOLIC_LARGE { value.abs().exp() * 0.5 } else { value.cosh() }
}

/// `sinh`
pub(super) fn sinh(value: f64) -> f64 {
    if value.abs() > HYPERBOLIC_LARGE {
        (value.abs().exp() * 0.5).copysign(value)
    } else {
        value.sinh()
    }
}

/// `sgn`: the sign; zero and NaN stay as they are.
pub(super) fn sgn(value: f64) -> f64 {
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

/// `math.Min` and `math.Max`: the infinity that is asked for wins, then NaN; zeros have signs.
fn go_min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    if a == 0.0 && b == 0.0 {
        return if a.is_sign_negative() { a } else { b };
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        return f64::INFINITY;
    }
    if a == 0.0 && b == 0.0 {
        return if a.is_sign_negative() { b } else { a };
    }
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
