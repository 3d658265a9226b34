//! The language: from the text of a program to a checked syntax tree.

pub mod ast;
pub mod checker;
mod dump;
mod fold;
mod infer;
mod lexer;
pub mod parser;
pub mod position;
pub mod symbol;
pub mod token;
pub mod types;

pub use dump::dump;
pub use fold::fold;
