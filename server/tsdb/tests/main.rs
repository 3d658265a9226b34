//! The database from outside: appending, asking, crashing, comparing with Prometheus.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod basics;
mod crash;
mod faults;
mod peers;
mod support;
