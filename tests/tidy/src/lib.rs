//! House rules as tests: see `tests/main.rs`.
