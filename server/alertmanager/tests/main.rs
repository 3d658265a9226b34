//! The manager against fake servers, and against the original.
#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod email;
mod webhook;
