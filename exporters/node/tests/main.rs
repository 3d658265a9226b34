//! What each collector makes of a small host, and of a host where everything is missing or broken.
#![allow(clippy::unwrap_used, reason = "tests")]

mod broken;
mod buses;
mod daemons;
mod documented;
mod goldens;
mod suites;
mod support;
