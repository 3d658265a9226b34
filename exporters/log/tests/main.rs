//! Programs over logs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod source;
