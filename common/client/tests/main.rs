//! The client against targets that behave and targets that do not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod targets;
