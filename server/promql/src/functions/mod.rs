//! The function table: names and signatures. The parser checks calls against it; the evaluator
//! holds the implementations under the same names.

use crate::ast::ValueType;

/// One function as the parser knows it.
#[derive(Debug, PartialEq)]
pub struct Signature {
    /// Name.
    pub name: &'static str,
    /// Types of the arguments.
    pub args: &'static [ValueType],
    /// How many of the last arguments may be left out; −1: the last may also be repeated without
    /// limit (upstream's convention).
    pub variadic: i8,
    /// Type of the result.
    pub returns: ValueType,
    /// Refused unless experimental functions are enabled.
    pub experimental: bool,
}

mod absent;
mod clock;
mod extended;
mod implementations;
mod labels;
mod math;
mod over_time;
mod rate;
mod scalar;
mod sort;
pub(crate) mod sum;

pub(crate) use implementations::{Implementation, RangeCall, implementation};
