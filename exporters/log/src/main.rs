//! The log exporter by itself.

fn main() {}
