//! PromQL: lexer, parser, evaluator. No I/O and no clock.

pub mod ast;
pub mod engine;
mod eval;
pub mod functions;
pub mod lexer;
pub mod parser;
mod printer;
pub mod promqltest;
pub mod value;
