//! Programs over logs, and the logs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bounds;
mod daemon;
mod language;
mod mistakes;
mod programs;
mod source;
mod support;
