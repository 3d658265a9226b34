//! Go's text/template with the alerting functions of Prometheus and Alertmanager.
//!
//! A [`Set`] holds templates that know each other, a [`Template`] is one text. Data are
//! [`Value`]s; what has fields and methods is an [`Object`]. Errors are in Go's words, with its
//! positions.

pub mod alertmanager;
mod ast;
mod builtin;
mod error;
mod exec;
mod format;
mod function;
mod lex;
mod parse;
pub mod prometheus;
mod set;
mod time;
mod title;
mod value;

pub use error::Error;
pub use exec::{EXEC_DEPTH_MAX, OUTPUT_BYTES_MAX, STEPS_MAX, TEMPLATE_DEPTH_MAX, VALUE_DEPTH_MAX};
pub use function::{Functions, NoFunctions, Signature};
pub use parse::NESTING_MAX;
pub use set::{Set, TEMPLATE_BYTES_MAX, Template};
pub use time::{Duration, Time};
pub use value::{List, Map, Object, Type, Value};
