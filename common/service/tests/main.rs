//! Command lines and log lines as the replaced programs have them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod flags;
mod logging;
