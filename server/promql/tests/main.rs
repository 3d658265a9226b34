//! Integration tests of `server-promql`.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod eval;
mod parser;
