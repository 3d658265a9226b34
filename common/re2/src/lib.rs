//! Go's regular-expression dialect on regex-automata: one front end for every pattern a user writes.
//!
//! [`Regex`] has the semantics, the limits and the error texts of Go's `regexp.Compile`; the text
//! matched is always UTF-8. [`matcher`] builds the label matchers of PromQL and the index, with
//! shortcuts for the patterns that people really write.

mod engine;
mod error;
mod expand;
mod glob;
mod matcher;
mod parse;
mod regex;
mod size;
mod syntax;

pub use engine::{LEAST_BYTES_MAX, NFA_BYTES_MAX};
pub use error::{Error, ErrorCode};
pub use matcher::{AnchoredPattern, matcher};
pub use parse::{CLASS_RANGES_MAX, HEIGHT_MAX, INSTRUCTIONS_MAX, PATTERN_BYTES_MAX, REPEAT_MAX};
pub use regex::{Captures, Regex};
pub use syntax::{CharClass, Syntax};
