//! The evaluator against upstream's suite, own scripts, limits, and random expressions.

mod cores;
mod engine;
mod explain;
mod forecast;
mod random;
mod scripts;
mod suite;
