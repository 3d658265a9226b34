//! Flags, logging, signals, readiness, clock and process metrics.
