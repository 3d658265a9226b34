//! Relabeling as a pure function.
