//! The function table: names and signatures. The parser checks calls against it; the evaluator
//! holds the implementations under the same names.

mod absent;
mod classic;
mod clock;
mod extended;
mod histogram;
mod implementations;
mod info;
pub(crate) mod labels;
mod math;
mod over_time;
mod rate;
mod regression;
mod scalar;
mod sort;
mod starts;
pub(crate) mod sum;
mod table;

pub(crate) use extended::histogram_between;
pub use table::{FUNCTIONS, lookup};

pub(crate) use implementations::{Implementation, RangeCall, RangeFn, implementation};

use crate::ast::ValueType;

/// One function as the parser knows it.
#[derive(Debug, PartialEq)]
pub struct Signature {
    /// Name.
    pub name: &'static str,
    /// Types of the arguments.
    pub args: &'static [ValueType],
    /// 0: exactly `args`. More: the last of `args` may be left out, and up to `variadic` of its
    /// type may stand in its place. −1: the last may be left out or repeated without limit
    /// (upstream's convention).
    pub variadic: i8,
    /// Type of the result.
    pub returns: ValueType,
    /// Refused unless experimental functions are enabled.
    pub experimental: bool,
}
