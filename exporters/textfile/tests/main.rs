//! The collector on real directories: our own table, and every case recorded from node_exporter.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod directories;
mod observed;
