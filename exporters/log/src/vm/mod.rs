//! Programs as code, and the machine that runs them.

mod code;
mod codegen;
mod error;
mod fields;
mod fuse;
mod machine;
mod memo;
mod operate;
mod pattern;
mod text;
mod value;

pub use code::{Comparison, MetricSpec, Object, Op};
pub use codegen::{INSTRUCTIONS_MAX, generate};
pub use error::{NotANumber, RuntimeError};
pub use machine::{Hints, Machine, TimeOptions};
