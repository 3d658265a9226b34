//! The wire formats against Prometheus' verdicts, goldens of our own, and arbitrary bytes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod created;
mod documents;
mod formats;
mod robust;
mod verdicts;
