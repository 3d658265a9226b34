//! Routes, groups and receivers.

mod alert;

pub use alert::{Alert, fingerprint};
