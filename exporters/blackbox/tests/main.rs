//! The exporter from outside: its configuration and its pages.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod config;
