//! The exporter from outside: its configuration, its http prober, and those who attack it.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod attacks;
mod config;
mod http;
mod support;
