//! Templates against what the originals print.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod alertmanager;
mod hostile;
mod prometheus;
