//! Programs over logs, and the logs.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop, and says what it counted"
)]

mod bounds;
mod daemon;
mod language;
mod mistakes;
mod patterns;
mod programs;
mod source;
mod support;
