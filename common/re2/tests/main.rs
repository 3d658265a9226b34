//! The dialect as a whole: what Go accepts, refuses and matches.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod accept;
mod go;
mod matchers;
mod random;
