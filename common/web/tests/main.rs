//! The server over real sockets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod limits;
mod metrics;
mod protection;
mod support;
mod targets;
mod web_config;
