//! The real program where things go wrong: killed, fed by hostile targets, out of disk space,
//! its calls failing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says why"
)]

mod busy;
mod disk_full;
mod hostile;
mod inject;
mod kill;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, not all use all")]
mod support;
