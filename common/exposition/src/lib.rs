//! The wire formats of metrics: parse, encode, negotiate.
