//! The verdict on upstream's configuration files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "a test that is left out says so")]

mod prometheus;
mod suite;
