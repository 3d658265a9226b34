//! Routes, groups and receivers.
