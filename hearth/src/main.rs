//! The monitoring stack of one host in one small program.

fn main() {}
