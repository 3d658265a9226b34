//! Head, write-ahead log and chunks in Prometheus' formats.
