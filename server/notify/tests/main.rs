//! Alerts on their way to Alertmanagers: scripted ones, one in this process, the original.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod delivery;
mod discovery;
mod original;
mod support;
