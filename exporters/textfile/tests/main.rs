//! The collector on real directories: our own table, every case recorded from node_exporter, its own cases, and the program.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod directories;
mod observed;
mod program;
mod upstream;
